"""An installation starts with safe settings; the first `.env` is private. `test_misconfigurations` has the rest."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from config import bootstrap
from tests import environment

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "COFFER_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "COFFER_MASTER_KEYS": f"first:env:{environment.MASTER_KEY}",
    "COFFER_ALLOWED_HOSTS": "coffer.example.com",
    "COFFER_SITE_URL": "https://coffer.example.com",
    "COFFER_EGRESS_ALLOW": "",
    "COFFER_EGRESS_CA_FILE": "",
    "COFFER_DEBUG": "off",
    "WEB_CONCURRENCY": "1",
    "CACHE_URL": "dbcache://coffer_cache",
    "DATABASE_URL": "sqlite://:memory:",
    "DJANGO_SETTINGS_MODULE": "config.settings",
}


def start(program="import django; django.setup()", **changes):
    """Load settings and apps in a clean process, as every server and command does; exit code and last words."""
    variables = {"PATH": os.environ["PATH"], **PRODUCTION, **changes}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


SAFE = """
import django; django.setup()
from django.conf import settings as s
assert (s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME) == ("__Host-session", "__Host-csrf")
assert s.SESSION_COOKIE_SECURE and s.CSRF_COOKIE_SECURE and s.SESSION_COOKIE_HTTPONLY and s.SESSION_COOKIE_PATH == "/"
assert s.SESSION_COOKIE_DOMAIN is s.CSRF_COOKIE_DOMAIN is None
assert s.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN is False and s.ALLAUTH_TRUSTED_PROXY_COUNT == 0
assert s.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
"""


def test_production_has_safe_cookies_checks_the_origin_of_passkeys_and_hashes_passwords_slowly():
    assert start(SAFE) == (0, "")


def test_loopback_starts_over_plain_http_also_for_developers():
    """Without COFFER_DEBUG, see `test_first_settings_file_is_private_and_starts_the_product`."""
    loopback = {"COFFER_ALLOWED_HOSTS": "localhost,127.0.0.1", "COFFER_SITE_URL": "http://localhost:8000"}
    assert start(**loopback, COFFER_DEBUG="on") == (0, "")


def bootstrapped(file, *arguments, **variables):
    command = [sys.executable, "-m", "config.bootstrap", str(file), *arguments]
    variables = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


def settings_in(file):
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_first_settings_file_is_private_and_starts_the_product(tmp_path):
    file = tmp_path / ".env"
    done = bootstrapped(file, PORT="8123")
    written = settings_in(file)
    assert (done.returncode, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert written["COFFER_SITE_URL"] == "http://localhost:8123"
    assert written["COFFER_EGRESS_ALLOW"] == "127.0.0.1/32"
    assert written.get("COFFER_DEBUG", "off") == "off"
    assert not [value for name, value in written.items() if "KEY" in name and value in done.stdout + done.stderr]
    assert start(**written) == (0, "")


SINGLE_SIGN_ON = {
    "COFFER_OIDC_ISSUER": "https://id.example.com",
    "COFFER_OIDC_CLIENT_ID": "coffer",
    "COFFER_OIDC_CLIENT_SECRET": "a-secret",
}


def test_a_settings_file_for_production_starts_the_product_also_with_single_sign_on(tmp_path):
    file = tmp_path / "coffer.env"
    database = "postgres://coffer:word@db.internal/coffer"
    place = ("--host", "coffer.example.com", "--database", database)
    done = bootstrapped(file, *place, "--proxy", "10.0.0.7", "--workers", "3")
    written = settings_in(file)
    assert (done.returncode, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert (written["COFFER_SITE_URL"], written["COFFER_TRUSTED_PROXIES"]) == ("https://coffer.example.com", "10.0.0.7")
    assert (written["DATABASE_URL"], written["WEB_CONCURRENCY"]) == (database, "3")
    assert start(**written, **SINGLE_SIGN_ON) == (0, "")
    assert "--database" in bootstrapped(tmp_path / "other.env", "--host", "coffer.example.com").stderr


def test_without_demo_nothing_is_opened(tmp_path):
    bootstrapped(tmp_path / ".env", DEMO="0")
    assert "COFFER_EGRESS_ALLOW" not in settings_in(tmp_path / ".env")


def test_settings_file_is_never_replaced(tmp_path):
    file = tmp_path / ".env"
    file.write_text("MINE=1\n")
    refused = bootstrapped(file)
    assert refused.returncode != 0
    assert "exists, and its keys may be in use" in refused.stderr
    assert file.read_text() == "MINE=1\n"


def test_keys_are_new_every_time():
    texts = [bootstrap.settings_text(port="8000", demo=True) for _ in range(2)]
    assert (
        not set(texts[0].splitlines())
        & set(texts[1].splitlines())
        & {line for line in texts[0].splitlines() if "KEY" in line and not line.startswith("#")}
    )
