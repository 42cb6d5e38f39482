"""The demo of `make run`: complete, believable, loaded once; its stand-ins answer, on whatever ports they got."""

import json
import os
import socket
import stat
import subprocess
import sys

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command

from accounts.access.callers import actor_of_key
from accounts.actors import actor_for_member
from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid
from accounts.models import Membership, User
from accounts.policy import Role
from config import start
from config.demo import loading, moving, people, running, stand_ins
from config.demo.providers import CALENDAR, LINE, TOOLS
from config.management.commands import serve
from config.ports import PortProblem, listen
from integrations.broker import broker, checking
from integrations.broker.preparation import Call
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.kinds import KINDS
from integrations.models import Approval, Integration, RemoteTool, RotationCheck, Run, RunOutcome
from integrations.tools.agent_tools import page_of_tools
from secrets_app.editing.secrets import create_secret
from secrets_app.inventory import inventory
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.plaintext import Plaintext
from tests.support.source import ROOT

database = pytest.mark.django_db(transaction=True)

CHECKED = ["Look up patient", "Laboratory", CALENDAR, LINE, TOOLS]
"""The integrations that declare a harmless check and whose other end is on this machine."""

WRONG = {
    CALENDAR: {"api_key": "{secrets.wrong}"},
    LINE: {"password": "{secrets.wrong}"},
    TOOLS: {"headers": [{"name": "Authorization", "value": "Bearer {secrets.wrong}"}]},
}
"""What makes each of these integrations send a wrong credential."""


@pytest.fixture
def folder(monkeypatch, tmp_path, settings):
    """Stands in for `var/`."""
    monkeypatch.setattr(people, "SIGN_IN_FILE", tmp_path / "sign-in.json")
    monkeypatch.setattr(moving, "PORTS_FILE", tmp_path / "ports.json")
    monkeypatch.delenv("ECHO_PORT", raising=False)
    (tmp_path / "var").mkdir()
    settings.BASE_DIR = tmp_path
    return tmp_path / "var"


@pytest.fixture
def loaded(folder):
    """The demo in the test database, its stand-ins on free ports; the ports."""
    with stand_ins.started(dict.fromkeys(stand_ins.STAND_INS, 0), folder) as ports:
        assert loading.is_possible()
        loading.load_demo(ports)
        yield ports


def mara():
    members = Membership.objects.select_related("user", "organization")
    return actor_for_member(members.get(role=Role.OWNER, organization__slug="harbor-clinics"))


def outcomes_of_check(name):
    integration = Integration.objects.get(name=name)
    return [step.outcome for step in async_to_sync(checking.check)(mara(), integration.id, Environment.STAGING)]


def run(integration, operation, **params):
    call = Call(Integration.objects.get(name=integration).id, Environment.STAGING, operation, params)
    return async_to_sync(broker.run)(mara(), call)


def received(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


@database
def test_the_demo_as_it_is_loaded(loaded, folder, client):
    every_role_and_the_agent_get_in_with_what_is_printed(client)
    there_is_something_of_everything()
    one_value_is_staged_and_another_was_rotated()
    an_integration_that_cannot_be_moved_is_named(loaded)
    the_stand_ins_really_answer(folder)
    the_stand_ins_refuse_a_wrong_credential()


def every_role_and_the_agent_get_in_with_what_is_printed(client):
    *lines, agent_line = people.sign_in_lines("http://localhost:8123")
    roles = []
    for line in lines:
        role, email, password = line.split()
        assert client.login(username=email, password=password) or User.objects.get(email=email).check_password(password)
        roles.append(role)
    assert roles == ["Owner", "Admin", "Member"]
    assert stat.S_IMODE(people.SIGN_IN_FILE.stat().st_mode) == 0o600
    assert "http://localhost:8123/mcp" in agent_line
    agent = actor_of_key(agent_line.split()[-1], address=None)
    tools = {tool.name for tool in page_of_tools(agent, Environment.PRODUCTION).items}
    assert {"look_up_patient", "clinic_calendar_list_slots", "clinic_tools_opening_hours"} <= tools


def there_is_something_of_everything():
    counts = inventory.counts(mara().organization)
    assert all(counts[status] for status in ("active", "disabled", "missing"))
    assert {integration.kind for integration in Integration.objects.all()} == set(KINDS)
    assert {run.outcome for run in Run.objects.all()} == {outcome.value for outcome in RunOutcome}
    for kind in ("api_action", "calcom", "mcp_server", "sip_trunk"):
        runs = Run.objects.filter(kind=kind)
        assert runs.count() > 60
        assert runs.exclude(outcome="succeeded").exists()
    assert Run.objects.filter(error_code="upstream_timeout", duration_ms__gt=20_000).exists()
    assert {run.caller for run in Run.objects.filter(environment="production")} == {
        "API key Reception agent",
        "API key Recall agent",
        "Mara Lindqvist",
    }
    assert sorted(approval.state for approval in Approval.objects.all()) == ["denied", "used", "waiting"]
    assert Secret.objects.get(name="crm.apiKey").last_used_at is not None
    assert {tool.name: tool.state for tool in RemoteTool.objects.all()} == {
        "opening_hours": "approved",
        "waiting_time": "changed",
        "leave_message": "new",
    }
    assert not loading.is_possible()


def one_value_is_staged_and_another_was_rotated():
    """One was tried; the other can still be rolled back, and was used since."""
    staged = SecretValue.objects.get(state=ValueState.STAGED.value)
    assert (staged.secret.name, RotationCheck.objects.get(value=staged).outcome) == ("calcom.teamKey", "passed")
    previous = SecretValue.objects.get(state=ValueState.PREVIOUS.value)
    assert (previous.secret.name, previous.environment) == ("crm.apiKey", "production")
    assert (previous.rollback_until - previous.retired_at).days == 7
    assert Run.objects.filter(
        integration_name="Look up patient", environment="production", started_at__gt=previous.retired_at
    ).exists()


def the_stand_ins_really_answer(folder):
    for name in CHECKED:
        assert set(outcomes_of_check(name)) == {"passed"}, name
    attendee = {"attendee_name": "Lena", "attendee_email": "lena@harbor.example"}
    booking = run(CALENDAR, "create_booking", start="2027-01-11T09:00:00+01:00", **attendee).answer.body["data"]
    slots = run(CALENDAR, "list_slots", start="2027-01-11", end="2027-01-11").answer.body["data"]["2027-01-11"]
    assert booking["start"] == "2027-01-11T08:00:00Z"
    assert slots[0]["start"] == "2027-01-11T09:00:00Z"
    again = run(CALENDAR, "create_booking", start="2027-01-11T09:00:00+01:00", **attendee)
    assert again.outcome is RunOutcome.UPSTREAM_ERROR
    moved = run(CALENDAR, "reschedule_booking", booking_uid=booking["uid"], start="2027-01-12T09:00:00+01:00")
    assert moved.answer.body["data"]["start"] == "2027-01-12T08:00:00Z"
    assert run(CALENDAR, "cancel_booking", booking_uid=booking["uid"]).outcome is RunOutcome.SUCCEEDED
    told = run(TOOLS, "call_tool", name="opening_hours", arguments={"clinic": "nowhere"})
    assert told.outcome is RunOutcome.UPSTREAM_ERROR
    assert {entry["path"].split("?")[0] for entry in received(folder / stand_ins.ECHO_LOG)} >= {"/v2/tasks", "/v2/me"}
    titles = {stand_in.title for stand_in in stand_ins.STAND_INS.values() if stand_in.log == stand_ins.OTHER_LOG}
    assert {entry["server"] for entry in received(folder / stand_ins.OTHER_LOG)} == titles


def the_stand_ins_refuse_a_wrong_credential():
    create_secret(actor=mara(), name="wrong", values={Environment.STAGING: Plaintext("a-credential-of-nobody")})
    for name, place in WRONG.items():
        integration = Integration.objects.get(name=name)
        changes = IntegrationChanges(config=integration.config | place)
        update_integration(actor=mara(), integration_id=integration.id, changes=changes)
        assert "failed" in outcomes_of_check(name), name


def an_integration_that_cannot_be_moved_is_named(loaded):
    def refuse(*, actor, integration_id, changes):
        raise Invalid("It was not saved.", errors=[FieldError("config.base_url", "Use https on port 443.")])

    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving, "update_integration", refuse)
        moving.move(loaded, {name: port + 1 for name, port in loaded.items()}, said.append)
    sentence = "still calls the earlier port of its stand-in. Change its address. Use https on port 443."
    assert f"Clinic calendar {sentence}" in said
    assert Integration.objects.get(name=CALENDAR).config["base_url"] == f"http://127.0.0.1:{loaded['calcom']}"


@database
def test_a_later_start_on_other_ports_moves_the_integrations(loaded, folder):
    moving.remember_ports(loaded)
    said = []
    with running.demo_running("http://localhost:8123", said.append):
        ports = moving.remembered_ports()
        assert set(ports.values()).isdisjoint(loaded.values())
        (folder / stand_ins.OTHER_LOG).unlink()
        for name in CHECKED:
            assert set(outcomes_of_check(name)) == {"passed"}, name
    assert Integration.objects.get(name=CALENDAR).config["base_url"] == f"http://127.0.0.1:{ports['calcom']}"
    assert Integration.objects.get(name=TOOLS).config["url"] == f"http://127.0.0.1:{ports['mcp']}/mcp"
    assert Integration.objects.get(name=LINE).config["port"] == ports["sip"]
    assert [line for line in said if "Addresses were changed in: Clinic calendar, Clinic telephone line" in line]
    assert any(f"Echo upstream: http://127.0.0.1:{ports['echo']}" in line for line in said)


def test_the_echo_upstream_listens_where_it_is_told_and_nowhere_else(folder, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("ECHO_PORT", str(taken.getsockname()[1]))
        with pytest.raises(PortProblem, match=r"Echo upstream: Port \d+ is taken\. ECHO_PORT asks for it"):
            stand_ins.started(stand_ins.USUAL_PORTS, folder).__enter__()
    with stand_ins.started(stand_ins.USUAL_PORTS, folder) as ports:
        assert str(ports["echo"]) == os.environ["ECHO_PORT"]


class TestPortOfCoffer:
    @pytest.fixture
    def usual(self, monkeypatch):
        """A socket that takes the usual port."""
        monkeypatch.delenv("PORT", raising=False)
        with listen(0) as taken:
            monkeypatch.setattr(start, "USUAL_PORT", taken.port)
            yield taken.raw

    def test_another_one_is_taken_and_said(self, usual, capsys):
        with start.take_port() as listener:
            port = listener.port
        assert port != start.USUAL_PORT
        assert f"Port {start.USUAL_PORT} is taken, so Coffer takes {port}." in capsys.readouterr().out

    def test_the_usual_one_is_not_worth_a_word(self, usual, capsys):
        usual.close()
        with start.take_port() as listener:
            assert listener.port == start.USUAL_PORT
        assert capsys.readouterr().out == ""

    def test_localhost_counts_as_well(self, usual):
        usual.close()
        try:
            other = socket.create_server(("::1", start.USUAL_PORT), family=socket.AF_INET6)
        except OSError:
            pytest.skip("this machine has no IPv6")
        with other, start.take_port() as listener:
            assert listener.port != start.USUAL_PORT

    def test_a_port_that_somebody_asks_for_is_never_another_one(self, usual, monkeypatch):
        monkeypatch.setenv("PORT", str(start.USUAL_PORT))
        with pytest.raises(PortProblem, match=rf"Port {start.USUAL_PORT} is taken\. PORT={start.USUAL_PORT} asks"):
            start.take_port()

    @pytest.mark.parametrize("port", ["eight", "0", "65536", "-1", "٨٠٠٠"])
    def test_what_is_no_port(self, monkeypatch, port):
        monkeypatch.setenv("PORT", port)
        with pytest.raises(PortProblem, match=r"PORT is not a port\. Set it to a number from 1 to 65535\."):
            start.take_port()


@pytest.mark.parametrize(
    ("configured", "served"),
    [
        ("http://localhost:8000", "http://localhost:8123"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8123"),
        ("http://localhost", "http://localhost"),
        ("https://localhost:8443", "https://localhost:8443"),
        ("https://coffer.example.com", "https://coffer.example.com"),
        ("http://localhost:eight", "http://localhost:eight"),
        ("", ""),
    ],
)
def test_the_address_in_links_follows_the_port_unless_it_is_a_proxys(configured, served):
    assert start.site_url(configured, 8123) == served


def test_the_settings_see_the_port_that_was_taken():
    program = (
        "import sys; from config import start\n"
        "def call_command(name, *, listener, **options):\n"
        "    from django.conf import settings\n"
        "    sys.stdout.write(f'{name} {listener.port} {settings.SITE_URL}')\n"
        "start.call_command = call_command; start.main()"
    )
    with listen(0) as found:
        port = found.port
    environment = os.environ | {"PORT": str(port), "COFFER_SITE_URL": "http://localhost:8000"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert done.stdout.decode() == f"serve {port} http://localhost:{port}"


class TestWithoutDemo:
    @pytest.fixture
    def served(self, monkeypatch, capsys):
        """What `serve` prints with DEMO=0, and the port."""
        monkeypatch.setenv("DEMO", "0")
        monkeypatch.setattr(serve, "_serve", lambda listening: None)

        def printed():
            listener = listen(0)
            port = listener.port
            call_command("serve", listener=listener)
            return port, capsys.readouterr().out

        return printed

    @database
    def test_the_first_person_is_sent_to_sign_up(self, served):
        port, printed = served()
        assert f"The first person makes one at http://localhost:{port}/signup/ and founds an organization." in printed
        assert printed.endswith(f"Coffer: http://localhost:{port}\n")

    @database
    def test_where_sign_up_is_closed_it_says_so(self, served, settings):
        settings.SIGN_UP = "nobody"
        assert "COFFER_SIGN_UP=nobody closes" in served()[1]

    @database
    def test_nothing_of_it_once_somebody_has_an_account(self, served, owner):
        assert "signup" not in served()[1]

    @database
    def test_a_taken_port_is_one_sentence(self, monkeypatch):
        monkeypatch.setenv("DEMO", "0")
        with listen(0) as taken:
            monkeypatch.setenv("PORT", str(taken.port))
            with pytest.raises(serve.CommandError, match=r"Port \d+ is taken\."):
                call_command("serve")
