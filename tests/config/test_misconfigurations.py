"""Misconfigurations, each with the sentence that the start or `manage.py doctor` gives, and never a traceback."""

import io
import os
import runpy
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings
from django.utils import timezone

from config.configuration.explaining import sentences_instead_of_tracebacks
from config.configuration.registry import misspelt
from config.databases import advice
from config.doctor import host
from config.http import health, ignored_headers
from config.http.proxies import Proxies
from config.models import FinishedJob
from integrations.editing.integrations import IntegrationChanges, delete_integration, update_integration
from integrations.egress import configuration
from integrations.models import SecretReference
from secrets_app.models import OrganizationKey
from secrets_app.sealing import held_keys
from tests import environment
from tests.support.databases.undone import failures
from tests.support.things import make_action, store_secret

ROOT = Path(__file__).resolve().parents[2]
SECRET = "Tr0ub4dor"
PRODUCTION = {
    "COFFER_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "COFFER_MASTER_KEYS": f"first:env:{environment.MASTER_KEY}",
    "COFFER_ALLOWED_HOSTS": "coffer.example.com",
    "COFFER_SITE_URL": "https://coffer.example.com",
    "DATABASE_URL": "sqlite://:memory:",
}
ISSUER = {"COFFER_OIDC_ISSUER": "https://id.example.com"}
AT_START = {
    "no secret key": ({"COFFER_SECRET_KEY": ""}, "COFFER_SECRET_KEY is not set. Set it to a random text"),
    "weak secret key": ({"COFFER_SECRET_KEY": "x" * 60}, "COFFER_SECRET_KEY is weak. Use 50 random characters"),
    "no master key": ({"COFFER_MASTER_KEYS": ""}, "COFFER_MASTER_KEYS is not set. Set it to `id:env:BASE64`"),
    "short master key": ({"COFFER_MASTER_KEYS": "a:env:c2hvcnQ="}, "COFFER_MASTER_KEYS: Master key 1 must be"),
    "alias of KMS": ({"COFFER_MASTER_KEYS": "a:kms:alias/coffer=/k"}, "Master key 1 must read id:kms:ARN=/path"),
    "list of keys missing": ({"COFFER_MASTER_KEYS": "@/nowhere/keys"}, "The list of the master keys cannot be read"),
    "bare master key": ({"COFFER_MASTER_KEYS": environment.MASTER_KEY}, "Master key 1 must read id:env:BASE64"),
    "key file missing": ({"COFFER_MASTER_KEYS": "a:file:/nowhere/key"}, "file of master key 1 cannot be read"),
    "no hosts": ({"COFFER_ALLOWED_HOSTS": ""}, "COFFER_ALLOWED_HOSTS is not set. Set it to the host names"),
    "any host": ({"COFFER_ALLOWED_HOSTS": "coffer.example.com, *"}, "has a wildcard or an empty name"),
    "all subdomains": ({"COFFER_ALLOWED_HOSTS": ".example.com"}, "has a wildcard or an empty name"),
    "empty host": ({"COFFER_ALLOWED_HOSTS": "coffer.example.com,"}, "has a wildcard or an empty name"),
    "address as host": ({"COFFER_ALLOWED_HOSTS": "https://coffer.example.com"}, "no https://, no port"),
    "host with port": ({"COFFER_ALLOWED_HOSTS": "coffer.example.com:443"}, "no https://, no port"),
    "http in public": ({"COFFER_SITE_URL": "http://coffer.example.com"}, "COFFER_SITE_URL is not https"),
    "another site": ({"COFFER_SITE_URL": "https://other.example.com"}, "COFFER_ALLOWED_HOSTS does not list"),
    "site without scheme": ({"COFFER_SITE_URL": "coffer.example.com"}, "COFFER_SITE_URL is not an address"),
    "site with a bad port": ({"COFFER_SITE_URL": "https://coffer.example.com:x"}, "COFFER_SITE_URL is not an address"),
    "site below a path": ({"COFFER_SITE_URL": "https://coffer.example.com/x"}, "has more than a host and a port"),
    "no time for locks": (
        {"COFFER_LOCK_SECONDS": "0", "DATABASE_URL": "postgres://coffer@/coffer"},
        "COFFER_LOCK_SECONDS is out of range or no number. Set it to a number of seconds from 1 to 3600.",
    ),
    "short metrics token": ({"COFFER_METRICS_TOKEN": "metrics"}, "COFFER_METRICS_TOKEN is short. Use 24 random"),
    "traces to a host": ({"COFFER_TRACES": "collector:4318"}, "COFFER_TRACES is no address"),
    "debug yess": ({"COFFER_DEBUG": "yess"}, "COFFER_DEBUG is neither on nor off"),
    "debug in public": ({"COFFER_DEBUG": "on"}, "COFFER_DEBUG is on, but"),
    "redirect maybe": ({"COFFER_SSL_REDIRECT": "maybe"}, "COFFER_SSL_REDIRECT is neither on nor off"),
    "old proxy flag": ({"COFFER_BEHIND_PROXY": "1"}, "COFFER_BEHIND_PROXY is no longer read"),
    "proxy by name": ({"COFFER_TRUSTED_PROXIES": "nginx"}, "COFFER_TRUSTED_PROXIES: “nginx” is not an address"),
    "every proxy": ({"COFFER_TRUSTED_PROXIES": "0.0.0.0/0"}, "contains every address"),
    "egress by name": ({"COFFER_EGRESS_ALLOW": "internal"}, "COFFER_EGRESS_ALLOW: “internal” is not a network"),
    "egress to all": ({"COFFER_EGRESS_ALLOW": "10.0.0.0/8,::/0"}, "“::/0” contains every address"),
    "gateway": ({"COFFER_NAT64_PREFIXES": "10.0.0.0/8"}, "COFFER_NAT64_PREFIXES: "),
    "roots missing": ({"COFFER_EGRESS_CA_FILE": "/nowhere.pem"}, "COFFER_EGRESS_CA_FILE cannot be used"),
    "hours in words": ({"COFFER_ROLLBACK_HOURS": "a day"}, "Set it to a number of hours from 1 to 720"),
    "days too few": ({"COFFER_RUN_DAYS": "9"}, "Set it to a number of days from 90 to 3650"),
    "sign-up": ({"COFFER_SIGN_UP": "everybody"}, "Set it to anybody, invited or nobody"),
    "issuer in clear": ({"COFFER_OIDC_ISSUER": "http://id.example.com"}, "COFFER_OIDC_ISSUER is not https"),
    "no client id": (ISSUER, "COFFER_OIDC_CLIENT_ID is not set"),
    "no client secret": ({**ISSUER, "COFFER_OIDC_CLIENT_ID": "coffer"}, "COFFER_OIDC_CLIENT_SECRET is not set"),
    "another database": ({"DATABASE_URL": f"mysql://u:{SECRET}@h/n"}, "a database that Coffer does not offer"),
    "database scheme": ({"DATABASE_URL": f"u:{SECRET}@h/n"}, "DATABASE_URL "),
    "database port": ({"DATABASE_URL": f"postgres://u:{SECRET}@h:port/n"}, "DATABASE_URL cannot be read"),
    "database name": ({"DATABASE_URL": f"postgres://u:{SECRET}@h"}, "DATABASE_URL names no database"),
    "cache scheme": ({"CACHE_URL": "redys://h"}, "CACHE_URL cannot be read. Leave it out"),
    "cache of pickles": ({"CACHE_URL": "filecache:///tmp/x"}, "CACHE_URL names a cache that Coffer does not offer"),
    "cache of a process": ({"CACHE_URL": "locmemcache://", "WEB_CONCURRENCY": "2"}, "CACHE_URL is a per-process cache"),
    "workers": ({"WEB_CONCURRENCY": "many"}, "WEB_CONCURRENCY is out of range or no number"),
    "mail scheme": ({"EMAIL_URL": f"mail://u:{SECRET}@h"}, "EMAIL_URL cannot be read"),
    "mail port": ({"EMAIL_URL": f"smtp://u:{SECRET}@h:port"}, "EMAIL_URL cannot be read"),
    "mail host": ({"EMAIL_URL": "smtp://"}, "EMAIL_URL names no mail server"),
    "log level": ({"COFFER_LOG_LEVEL": "LOUD"}, "COFFER_LOG_LEVEL is unknown. Set it to CRITICAL"),
    "log format": ({"COFFER_LOG_FORMAT": "xml"}, "COFFER_LOG_FORMAT is unknown. Set it to json or text"),
}


def load(monkeypatch, **changes):
    """Read the settings as a start does, and what the apps read when they are ready."""
    for name in [name for name in os.environ if name.startswith("COFFER_") or name.endswith("_URL")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    for name, text in {**PRODUCTION, **changes}.items():
        monkeypatch.setenv(name, text)
    read = runpy.run_path(str(ROOT / "config" / "settings.py"))
    monkeypatch.setattr(held_keys, "current", held_keys.current)
    held_keys.load()
    names = ("EGRESS_ALLOW", "NAT64_PREFIXES", "EGRESS_CA_FILE", "SITE_URL", "ALLOWED_HOSTS")
    with override_settings(**{name: read[name] for name in names}):
        configuration.policy.__wrapped__()
        configuration.ssl_context.__wrapped__()
    Proxies(read["TRUSTED_PROXIES"])


def test_production_starts(monkeypatch):
    load(monkeypatch)


def test_start_says_what_is_wrong_and_repeats_no_secret(monkeypatch):
    wrong = {}
    for name, (changes, sentence) in AT_START.items():
        with monkeypatch.context() as patch:
            try:
                load(patch, **changes)
                said = "nothing"
            except ImproperlyConfigured as problem:
                said = str(problem)
        if sentence not in said or any(text in said for text in (SECRET, environment.MASTER_KEY, "0123456789abc")):
            wrong[name] = said
    assert wrong == {}
    assert len(AT_START) >= 40


def test_start_names_everything_at_once(monkeypatch):
    with pytest.raises(ImproperlyConfigured) as refusal:
        load(monkeypatch, COFFER_DEBUG="yess", COFFER_SECRET_KEY="", DATABASE_URL="x://", COFFER_RUN_DAYS="1")
    assert [line.split()[0] for line in str(refusal.value).splitlines()] == [
        "COFFER_SECRET_KEY", "COFFER_DEBUG", "COFFER_RUN_DAYS", "DATABASE_URL",
    ]  # fmt: skip


def test_redis_without_its_package(monkeypatch):
    monkeypatch.setattr("config.configuration.reading.find_spec", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match="the package redis is not installed"):
        load(monkeypatch, CACHE_URL="redis://localhost:6379/0")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("COFFER_TRUSTED_PROXYS", ["Did you mean COFFER_TRUSTED_PROXIES?"]),
        ("COFFER_MASTERKEYS", ["Did you mean COFFER_MASTER_KEYS?"]),
        ("COFFER_ZZZ", ["COFFER_ZZZ is not a setting, so it has no effect."]),
        ("DATABASE_URI", ["Did you mean DATABASE_URL?"]),
        ("OTHER_DATABASE", []),
        ("COFFER_DEBUG", []),
    ],
)
def test_misspelt_name(name, sentence):
    said = misspelt([name])
    assert len(said) == len(sentence)
    assert all(part in line for part, line in zip(sentence, said, strict=True))


OUTAGES = {
    'connection failed: FATAL:  password authentication failed for user "u"': "refuses the user or the password",
    'connection failed: FATAL:  database "n" does not exist': "has no such database or role",
    "connection failed: Connection refused": "does not listen there, or does not run",
    "failed to resolve host 'db': Name or service not known": "cannot be found under its host name",
    "connection timeout expired": "does not answer in time",
    "FATAL: sorry, too many connections": "has no free connection",
    "something else": "does not answer",
}


def test_lost_database_is_a_sentence(monkeypatch, settings):
    monkeypatch.setattr("config.configuration.explaining.is_outage", lambda fault: True)
    place = {"NAME": "n", "HOST": "db", "PORT": "", "PASSWORD": SECRET}
    monkeypatch.setitem(settings.DATABASES, "default", place)
    for text, reason in OUTAGES.items():
        with pytest.raises(SystemExit) as end, sentences_instead_of_tracebacks():
            raise OperationalError(text)
        assert end.value.code == f"The database n at db:5432 {reason}. Check DATABASE_URL, and that the database runs."


def doctor(**options):
    """What the doctor says, and whether something is wrong."""
    out = io.StringIO()
    try:
        call_command("doctor", stdout=out, no_color=True, **options)
    except CommandError as problem:
        return out.getvalue(), str(problem)
    return out.getvalue(), ""


@pytest.fixture
def healthy(settings, monkeypatch, tmp_path):
    settings.VAR = settings.STATIC_ROOT = tmp_path
    settings.DEBUG = True
    monkeypatch.setattr(health, "KEPT_SECONDS", -1.0)
    monkeypatch.setattr(health, "_last", health._last)
    monkeypatch.setattr(ignored_headers, "_noted", set())
    for name in [name for name in os.environ if misspelt([name])]:
        monkeypatch.delenv(name)


@pytest.mark.django_db
@pytest.mark.sqlite
@pytest.mark.usefixtures("healthy")
def test_doctor_finds_nothing_wrong_with_an_installation_that_works():
    said, problem = doctor()
    assert (problem, "Nothing is wrong." in said) == ("", True)


HTTPS = {"HTTPS": True, "TRUSTED_PROXIES": "", "SITE_URL": "https://localhost", "SECURE_SSL_REDIRECT": True}
SMTP = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": 9}


def forwarded(_):
    ignored_headers.note("10.0.0.7")


def uncollected(patch):
    patch.setattr(host.staticfiles_storage, "hashed_files", {}, raising=False)


def unwritable(patch):
    patch.setattr(host.os, "access", lambda *_: False)


def another_key(patch):
    patch.setattr(health.canaries, "mismatches", lambda: ["a sentence"])


def not_migrated(_):
    MigrationRecorder.Migration.objects.filter(app="accounts").delete()


def down(patch):
    def refuse(*_):
        raise OperationalError("connection failed: Connection refused")

    patch.setattr(connection, "cursor", refuse)


def forgetful(patch):
    patch.setattr("config.doctor.database.cache.get", lambda key: None)


def cache_down(patch):
    def refuse(*_, **__):
        raise ConnectionError

    patch.setattr("config.doctor.database.cache.set", refuse)


def neglected(_):
    FinishedJob.objects.create(name="housekeeping", finished_at=timezone.now() - timezone.timedelta(days=9))


def never_cared_for(_):
    OrganizationKey.objects.update(created_at=timezone.now() - timezone.timedelta(days=9))


def lost_data_key(_):
    OrganizationKey.objects.update(wrapped=b"nothing")


def crowded(patch):
    many = [advice.Advice("sqlite_many_writes", "There were more than 300 runs in a minute")]
    patch.setattr(health, "advice", lambda: many)


def clock_is_wrong(patch):
    patch.setattr(health, "_disk", lambda: health.Part("clock_differs", "The clocks are 9 s apart. Synchronize them."))


def believed(patch):
    patch.setenv("FORWARDED_ALLOW_IPS", "*")


def unknown(patch):
    patch.setenv("COFFER_EGRES_ALLOW", "10.0.0.0/8")


FOUND = {
    "misspelt": (unknown, {}, "Did you mean COFFER_EGRESS_ALLOW?"),
    "proxy not trusted": (forwarded, HTTPS, "set COFFER_TRUSTED_PROXIES=10.0.0.7"),
    "server trusts headers": (believed, {}, "FORWARDED_ALLOW_IPS is set"),
    "not collected": (uncollected, {"DEBUG": False}, "Run manage.py collectstatic"),
    "folder not writable": (unwritable, {}, "cannot be written. Give it to the user"),
    "mail server down": (None, SMTP, "The mail server 127.0.0.1:9 does not listen there"),
    "database down": (down, {}, "does not listen there, or does not run"),
    "not migrated": (not_migrated, {}, "are not applied. Run manage.py migrate."),
    "another master key": (another_key, {}, "are not those of the database"),
    "workers on SQLite": (None, {"WORKERS": 3}, "SQLite has one writer, but WEB_CONCURRENCY is 3"),
    "cache down": (cache_down, {}, "The cache cannot be used (ConnectionError). Check CACHE_URL"),
    "cache forgets": (forgetful, {}, "The cache forgets what it is given"),
    "housekeeping stopped": (neglected, {}, "UTC. Run manage.py housekeeping, and let cron or a timer do it every day"),
    "no housekeeping": (never_cared_for, {}, "Housekeeping has never finished. Run manage.py housekeeping"),
    "lost data key": (lost_data_key, {}, "does not open with the master key test"),
    "clock": (clock_is_wrong, {}, "Synchronize them"),
    "many runs on SQLite": (crowded, {}, "more than 300 runs in a minute"),
}


@pytest.mark.django_db
@pytest.mark.sqlite
@pytest.mark.usefixtures("healthy")
def test_doctor_says_what_is_wrong(monkeypatch):
    def attempt(name):
        prepare, changes, sentence = FOUND[name]
        with ExitStack() as stack:
            patch = stack.enter_context(monkeypatch.context())
            stack.enter_context(override_settings(**changes))
            if prepare:
                prepare(patch)
            said, problem = doctor()
        line = next((line for line in said.splitlines() if sentence in line), said)
        assert line.startswith("WRONG"), said
        assert problem

    assert failures(FOUND, attempt) == {}


@pytest.mark.django_db
@pytest.mark.sqlite
@pytest.mark.usefixtures("healthy", "inline")
def test_integration_that_contradicts_its_references_is_reported_and_hides_no_other(owner, as_owner):
    store_secret(owner)
    _, bare, broken = (make_action(owner, name) for name in ("Good", "Bare", "Broken"))
    SecretReference.objects.filter(integration=bare).delete()
    type(broken).objects.filter(pk=broken.pk).update(config={"base_url": 7})
    said, problem = doctor()
    assert "The integration Bare of harbor-clinics names the secret crm.apiKey without a row" in said
    assert "The integration Broken of harbor-clinics has a configuration that cannot be used" in said
    assert "Good" not in said
    assert problem.startswith("Wrong: 2.")
    pages = (
        "integrations/",
        "integrations/readiness/",
        "secrets/",
        f"integrations/{bare.id}/",
    )
    answers = {page: as_owner.get(f"/o/harbor-clinics/{page}", follow=True).status_code for page in pages}
    assert answers == dict.fromkeys(pages, 200)
    page = as_owner.get("/o/harbor-clinics/integrations/").content.decode()
    assert all(text in page for text in ("Good", "Its configuration cannot be used"))
    update_integration(actor=owner, integration_id=bare.id, changes=IntegrationChanges(description="Saved again"))
    delete_integration(actor=owner, integration_id=broken.id)
    assert doctor()[1] == ""


COMMANDS = {
    "manage.py": ["manage.py", "migrate"],
    "doctor": ["manage.py", "doctor"],
    "make run": ["-m", "config.start"],
    "server": ["-m", "uvicorn", "config.asgi:application", "--port", "0"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_process_shows_a_traceback(name):
    variables = {"PATH": os.environ["PATH"], **PRODUCTION, "COFFER_DEBUG": "yess", "COFFER_TRUSTED_PROXYS": "10.0.0.1"}
    command = [sys.executable, *COMMANDS[name]]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "COFFER_DEBUG is neither on nor off. Set it to on or off.",
        "COFFER_TRUSTED_PROXYS is not a setting, so it has no effect. Did you mean COFFER_TRUSTED_PROXIES?",
    ]
