"""An installation that would not be safe does not start, and says why; the first `.env` is private."""

import os
import runpy
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

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


def start(**changes):
    """Load settings and apps in a clean process, as every server and command does; exit code and last words."""
    variables = {"PATH": os.environ["PATH"], **PRODUCTION, **changes}
    command = [sys.executable, "-c", "import django; django.setup()"]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


def test_production_starts():
    assert start() == (0, "")


LOOPBACK = {"COFFER_ALLOWED_HOSTS": "localhost,127.0.0.1", "COFFER_SITE_URL": "http://localhost:8000"}


@pytest.mark.parametrize("extra", [{}, {"COFFER_DEBUG": "on"}])
def test_loopback_starts_over_plain_http(extra):
    assert start(**LOOPBACK, **extra) == (0, "")


REFUSED = {
    "no secret key": ({"COFFER_SECRET_KEY": ""}, "COFFER_SECRET_KEY is not set"),
    "weak secret key": ({"COFFER_SECRET_KEY": "x" * 49}, "COFFER_SECRET_KEY is weak"),
    "no master key": ({"COFFER_MASTER_KEYS": ""}, "COFFER_MASTER_KEYS is not set"),
    "malformed master key": ({"COFFER_MASTER_KEYS": "first:env:c2hvcnQ="}, "COFFER_MASTER_KEYS: Master key 1 must be"),
    "bare master key": ({"COFFER_MASTER_KEYS": environment.MASTER_KEY}, "COFFER_MASTER_KEYS: Master key 1 must read"),
    "master key in a missing file": (
        {"COFFER_MASTER_KEYS": "a:file:/nowhere/key"},
        "file of master key 1 cannot be read",
    ),
    "no hosts": ({"COFFER_ALLOWED_HOSTS": ""}, "COFFER_ALLOWED_HOSTS is not set"),
    "any host": ({"COFFER_ALLOWED_HOSTS": "*"}, "COFFER_ALLOWED_HOSTS has a wildcard"),
    "any host after a space": (
        {"COFFER_ALLOWED_HOSTS": "coffer.example.com, *"},
        "COFFER_ALLOWED_HOSTS has a wildcard",
    ),
    "all subdomains": ({"COFFER_ALLOWED_HOSTS": ".example.com"}, "COFFER_ALLOWED_HOSTS has a wildcard"),
    "empty host": ({"COFFER_ALLOWED_HOSTS": "coffer.example.com,"}, "or an empty name"),
    "debug in public": ({"COFFER_DEBUG": "on"}, "COFFER_DEBUG is on"),
    "plain http in public": ({"COFFER_SITE_URL": "http://coffer.example.com"}, "COFFER_SITE_URL is not https"),
    "a cache for each process": (
        {"WEB_CONCURRENCY": "2", "CACHE_URL": "locmemcache://"},
        "CACHE_URL is a per-process cache",
    ),
    "the whole internet opened": (
        {"COFFER_EGRESS_ALLOW": "0.0.0.0/0"},
        "COFFER_EGRESS_ALLOW: “0.0.0.0/0” contains every address",
    ),
    "the whole IPv6 internet opened": ({"COFFER_EGRESS_ALLOW": "10.0.0.0/8,::/0"}, "“::/0” contains every address"),
    "egress that is no network": (
        {"COFFER_EGRESS_ALLOW": "internal"},
        "COFFER_EGRESS_ALLOW: “internal” is not a network",
    ),
    "sign-up for whom?": ({"COFFER_SIGN_UP": "everybody"}, "COFFER_SIGN_UP is unknown"),
    "single sign-on in clear": ({"COFFER_OIDC_ISSUER": "http://id.example.com"}, "COFFER_OIDC_ISSUER is not https"),
    "single sign-on without an id": (
        {"COFFER_OIDC_ISSUER": "https://id.example.com"},
        "COFFER_OIDC_CLIENT_ID is not set",
    ),
    "single sign-on without a secret": (
        {"COFFER_OIDC_ISSUER": "https://id.example.com", "COFFER_OIDC_CLIENT_ID": "coffer"},
        "COFFER_OIDC_CLIENT_SECRET is not set",
    ),
    "roots that are not there": ({"COFFER_EGRESS_CA_FILE": "/nowhere.pem"}, "COFFER_EGRESS_CA_FILE cannot be used"),
}
AT_START = {
    "malformed master key",
    "bare master key",
    "master key in a missing file",
    "the whole internet opened",
    "the whole IPv6 internet opened",
    "egress that is no network",
    "roots that are not there",
}
"""What is refused once the settings are read, so that it takes a process of its own; the rest is refused by them."""


def test_single_sign_on_starts():
    sso = {"COFFER_OIDC_ISSUER": "https://id.example.com", "COFFER_OIDC_CLIENT_ID": "coffer"}
    assert start(**sso, COFFER_OIDC_CLIENT_SECRET="a-secret") == (0, "")


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
    command = [sys.executable, "-c", SAFE]
    variables = {"PATH": os.environ["PATH"], **PRODUCTION}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(REFUSED.keys() - AT_START))
def test_unsafe_settings_are_refused_and_say_why(monkeypatch, name):
    changes, reason = REFUSED[name]
    for variable, text in {**PRODUCTION, **changes}.items():
        monkeypatch.setenv(variable, text)
    with pytest.raises(ImproperlyConfigured) as refusal:
        runpy.run_path(str(ROOT / "config" / "settings.py"))
    assert_told(str(refusal.value), reason)


@pytest.mark.parametrize("name", ["no master key", *sorted(AT_START)])
def test_unsafe_installation_does_not_start_and_says_why(name):
    changes, reason = REFUSED[name]
    code, said = start(**changes)
    assert code != 0
    assert said.startswith("django.core.exceptions.ImproperlyConfigured: ")
    assert_told(said, reason)


def assert_told(said, reason):
    assert reason in said
    assert environment.MASTER_KEY not in said
    assert PRODUCTION["COFFER_SECRET_KEY"] not in said


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
    assert not [value for name, value in written.items() if "KEY" in name and value in done.stdout + done.stderr]
    assert start(**written) == (0, "")


def test_a_settings_file_for_production_starts_the_product(tmp_path):
    file = tmp_path / "coffer.env"
    database = "postgres://coffer:word@db.internal/coffer"
    done = bootstrapped(file, "--host", "coffer.example.com", "--database", database, "--proxy", "10.0.0.7")
    written = settings_in(file)
    assert (done.returncode, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert (written["COFFER_SITE_URL"], written["COFFER_TRUSTED_PROXIES"]) == ("https://coffer.example.com", "10.0.0.7")
    assert (written["DATABASE_URL"], int(written["WEB_CONCURRENCY"]) > 0) == (database, True)
    assert start(**written) == (0, "")
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
