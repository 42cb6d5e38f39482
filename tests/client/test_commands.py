"""The command line `coffer`: what it does, its exit statuses, and that values never pass through arguments."""

import json
import stat
import time

import coffer
import pytest
from coffer.commands import inputs, profiles
from django.utils import timezone

from integrations.models import Integration, Run
from secrets_app.models import SecretValue
from tests import factories
from tests.support.things import VALUE, make_action, store_secret

pytestmark = pytest.mark.django_db

NEW = "another-horse-battery"


def test_sign_in_is_stored_for_its_owner_alone(command, monkeypatch, key):
    monkeypatch.delenv("COFFER_API_KEY")
    monkeypatch.delenv("COFFER_URL")
    nobody = command("whoami")
    assert (nobody.exit_code, "Run coffer login" in nobody.stderr) == (2, True)
    signed_in = command("login", "http://localhost", entered=f"{key}\n")
    assert (signed_in.exit_code, key in signed_in.output) == (0, False)
    assert stat.S_IMODE(profiles.file().stat().st_mode) == 0o600
    assert "Environments: development, staging, production" in command("whoami").stdout
    assert command("--profile", "other", "whoami").exit_code == 2
    assert command("logout").exit_code == 0
    assert command("whoami").exit_code == 2


def test_a_key_that_coffer_refuses_is_not_stored(command, monkeypatch):
    monkeypatch.delenv("COFFER_API_KEY")
    refused = command("login", "http://localhost", entered="cof_unknown\n")
    assert (refused.exit_code, "unauthenticated" in refused.stderr) == (2, True)
    assert not profiles.file().exists()


def test_secrets_are_set_from_standard_input_and_listed(command):
    stored = command(
        "secrets", "set", "crm.token", "-e", "staging", "--domain", "api.example.com", entered=f"{VALUE}\n"
    )
    assert (stored.exit_code, stored.stderr) == (0, "Stored crm.token in staging.\n")
    listed = command("secrets", "list", "--json").stdout.splitlines()
    (secret,) = map(json.loads, listed)
    assert (secret["name"], secret["allowed_domains"]) == ("crm.token", ["api.example.com"])
    assert {name: entry["state"] for name, entry in secret["environments"].items()} == {
        "development": "missing",
        "staging": "set",
        "production": "missing",
    }
    head, row = command("secrets", "list").stdout.splitlines()
    assert head.split() == ["NAME", "STATUS", "DEVELOPMENT", "STAGING", "PRODUCTION", "USED", "LAST", "USED"]
    assert row.split() == ["crm.token", "active", "missing", "set", "missing", "0", "-"]
    assert json.loads(command("secrets", "get", "crm.token").stdout)["id"] == secret["id"]
    again = command("secrets", "set", "crm.token", "-e", "staging", entered=NEW)
    assert (again.exit_code, SecretValue.objects.current().get().version) == (0, 2)
    assert command("secrets", "delete", "crm.token").exit_code == 0


def test_no_value_is_taken_from_an_argument(command):
    refused = command("secrets", "set", "crm.token", VALUE)
    assert (refused.exit_code, VALUE in command("secrets", "list", "--json").output) == (2, False)
    assert command("secrets", "set", "crm.token", entered="").exit_code == 2
    assert "No value was entered" in command("secrets", "set", "crm.token", entered="").stderr


def test_a_dotenv_file_is_imported(command, tmp_path):
    file = tmp_path / ".env"
    file.write_text(f"CRM_TOKEN={VALUE}\nOTHER={NEW}\n")
    tried = command("secrets", "import", str(file), "-e", "staging", "--dry-run")
    assert (tried.exit_code, SecretValue.objects.count()) == (0, 0)
    assert [line.split() for line in tried.stdout.splitlines()[1:]] == [
        ["1", "CRM_TOKEN", "created"],
        ["2", "OTHER", "created"],
    ]
    assert command("secrets", "import", "-", "-e", "staging", entered=file.read_text()).exit_code == 0
    assert SecretValue.objects.count() == 2
    assert command("secrets", "import", str(tmp_path / "none"), "-e", "staging").exit_code == 2


def test_a_value_is_rotated_only_where_it_works(command, echoing, owner):
    done = command("secrets", "rotate", "crm.apiKey", "-e", "staging", entered=NEW)
    assert (done.exit_code, "has its new value" in done.stderr) == (0, True)
    assert command("secrets", "roll-back", "crm.apiKey", "-e", "staging").exit_code == 0
    make_action(owner, "No check", base_url="http://127.0.0.1:9")
    stopped = command("secrets", "rotate", "crm.apiKey", "-e", "staging", entered=NEW)
    assert (stopped.exit_code, "staged and not in use" in stopped.stderr) == (1, True)
    accepted = command("secrets", "rotate", "crm.apiKey", "-e", "staging", "--accept-failures", entered=NEW)
    assert accepted.exit_code == 0


def test_an_integration_is_run_and_tested(command, echoing):
    assert command("integrations", "list").stdout.splitlines()[1].split()[-1] == "staging"
    ran = command("run", echoing.name, "-e", "staging")
    assert (ran.exit_code, "[redacted]" in ran.stdout, VALUE in ran.output) == (0, True, False)
    assert "succeeded, status 200" in ran.stderr
    assert json.loads(command("run", str(echoing.id), "-e", "staging", "--json").stdout)["masked"] == ["crm.apiKey"]
    assert command("integrations", "test", echoing.name, "-e", "staging").exit_code == 0
    refused = command("run", echoing.name, "-e", "production")
    assert (refused.exit_code, "environment_not_enabled" in refused.stderr, "Run " in refused.stderr) == (2, True, True)
    assert command("run", "Nobody", "-e", "staging").exit_code == 2
    assert command("run", echoing.name, "-e", "live").exit_code == 2


def test_parameters_are_texts_or_json(command, tmp_path):
    assert inputs.parameters(["phone=+1=5", "n:=3", 'who:={"a": [1]}', "empty="]) == {
        "phone": "+1=5",
        "n": 3,
        "who": {"a": [1]},
        "empty": "",
    }
    for wrong in ("phone", "=x", ":=1", "n:=three"):
        assert command("run", "x", "-e", "staging", "-p", wrong).exit_code == 2
    file = tmp_path / "params.json"
    file.write_text("[1]")
    assert "an object in JSON" in command("run", "x", "-e", "staging", "--params", str(file)).stderr


def test_readiness_is_a_gate(command, owner):
    assert command("readiness").exit_code == 0
    make_action(owner)
    missing = command("readiness", "-e", "staging")
    assert (missing.exit_code, "secret_missing" in missing.stdout) == (1, True)
    assert missing.stderr == "1 of 1 would not run.\n"
    assert command("readiness", "-e", "production").stderr == "All 0 would run.\n"
    store_secret(owner)
    assert command("readiness", "-e", "staging").exit_code == 0
    coffer_yaml = "version: 1\nsecrets: {unused.key: {required_in: [staging]}}\n"
    assert command("apply", "-", "--yes", entered=coffer_yaml).exit_code == 0
    lacking = command("readiness", "-e", "staging")
    assert (lacking.exit_code, "No value yet: unused.key in staging." in lacking.stderr) == (1, True)
    assert command("readiness", "-e", "production").exit_code == 0


def test_runs_are_listed_shown_and_followed(command, owner, monkeypatch):
    old = factories.RunFactory(organization=owner.organization, started_at=timezone.now())
    assert json.loads(command("runs", "list", "--json").stdout)["id"] == str(old.id)
    assert json.loads(command("runs", "show", str(old.id)).stdout)["steps"] == []
    assert command("runs", "list", "--outcome", "refused").stderr == "Nothing found.\n"
    looks = []

    def look(seconds):
        looks.append(factories.RunFactory(organization=owner.organization, started_at=timezone.now()))
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", look)
    told = [json.loads(line)["id"] for line in command("runs", "tail", "--json").stdout.splitlines()]
    assert told == [str(run.id) for run in looks[:2]]
    assert Run.objects.count() == 4


def test_the_audit_log_is_listed(command, owner):
    store_secret(owner)
    (event,) = map(json.loads, command("audit", "--event", "secret.created", "--json").stdout.splitlines())
    assert event["target"]["name"] == "crm.apiKey"
    assert "secret.created" in command("audit", "-n", "3").stdout


def test_every_command_has_help(command):
    for words in (["--help"], ["secrets", "--help"], ["runs", "--help"], ["apply", "--help"], ["--version"]):
        assert command(*words).exit_code == 0


FILE = """\
version: 1
secrets:
  crm.token: {required_in: [staging]}
integrations:
  CRM token:
    kind: auth_connector
    config: {type: bearer, token: "{secrets.crm.token}"}
"""


def test_the_organization_is_planned_applied_and_exported(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "coffer.yaml cannot be read" in command("plan").stderr
    (tmp_path / "coffer.yaml").write_text(FILE)
    planned = command("plan", "--exit-code")
    assert (planned.exit_code, planned.stderr) == (1, "No value yet: crm.token in staging.\n")
    assert planned.stdout.splitlines()[:3] == [
        "+ secret crm.token", '    required_in: ["staging"]', "+ integration CRM token"
    ]  # fmt: skip
    asked = command("apply")
    assert (asked.exit_code, "pass --yes" in asked.stderr, SecretValue.objects.count()) == (2, True, 0)
    applied = command("apply", "--yes")
    assert (applied.exit_code, "Applied 2 changes.\nNo value yet: crm.token" in applied.stderr) == (0, True)
    assert command("secrets", "set", "crm.token", "-e", "staging", entered=VALUE).exit_code == 0
    nothing = command("plan", "-", "--prune", "--exit-code", entered=FILE)
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "Nothing to change.\n", "")
    assert command("export", "-o", "exported.yaml").exit_code == 0
    exported = (tmp_path / "exported.yaml").read_text()
    assert exported == command("export").stdout
    assert json.loads(command("plan", "exported.yaml", "--prune", "--json").stdout)["changes"] == []
    changed = command(
        "apply", "-", "--yes", "--prune", entered="version: 1\nsecrets: {crm.token: {}}\nintegrations: {}"
    )
    assert changed.stdout.splitlines()[-1] == "- integration CRM token"
    assert '    required_in: ["staging"] -> []' in changed.stdout


def test_a_file_that_is_refused_names_its_lines(command):
    key = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    wrong = command("apply", "-", "--yes", entered=FILE.replace("required_in", "require_in") + "  A: {}\n")
    assert (wrong.exit_code, "line 3, secrets.crm.token.require_in" in wrong.stderr) == (2, True)
    assert "line 8, integrations.A.kind" in wrong.stderr
    in_clear = FILE.replace("{secrets.crm.token}", key)
    refused = command("apply", "-", "--yes", entered=in_clear)
    assert (refused.exit_code, "raw_credential" in refused.stderr, key in refused.stderr) == (2, True, False)
    assert command("apply", "-", "--yes", "--accept-raw-credentials", entered=in_clear).exit_code == 0


def test_what_changes_between_plan_and_apply_refuses_the_apply(client, owner):
    plan = client.configuration.plan(FILE)
    store_secret(owner, "crm.token")
    with pytest.raises(coffer.Conflict) as refused:
        client.configuration.apply(FILE, plan=plan["plan"])
    assert refused.value.code == "plan_stale"
    assert client.configuration.apply(FILE)["missing"] == []


def test_a_run_that_waits_for_a_person_says_where(command, echoing):
    Integration.objects.filter(pk=echoing.pk).update(rules=[{"decision": "ask"}])
    waits = command("run", echoing.name, "-e", "staging", "--reason", "Because.")
    assert (waits.exit_code, "/approvals/" in waits.stderr, "--wait" in waits.stderr) == (1, True, True)
