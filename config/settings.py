"""The Django settings. Every difference between installations is an environment variable (docs/settings.md).

The defaults are those for production. A setting that would make the installation unsafe stops the start with a sentence
that says what to set. Master keys are not settings: `secrets_app.sealing.keyring` reads them.
"""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from accounts.common.bounds import LONGEST_ROLLBACK_HOURS, LONGEST_RUN_DAYS, SHORTEST_RUN_DAYS
from accounts.common.process import protect_files
from config.databases.addresses import cache, database
from config.http.content_policy import DIRECTIVES
from config.logs import logging
from config.monitoring.configuration import metrics_token, traces_address
from config.single_sign_on import providers

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
MINIMUM_SECRET_KEY_LENGTH, MINIMUM_DISTINCT_CHARACTERS = 50, 16


def required(name: str, hint: str) -> str:
    """Return the environment variable.

    Raises:
        ImproperlyConfigured: it is not set. The message says what to set.
    """
    value = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {hint}")
    return value


SECRET_KEY = required(
    "COFFER_SECRET_KEY", "Set it to a random text of 50 characters or more; `make run` writes one into .env."
)
if len(SECRET_KEY) < MINIMUM_SECRET_KEY_LENGTH or len(set(SECRET_KEY)) < MINIMUM_DISTINCT_CHARACTERS:
    raise ImproperlyConfigured(f"COFFER_SECRET_KEY is weak. Use {MINIMUM_SECRET_KEY_LENGTH} random characters or more.")
required(
    "COFFER_MASTER_KEYS",
    "Set it to `id:env:BASE64` or `id:file:PATH` with 32 random bytes; `make run` writes one into .env.",
)

ALLOWED_HOSTS = [
    host.strip()
    for host in required("COFFER_ALLOWED_HOSTS", "Set it to the host names served, separated by commas.").split(",")
]
if any(not host or host.startswith(("*", ".")) for host in ALLOWED_HOSTS):
    raise ImproperlyConfigured("COFFER_ALLOWED_HOSTS has a wildcard or an empty name. Name every host.")
TRUSTED_PROXIES = env.str("COFFER_TRUSTED_PROXIES", default="")
if env.str("COFFER_BEHIND_PROXY", default=""):
    raise ImproperlyConfigured(
        "COFFER_BEHIND_PROXY is no longer read. Set COFFER_TRUSTED_PROXIES to the address of your proxy instead, "
        "such as 127.0.0.1."
    )
SITE_URL = env.str("COFFER_SITE_URL", default=f"https://{ALLOWED_HOSTS[0]}").rstrip("/")
SERVED_ON_LOOPBACK = set(ALLOWED_HOSTS) <= LOOPBACK
HTTPS = urlsplit(SITE_URL).scheme == "https"
if urlsplit(SITE_URL).hostname not in {host.strip("[]") for host in ALLOWED_HOSTS}:
    raise ImproperlyConfigured("COFFER_SITE_URL names a host that COFFER_ALLOWED_HOSTS does not list.")
if not HTTPS and not SERVED_ON_LOOPBACK:
    raise ImproperlyConfigured("COFFER_SITE_URL is not https. Plain http is for loopback hosts only.")

DEBUG = env.bool("COFFER_DEBUG", default=False)
if DEBUG and not SERVED_ON_LOOPBACK:
    raise ImproperlyConfigured("COFFER_DEBUG is on, but COFFER_ALLOWED_HOSTS is not loopback only. Turn it off.")

EGRESS_ALLOW = env.str("COFFER_EGRESS_ALLOW", default="")
NAT64_PREFIXES = env.str("COFFER_NAT64_PREFIXES", default="")
EGRESS_CA_FILE = env.str("COFFER_EGRESS_CA_FILE", default="")

ROLLBACK_HOURS = env.int("COFFER_ROLLBACK_HOURS", default=24)
if not 1 <= ROLLBACK_HOURS <= LONGEST_ROLLBACK_HOURS:
    raise ImproperlyConfigured("COFFER_ROLLBACK_HOURS is out of range. Set it to a number of hours from 1 to 720.")

RUN_DAYS = env.int("COFFER_RUN_DAYS", default=400)
if not SHORTEST_RUN_DAYS <= RUN_DAYS <= LONGEST_RUN_DAYS:
    raise ImproperlyConfigured("COFFER_RUN_DAYS is out of range. Set it to a number of days from 90 to 3650.")

AUDIT_HEADS_MAIL = env.str("COFFER_AUDIT_HEADS_MAIL", default="")
AUDIT_HEADS_WEBHOOK = env.str("COFFER_AUDIT_HEADS_WEBHOOK", default="")

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
            ],
        },
    },
]

# Databases and cache

VAR = BASE_DIR / "var"
VAR.mkdir(mode=0o700, exist_ok=True)
DATABASES = {"default": database(env, VAR)}
protect_files(VAR, DATABASES["default"]["NAME"] if "sqlite" in DATABASES["default"]["ENGINE"] else "")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": cache(env.cache_url("CACHE_URL", default="dbcache://coffer_cache"))}
WORKERS = env.int("WEB_CONCURRENCY", default=1)
PER_PROCESS = "LocMem" in CACHES["default"]["BACKEND"]
if PER_PROCESS and (WORKERS > 1 or not SERVED_ON_LOOPBACK):
    raise ImproperlyConfigured(
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

SIGN_UP = env.str("COFFER_SIGN_UP", default="invited")
if SIGN_UP not in {"invited", "anybody", "nobody"}:
    raise ImproperlyConfigured("COFFER_SIGN_UP is unknown. Set it to invited, anybody or nobody.")

# Single sign-on with one OpenID Connect provider

SOCIALACCOUNT_ADAPTER = "accounts.sign_in.adapter.SingleSignOnAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # an equal e-mail address at the provider does not prove ownership
SOCIALACCOUNT_STORE_TOKENS = False
OIDC_ISSUER = env.str("COFFER_OIDC_ISSUER", default="").rstrip("/")
OIDC_NAME = env.str("COFFER_OIDC_NAME", default="your company account")
OIDC_SIGN_UP = env.bool("COFFER_OIDC_SIGN_UP", default=False)
SOCIALACCOUNT_PROVIDERS = {}
if OIDC_ISSUER:
    if urlsplit(OIDC_ISSUER).scheme != "https" and urlsplit(OIDC_ISSUER).hostname not in LOOPBACK:
        raise ImproperlyConfigured("COFFER_OIDC_ISSUER is not https. Name the provider by its https address.")
    SOCIALACCOUNT_PROVIDERS = providers(
        issuer=OIDC_ISSUER,
        name=OIDC_NAME,
        client_id=required("COFFER_OIDC_CLIENT_ID", "Single sign-on needs the client id from the provider."),
        secret=required("COFFER_OIDC_CLIENT_SECRET", "Single sign-on needs the client secret from the provider."),
    )

# Browser

SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_IDLE_SECONDS, SESSION_COOKIE_AGE = 12 * 3600, 7 * 24 * 3600  # accounts/sign_in/session_limits.py
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SECURE_SSL_REDIRECT = HTTPS and env.bool("COFFER_SSL_REDIRECT", default=True)
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
STATIC_ROOT = Path(env.str("COFFER_STATIC_ROOT", default=str(VAR / "static")))
STATIC_ROOT.mkdir(mode=0o700, exist_ok=True)
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
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
if EMAIL_CONFIG["EMAIL_BACKEND"] == "django.core.mail.backends.console.EmailBackend":
    EMAIL_CONFIG["EMAIL_BACKEND"] = "accounts.mail.console_backend.EmailBackend"
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10  # seconds; a person waits for the page that says whether the mail was sent
DEFAULT_FROM_EMAIL = env.str("COFFER_FROM_EMAIL", default=f"coffer@{ALLOWED_HOSTS[0]}")

LOGGING = logging(env.str("COFFER_LOG_LEVEL", default="INFO"), env.str("COFFER_LOG_FORMAT", default="text"))
METRICS_TOKEN = metrics_token(env.str("COFFER_METRICS_TOKEN", default=""))
TRACES = traces_address(env.str("COFFER_TRACES", default=""))
