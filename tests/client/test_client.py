"""The client library: what works, what refusals become, when a call is repeated."""

import json
import time

import coffer
import httpx2
import pytest
from asgiref.sync import async_to_sync
from coffer import exchange
from coffer.answers import AuditEvent, Integration, Key, Operation, Run, RunDetails, RunResult, Secret, StartedSession
from coffer.synchronous.integrations import Approvals

from config.api.application import api
from integrations.approvals.deciding import approve
from integrations.models import Integration as IntegrationRecord
from integrations.models import Run as RunRecord
from tests.client.synchronous import TARGET, synchronous
from tests.support.source import ROOT
from tests.support.things import VALUE, make_action, store_secret

pytestmark = pytest.mark.django_db

NEW = "another-horse-battery"


def test_the_main_job(client, echoing):
    """From a secret to a masked answer, and its record."""
    assert client.key()["scopes"]
    stored = client.secrets.put("crm.second", values={"staging": NEW}, description="For the second call")
    assert (stored["name"], stored["environments"]["staging"]["state"]) == ("crm.second", "set")
    header = {"name": "X-Second", "value": "{secrets.crm.second}"}
    client.integrations.update(echoing.name, config=echoing.config | {"headers": [*echoing.config["headers"], header]})
    answer = client.integrations.run(echoing.name, "staging")
    assert sorted(answer["masked"]) == ["crm.apiKey", "crm.second"]
    assert NEW not in answer["body"]
    record = client.runs.get(answer["run_id"])
    assert record["steps"][0]["name"] == "admitted"
    assert [run["id"] for run in client.runs.list(integration=str(echoing.id))] == [answer["run_id"]]
    assert client.integrations.test(echoing.id, "staging")["ok"]
    assert [entry["ready"] for entry in client.readiness("staging")] == [True]
    assert "secret.created" in {event["event"] for event in client.audit_events()}


def test_the_asynchronous_client_does_the_same(connected, key, echoing):
    async def exchanged():
        async with coffer.AsyncClient("http://localhost/api/v1/", key) as client:
            names = [secret["name"] async for secret in client.secrets.list()]
            return names, await client.integrations.run(str(echoing.id), "staging")

    names, answer = async_to_sync(exchanged)()
    assert (names, answer["outcome"], answer["masked"]) == (["crm.apiKey"], "succeeded", ["crm.apiKey"])


def test_rotation(client, echoing):
    client.rotation.stage("crm.apiKey", "staging", NEW)
    (result,) = client.rotation.check("crm.apiKey", "staging")["results"]
    assert result["outcome"] == "passed"
    assert client.rotation.promote("crm.apiKey", "staging")["environments"]["staging"]["version"] == 2
    assert client.rotation.roll_back("crm.apiKey", "staging")["environments"]["staging"]["version"] == 1


def test_lists_go_over_pages(client, owner, monkeypatch):
    for number in range(5):
        store_secret(owner, f"crm.key{number}")
    whole = exchange.Request.arguments

    def in_twos(request):
        arguments = whole(request)
        if "params" in arguments:
            arguments["params"]["limit"] = 2
        return arguments

    monkeypatch.setattr(exchange.Request, "arguments", in_twos)
    assert [secret["name"] for secret in client.secrets.list()] == [f"crm.key{number}" for number in range(5)]


def test_a_session_is_a_client_of_its_own(client):
    session = client.start_session("call 7", minutes=5)
    with coffer.Client(client.address, session["token"]) as agent:
        assert agent.key()["name"] == "call 7"
        client.stop_session(session["id"])
        with pytest.raises(coffer.Unauthenticated):
            agent.key()


def test_refusals_have_code_and_members(client, owner):
    make_action(owner, "Look up patient")
    with pytest.raises(coffer.Conflict) as refused:
        client.integrations.run("Look up patient", "staging")
    assert refused.value.code == "secret_missing"
    assert refused.value.problem["secret"] == "crm.apiKey"
    assert refused.value.run_id == str(RunRecord.objects.get().id)
    with pytest.raises(coffer.NotFound):
        client.integrations.run("Nobody", "staging")
    with pytest.raises(coffer.Invalid, match="name: "):
        client.secrets.create("not a name")


def test_no_error_and_no_picture_of_a_client_holds_the_key(client, key):
    with pytest.raises(coffer.Invalid) as refused:
        client.secrets.create("not a name", value=VALUE)
    shown = f"{client!r} {vars(client)} {refused.value!r} {vars(refused.value)}"
    assert key not in shown
    assert VALUE not in shown


@pytest.mark.parametrize(
    ("address", "given"),
    [
        ("coffer.example.com", {}),
        ("ftp://coffer.example.com", {}),
        ("https://user@coffer.example.com", {}),
        ("http://coffer.example.com", {}),
        ("http://10.0.0.1", {}),
        ("https://coffer.example.com", {"api_key": "sk-other"}),
        ("https://coffer.example.com", {"api_key": "cof_with space"}),
    ],
)
def test_an_address_or_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(address, given):
    with pytest.raises(coffer.CofferError):
        coffer.Client(address, **{"api_key": "cof_key", **given})


def test_a_loopback_or_insecure_address_may_be_plain():
    for address, more in [("http://127.0.0.1:8000", {}), ("http://[::1]", {}), ("http://coffer", {"insecure": True})]:
        with coffer.Client(address, "cof_key", **more) as client:
            assert client.address == address


def problem(status, code, retry_after=None, **members):
    body = {"type": f"urn:coffer:problem:{code}", "status": status, "code": code, "detail": "Wait.", **members}
    headers = {"Content-Type": "application/problem+json"} | ({"Retry-After": retry_after} if retry_after else {})
    return httpx2.Response(status, headers=headers, content=json.dumps(body).encode())


BROKEN = httpx2.ConnectError("refused")
FINE = httpx2.Response(200, json={"id": "1", "items": [], "next_cursor": None})
BUSY = problem(429, "rate_limited", "3")
RUN = exchange.Request("POST", "/integrations/1/run", body={}, once=True)
GET, PATCH = exchange.Request("GET", "/key"), exchange.Request("PATCH", "/secrets/1", body={})

REPETITIONS = {
    "a pause that Coffer names": (GET, [BUSY, FINE], [3.0]),
    "a run that did not begin": (RUN, [BUSY, problem(503, "database_unavailable", "1"), FINE], [3.0, 1.0]),
    "no connection": (GET, [BROKEN, BROKEN, FINE], [0.5, 1.0]),
    "a run without a connection": (RUN, [BROKEN, FINE], [0.5]),
    "too many attempts": (GET, [BUSY, BUSY, BUSY], [3.0, 3.0]),
    "a run that may have arrived": (RUN, [problem(503, "database_unavailable", "1", run_id="7")], []),
    "an upstream's pause of an hour": (GET, [problem(429, "rate_limited", "3600")], []),
    "a change that may have happened": (PATCH, [problem(503, "database_unavailable", "1")], []),
    "a change without a connection": (PATCH, [BROKEN], []),
    "an upstream that failed": (RUN, [problem(502, "upstream_unreachable", run_id="7")], []),
    "no API of Coffer": (GET, [httpx2.Response(502, html="<h1>Bad gateway</h1>")], []),
    "a page": (GET, [httpx2.Response(200, html="<h1>Sign in</h1>")], []),
    "a redirect": (GET, [httpx2.Response(302, headers={"Location": "https://evil.example.com"})], []),
}


@pytest.mark.parametrize(("request_", "answers", "pauses"), REPETITIONS.values(), ids=REPETITIONS)
def test_repetition(monkeypatch, request_, answers, pauses):
    slept, sent, left = [], [], list(answers)
    monkeypatch.setattr(time, "sleep", slept.append)

    def answer(request):
        sent.append(request.headers.get("Idempotency-Key"))
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    with coffer.Client("https://coffer.example.com", "cof_key", transport=httpx2.MockTransport(answer)) as client:
        if answers[-1] is FINE:
            client.send(request_)
        else:
            with pytest.raises(coffer.CofferError):
                client.send(request_)
    assert (slept, left) == (pauses, [])
    assert len(set(sent)) == 1
    assert bool(sent[0]) is request_.once


def test_the_synchronous_client_is_made_from_the_other():
    made = synchronous()
    assert {path: path.read_text() for path in TARGET.glob("*.py")} == made, "Run python -m tests.client.synchronous"


DESCRIBED = {
    "SecretOut": Secret,
    "RunResultOut": RunResult,
    "RunOut": Run,
    "RunDetailsOut": RunDetails,
    "OperationOut": Operation,
    "AuditEventOut": AuditEvent,
    "KeyOut": Key,
    "StartedSessionOut": StartedSession,
}


@pytest.mark.parametrize(("name", "answer"), DESCRIBED.items(), ids=DESCRIBED)
def test_the_answers_are_those_of_the_api(name, answer):
    properties = api.get_openapi_schema()["components"]["schemas"][name]["properties"]
    assert answer.__annotations__.keys() <= properties.keys()


def test_an_integration_is_as_the_api_has_it(client, echoing):
    assert Integration.__annotations__.keys() <= client.integrations.get(echoing.name).keys()


def test_the_version_is_that_of_the_package():
    assert f'version = "{exchange.VERSION}"' in (ROOT / "client/pyproject.toml").read_text()


def test_a_call_that_waits_for_a_person(client, owner, echoing, monkeypatch):
    IntegrationRecord.objects.filter(pk=echoing.pk).update(rules=[{"decision": "ask"}])
    with pytest.raises(coffer.ApprovalNeeded, match="waits for an owner or admin, until") as waits:
        client.integrations.run(echoing.id, "staging", reason="Because.")
    approval = waits.value.approval
    assert [each["id"] for each in client.approvals.list("waiting")] == [approval["id"]]

    def look(approvals, approval_id, wait, get=Approvals.get):
        approve(actor=owner, approval_id=approval_id)
        return get(approvals, approval_id)

    monkeypatch.setattr(Approvals, "get", look)
    assert client.integrations.run(echoing.id, "staging", reason="Because.", wait=True)["outcome"] == "succeeded"
