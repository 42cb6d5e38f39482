"""Runs against real servers on loopback: what arrives, what comes back, what is kept, and how upstreams fail."""

import base64
import gzip
import json
import time
from urllib.parse import quote

import pytest

from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.broker import ledger
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import Integration, Run, RunSecret, SecretReference
from secrets_app.editing.secrets import create_secret
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from tests.peers.upstreams import answering, closed_port, http
from tests.support.databases.undone import failures
from tests.support.integrations.actions import VALUE, action_to
from tests.support.things import make_action, make_connector

pytestmark = pytest.mark.django_db

S = Environment.STAGING


def sends(*answers):
    """An upstream that writes these bytes, whatever it is asked; a number between them is a pause in seconds."""

    def respond(request, connection):
        for part in answers:
            if isinstance(part, bytes):
                connection.sendall(part)
            else:
                time.sleep(part)

    return answering(respond)


def test_value_arrives_in_every_slot_and_comes_back_masked(owner, stored, run):
    received = []

    def respond(request, connection):
        received.append(request)
        connection.sendall(http(request, headers=("X-Echo: " + VALUE,)))

    with answering(respond) as url:
        action = action_to(
            owner,
            url,
            method="POST",
            path="/{secrets.crm.apiKey}",
            query=[{"name": "k", "value": "{secrets.crm.apiKey}"}],
            body={"type": "json", "content": '{"k": "{secrets.crm.apiKey}"}'},
        )
        result = run(owner, action, S)
    head, _, body = received[0].partition(b"\r\n\r\n")
    assert f"POST /{quote(VALUE, safe='')}?k={quote(VALUE, safe='')} HTTP/1.1".encode() in head
    assert f"X-Key: {VALUE}".encode() in head
    assert json.loads(body) == {"k": VALUE}
    assert (result.outcome, result.answer.status, result.answer.masked) == ("succeeded", 200, ["crm.apiKey"])
    assert "canary" not in json.dumps(result.as_json())
    assert "canary" not in repr(result) + repr(result.request) + str(result.request.headers)


ECHOES = {
    "raw": VALUE,
    "base64": base64.b64encode(VALUE.encode()).decode(),
    "base64url": base64.urlsafe_b64encode(VALUE.encode()).decode().rstrip("="),
    "base64 inside": base64.b64encode(f"user:{VALUE}!".encode()).decode(),
    "hex": VALUE.encode().hex(),
    "HEX": VALUE.encode().hex().upper(),
    "percent": quote(VALUE, safe=""),
    "JSON": json.dumps(VALUE),
    "JSON in JSON": json.dumps(json.dumps(VALUE)),
    "unicode escapes": "".join(f"\\u{ord(character):04x}" for character in VALUE),
}


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized"])
def test_echo_never_comes_through(owner, stored, run, status):
    def attempt(name):
        echo = ECHOES[name]
        with sends(http(f"you sent {echo} to us".encode(), status=status, headers=(f"X-Echo: {echo}",))) as url:
            result = run(owner, action_to(owner, url), S)
        shown = json.dumps(result.as_json())
        assert result.answer.masked == ["crm.apiKey"]
        assert echo not in shown
        assert "canary" not in shown
        assert result.outcome == ("succeeded" if status.startswith("200") else "upstream_error")

    assert failures(ECHOES, attempt) == {}


def test_echo_in_the_status_line_is_masked(owner, stored, run):
    with sends(http(b"no", status=f"403 {VALUE}")) as url:
        result = run(owner, action_to(owner, url), S)
    assert result.answer.reason == "[redacted]"


def test_echo_across_pieces_is_masked(owner, stored, run):
    half = len(VALUE) // 2
    head = http(b"x" * len(VALUE)).split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    with sends(head + VALUE[:half].encode(), 0.05, VALUE[half:].encode()) as url:
        result = run(owner, action_to(owner, url), S)
    assert result.answer.body == "[redacted]"


def test_echo_in_a_large_answer_is_masked(owner, stored, run):
    with sends(http(b"x" * 70_000 + VALUE.encode(), headers=(f"X-Echo: {VALUE}",))) as url:
        result = run(owner, action_to(owner, url), S)
    assert (result.answer.body[69_999:], dict(result.answer.headers)["X-Echo"]) == ("x[redacted]", "[redacted]")


def test_echo_inside_gzip_is_masked(owner, stored, run):
    with sends(http(gzip.compress(VALUE.encode()), headers=("Content-Encoding: gzip",))) as url:
        result = run(owner, action_to(owner, url), S)
    assert (result.answer.body, result.answer.masked) == ("[redacted]", ["crm.apiKey"])


def test_answer_with_a_short_value_is_withheld_whole(owner, run):
    create_secret(actor=owner, name="crm.apiKey", values={S: Plaintext("12345")}, allow_short=True)
    with sends(http(b"code 12345")) as url:
        result = run(owner, action_to(owner, url), S)
    assert (result.answer.body, result.answer.body_type) == (None, "withheld")


BODIES = {
    "JSON": (b'{"a": [1, 2.5, null]}', "application/json", {"a": [1, 2.5, None]}, "json"),
    "JSON of a vendor": (b"[]", "application/vnd.x+json", [], "json"),
    "JSON that does not say so": (b' {"a": 1}', "text/plain", {"a": 1}, "json"),
    "not JSON although it says so": (b"{", "application/json", "{", "text"),
    "NaN": (b"[NaN]", "application/json", "[NaN]", "text"),
    "deep": (b"[" * 100_000, "application/json", "[" * 100_000, "text"),
    "text": ("naïve".encode(), "text/html", "naïve", "text"),
    "bytes": (b"\xff\xfe", "image/png", "//4=", "base64"),
    "empty": (b"", "text/plain", "", "text"),
}


def test_body_is_passed_on_as_what_it_is(owner, stored, run):
    def attempt(name):
        body, media, shown, body_type = BODIES[name]
        with sends(http(body, headers=(f"Content-Type: {media}",))) as url:
            answer = run(owner, action_to(owner, url), S).answer
        assert (answer.body, answer.body_type) == (shown, body_type)

    assert failures(BODIES, attempt) == {}


HUGE = 1024 * 1024 + 1
# what the upstream does -> the code of the refusal
FAILURES = {
    "slow": ((3,), "upstream_timeout"),
    "dripping": ((b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b"x", 0.2] * 9), "upstream_timeout"),
    "huge": ((http(b"x" * HUGE),), "response_too_large"),
    "huge, in chunks": (
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"40000\r\n" + b"x" * 0x40000 + b"\r\n"] * 5),
        "response_too_large",
    ),
    "bomb": ((http(gzip.compress(b"\0" * 50_000_000), headers=("Content-Encoding: gzip",)),), "response_too_large"),
    "huge header": ((http(b"", headers=("X-Big: " + "x" * 70_000,)),), "response_too_large"),
    "many headers": ((http(b"", headers=tuple(f"X-{n}: {'x' * 900}" for n in range(100))),), "response_too_large"),
    "cut off": ((b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",), "response_unreadable"),
    "not HTTP": ((b"SSH-2.0-OpenSSH_9.9\r\n\r\n",), "response_unreadable"),
    "hanging up": ((), "upstream_unreachable"),
}


def test_failing_upstream_is_told_by_its_code_and_on_record(owner, stored, run):
    def attempt(name):
        behaviour, code = FAILURES[name]
        with sends(*behaviour) as url, pytest.raises(Refusal) as refusal:
            run(owner, action_to(owner, url, timeout_seconds=1), S)
        record = Run.objects.get()
        assert refusal.value.code == code
        assert (record.outcome, record.error_code, record.host) == ("failed", code, "127.0.0.1")
        answered = {} if record.status is None else {"upstream_status": 200}
        assert refusal.value.members == answered | {"run_id": str(record.id)}
        assert refusal.value.__cause__ is None
        assert "canary" not in repr(refusal.value) + refusal.value.detail

    assert failures(FAILURES, attempt) == {}


def test_nobody_listening_is_unreachable(owner, stored, run):
    with pytest.raises(Refusal) as refusal:
        run(owner, action_to(owner, f"http://127.0.0.1:{closed_port()}"), S)
    assert (refusal.value.code, refusal.value.status) == ("upstream_unreachable", 502)
    assert Run.objects.get().error_code == "upstream_unreachable"


def test_plain_server_is_no_tls_upstream(owner, stored, run):
    def respond(hello, connection):
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with answering(respond, until=b"") as url, pytest.raises(Refusal) as refusal:
        run(owner, action_to(owner, url.replace("http", "https")), S)
    assert refusal.value.code == "upstream_tls"


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "gzip, gzip", "deflate", "made-up"])
def test_body_in_an_encoding_that_cannot_be_checked_is_withheld(owner, stored, run, encoding):
    with sends(http(b"plain " + VALUE.encode(), headers=(f"Content-Encoding: {encoding}",))) as url:
        result = run(owner, action_to(owner, url), S)
    assert (result.answer.body, result.answer.body_type) == (None, "withheld")
    assert Run.objects.get().outcome == "succeeded"


def test_redirect_is_an_answer_and_is_not_followed(owner, stored, run):
    asked = []

    def respond(request, connection):
        asked.append(request)
        connection.sendall(http(b"", status="302 Found", headers=("Location: http://127.0.0.1:1/",)))

    with answering(respond) as url:
        result = run(owner, action_to(owner, url), S)
    assert (result.outcome, result.answer.status, len(asked)) == ("upstream_error", 302, 1)


BAD_IN_PLACE = {
    "line break in a header": ("two\r\nlines-of-it", {}, "invalid_header_value"),
    "not ASCII in a header": ("pässword-ä", {}, "invalid_header_value"),
    "dots in the path": ("..", {"path": "/{secrets.crm.apiKey}", "headers": []}, "invalid_path_value"),
}


@pytest.mark.parametrize(("value", "config", "code"), BAD_IN_PLACE.values(), ids=BAD_IN_PLACE)
def test_value_that_does_not_fit_its_place_is_refused_before_anything_leaves(owner, run, value, config, code):
    create_secret(actor=owner, name="crm.apiKey", values={S: Plaintext(value)}, allow_short=True)
    asked = []
    with answering(lambda request, connection: asked.append(request)) as url, pytest.raises(Refusal) as refusal:
        run(owner, action_to(owner, url, **config), S)
    record = Run.objects.get()
    assert (refusal.value.code, record.outcome, record.error_code, asked) == (code, "refused", code, [])
    assert value not in refusal.value.detail or len(value) < 3


def test_ledger_keeps_what_and_where_and_no_content(owner, stored, run):
    with sends(http(b'{"answer": "patient-data"}', status="503 Busy")) as url:
        action = action_to(
            owner,
            url,
            method="POST",
            path="/v2/{params.id}",
            query=[{"name": "phone", "value": "+49-{params.id}"}],
            body={"type": "text", "content": "birthday {params.id}"},
            parameters={"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
        )
        result = run(owner, action, S, None, {"id": "argument-77"})
    record = Run.objects.get()
    row = {field.attname: getattr(record, field.attname) for field in Run._meta.concrete_fields}
    assert (record.id, record.outcome, record.status) == (result.run_id, "upstream_error", 503)
    assert (record.kind, record.operation, record.caller_kind) == ("api_action", "call", "user")
    assert record.duration_ms == result.duration_ms >= 0
    for absent in ("argument-77", "patient-data", "birthday", "phone", "+49", "/v2", url.rpartition(":")[2], "canary"):
        assert absent not in str({name: value for name, value in row.items() if not name.endswith("id")})
    assert list(RunSecret.objects.values_list("run", "secret_id", "name", "version")) == [
        (record.id, stored.id, "crm.apiKey", 1)
    ]


def test_refused_run_names_no_secret_that_it_did_not_use(owner, run):
    with pytest.raises(Refusal):
        run(owner, action_to(owner, "http://127.0.0.1:9"), S)
    assert not RunSecret.objects.exists()


def used(owner):
    return Secret.objects.get().last_used_at, SecretReference.objects.get().last_used_at


def test_use_is_stamped_on_secret_and_reference_once_a_minute(owner, stored, run, monkeypatch):
    with sends(http(b"fine")) as url:
        action = action_to(owner, url)
        run(owner, action, S)
        first = used(owner)
        run(owner, action, S)
        assert used(owner) == first
        Secret.objects.update(last_used_at=first[0] - 2 * ledger.STAMP_EVERY)
        run(owner, action, S)
        assert used(owner)[0] == first[0] - 2 * ledger.STAMP_EVERY  # this process looked less than a minute ago
        clock = time.monotonic
        monkeypatch.setattr(ledger.time, "monotonic", lambda: clock() + ledger.STAMP_EVERY.total_seconds() + 1)
        run(owner, action, S)
    assert used(owner)[0] > first[0] - ledger.STAMP_EVERY
    assert used(owner)[1] == first[1]


def test_use_is_stamped_again_once_an_integration_has_changed(owner, stored, run):
    with sends(http(b"fine")) as url:
        action = action_to(owner, url)
        run(owner, action, S)
        changes = IntegrationChanges(config=action.config | {"path": "/other"})
        update_integration(actor=owner, integration_id=action.id, changes=changes)
        SecretReference.objects.update(last_used_at=None)
        run(owner, action, S)
    assert used(owner)[1] is not None


def test_configuration_is_read_anew_once_it_has_changed(owner, stored, run):
    received = []

    def respond(request, connection):
        received.append(request.split(b" ")[1])
        connection.sendall(http(b"fine"))

    with answering(respond) as url:
        action = action_to(owner, url)
        run(owner, action, S)
        changes = IntegrationChanges(config=action.config | {"path": "/other"})
        update_integration(actor=owner, integration_id=action.id, changes=changes)
        run(owner, action, S)
    assert received == [b"/patients", b"/other"]


def test_use_through_a_connector_is_stamped_where_it_is_written(owner, stored, run):
    connector = make_connector(owner)
    unused = make_action(owner, "Other")
    with sends(http(b"fine")) as url:
        run(owner, action_to(owner, url, headers=[], auth_connector=str(connector.id)), S)
    assert SecretReference.objects.get(integration=connector).last_used_at is not None
    assert SecretReference.objects.get(integration=unused).last_used_at is None


def test_failed_run_is_a_use_and_a_refused_one_is_none(owner, stored, run):
    with pytest.raises(Refusal):
        run(owner, action_to(owner, "http://127.0.0.1:9"), Environment.PRODUCTION)
    assert used(owner) == (None, None)
    with pytest.raises(Refusal):
        run(owner, Integration.objects.get(), S)
    assert None not in used(owner)
