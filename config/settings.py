"""The Django settings. Every difference between installations is an environment variable (docs/settings.md).

The defaults are those for production. A setting that would make the installation unsafe stops the start with a sentence
that says what to set. Master keys are not settings: `secrets_app.sealing.keyring` reads them.
"""

from pathlib import Path
from typing import Any

from accounts.common.bounds import LONGEST_ROLLBACK_HOURS, LONGEST_RUN_DAYS, SHORTEST_RUN_DAYS
from accounts.common.process import protect_files
from config.configuration.installation import LOOPBACK, allowed_hosts, secret_key, single_sign_on, site_url
from config.configuration.reading import Variables
from config.databases.addresses import cache, database
from config.http.content_policy import DIRECTIVES
from config.logs import logging
from config.monitoring.configuration import metrics_token, traces_address

BASE_DIR = Path(__file__).resolve().parent.parent
env = Variables(BASE_DIR / ".env")

SECRET_KEY = secret_key(env)
env.required(
    "COFFER_MASTER_KEYS",
    "Set it to `id:env:BASE64` or `id:file:PATH` with 32 random bytes; `make run` writes one into .env.",
)

ALLOWED_HOSTS = allowed_hosts(env)
TRUSTED_PROXIES = env.text("COFFER_TRUSTED_PROXIES")
env.retired(
    "COFFER_BEHIND_PROXY", "Set COFFER_TRUSTED_PROXIES to the address of your proxy instead, such as 127.0.0.1."
)
address = site_url(env, ALLOWED_HOSTS)
SITE_URL, HTTPS = address.geturl(), address.scheme == "https"
SERVED_ON_LOOPBACK = set(ALLOWED_HOSTS) <= LOOPBACK

DEBUG = env.switch("COFFER_DEBUG")
if DEBUG and not SERVED_ON_LOOPBACK:
    env.refuse("COFFER_DEBUG is on, but COFFER_ALLOWED_HOSTS is not loopback only. Turn it off.")

EGRESS_ALLOW = env.text("COFFER_EGRESS_ALLOW")
NAT64_PREFIXES = env.text("COFFER_NAT64_PREFIXES")
EGRESS_CA_FILE = env.text("COFFER_EGRESS_CA_FILE")

ROLLBACK_HOURS = env.number("COFFER_ROLLBACK_HOURS", 1, LONGEST_ROLLBACK_HOURS, "hours")
RUN_DAYS = env.number("COFFER_RUN_DAYS", SHORTEST_RUN_DAYS, LONGEST_RUN_DAYS, "days")

AUDIT_HEADS_MAIL = env.text("COFFER_AUDIT_HEADS_MAIL")
AUDIT_HEADS_WEBHOOK = env.text("COFFER_AUDIT_HEADS_WEBHOOK")

INSTALLED_APPS = [
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "ninja",
    "csp",
    "config.admin_site.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    # Coffer's apps come last: accounts unregisters models of the others from the Django admin.
    "accounts",
    "secrets_app",
    "integrations",
    "config",
]

MIDDLEWARE = [
    "config.http.middleware.ProblemMiddleware",
    "config.http.middleware.CompressedPages",
    "django.middleware.security.SecurityMiddleware",
    "config.http.middleware.ContentPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.web.middleware.PrivatePagesMiddleware",
    "config.sessions.SessionCookieMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.web.middleware.SessionLimitsMiddleware",
    "accounts.web.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.web.context.shell",
                "secrets_app.web.context.attention",
                "integrations.web.approvals.context.waiting",
            ],
        },
    },
]

# Databases and cache

VAR = BASE_DIR / "var"
STATIC_ROOT = Path(env.text("COFFER_STATIC_ROOT", default=f"{VAR / 'static'}"))
env.folder(VAR)
env.folder(STATIC_ROOT)
DATABASES = {"default": database(env, VAR)}
protect_files(VAR, DATABASES["default"]["NAME"] if "sqlite" in DATABASES["default"]["ENGINE"] else "")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES: dict[str, Any] = {"default": env.attempt(lambda: cache(env.cache_url("CACHE_URL")), {"BACKEND": ""})}
WORKERS = env.number("WEB_CONCURRENCY", 1, 1000)
PER_PROCESS = "LocMem" in CACHES["default"]["BACKEND"]
if PER_PROCESS and (WORKERS > 1 or not SERVED_ON_LOOPBACK):
    env.refuse(
        "CACHE_URL is a per-process cache: with several workers, sign-in limits would not hold. "
        "Leave it out to use a table of the database, or name a server."
    )

# People

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.sign_in.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.sign_in.forms.NameForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_PREVENT_ENUMERATION = "strict"
# Only a mail says that an address has no account. The page looks the same and takes as long.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# Codes instead of links: a code works only in the session that requested it, and the mail contains nothing to click.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False  # resetting a password must not skip the second factor
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # this session stays; the others end with the old password's hash
ACCOUNT_SESSION_REMEMBER = False
USERSESSIONS_ADAPTER = "accounts.sign_in.adapter.SessionsAdapter"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ALLAUTH_TRUSTED_PROXY_COUNT = 0  # REMOTE_ADDR is the client's address (accounts/access/client_addresses.py)

MFA_ADAPTER = "config.second_factors.SecondFactorAdapter"
MFA_FORMS = {"activate_totp": "config.second_factors.ActivateTotpForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Coffer"
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # plain http is allowed on loopback hosts only (above)

SIGN_UP = env.one_of("COFFER_SIGN_UP", {"invited", "anybody", "nobody"})

# Single sign-on with one OpenID Connect provider

SOCIALACCOUNT_ADAPTER = "accounts.sign_in.adapter.SingleSignOnAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # an equal e-mail address at the provider does not prove ownership
SOCIALACCOUNT_STORE_TOKENS = False
OIDC_ISSUER = env.text("COFFER_OIDC_ISSUER").rstrip("/")
OIDC_NAME = env.text("COFFER_OIDC_NAME")
OIDC_SIGN_UP = env.switch("COFFER_OIDC_SIGN_UP")
SOCIALACCOUNT_PROVIDERS = single_sign_on(env, OIDC_ISSUER)

# Browser

SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_IDLE_SECONDS, SESSION_COOKIE_AGE = 12 * 3600, 7 * 24 * 3600  # accounts/sign_in/session_limits.py
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SECURE_SSL_REDIRECT = env.switch("COFFER_SSL_REDIRECT") and HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": DIRECTIVES}
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.http.reports.SilentReporterFilter"

# Files, language, mail, logs, metrics

# Uploads may contain values, so they are kept in memory and never written to a temporary file. A larger file is
# dropped, and the import page says so.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 16_000  # 5,000 lines of an import, with two names and a checkbox each
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "config.static_files.HashedStaticFiles",
    },
}
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
EMAIL_CONFIG = env.email_url("EMAIL_URL")
if EMAIL_CONFIG["EMAIL_BACKEND"] == "django.core.mail.backends.console.EmailBackend":
    EMAIL_CONFIG["EMAIL_BACKEND"] = "accounts.mail.console_backend.EmailBackend"
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10  # seconds; a person waits for the page that says whether the mail was sent
DEFAULT_FROM_EMAIL = env.text("COFFER_FROM_EMAIL", default=f"coffer@{ALLOWED_HOSTS[0]}")

LOG_LEVEL = env.one_of("COFFER_LOG_LEVEL", {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
LOGGING = logging(LOG_LEVEL, env.one_of("COFFER_LOG_FORMAT", {"text", "json"}))
METRICS_TOKEN = env.attempt(lambda: metrics_token(env.text("COFFER_METRICS_TOKEN")), "")
TRACES = env.attempt(lambda: traces_address(env.text("COFFER_TRACES")), "")
env.finish()
