"""What a call is worth whose status arrived and whose body did not: through runs of the API and tools of agents."""

import gzip
import socket
import struct
from itertools import count

import pytest

from integrations.models import Run
from tests.peers.upstreams import answering
from tests.support.things import VALUE, make_action, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

OK, MISSING = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 404 Not Found\r\n"
JSON = b"Content-Type: application/json\r\n"
LARGE = 1024 * 1024 + 1


def short(connection, first=OK):
    connection.sendall(first + JSON + b'Content-Length: 99\r\n\r\n{"id": ')


def reset(connection, first=OK):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    short(connection, first)


def broken_chunk(connection, first=OK):
    connection.sendall(first + JSON + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\nxyz\r\n')


def missing_chunk(connection, first=OK):
    connection.sendall(first + JSON + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n')


def too_large(connection, first=OK):
    connection.sendall(first + JSON + b"Content-Length: %d\r\n\r\n" % LARGE + b" " * LARGE)


def too_large_unpacked(connection, first=OK):
    body = gzip.compress(b" " * LARGE)
    connection.sendall(first + JSON + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def stalled(connection, first=OK):
    short(connection, first)
    connection.settimeout(5)
    connection.recv(1)


BODIES = {
    "H05-short": (short, "response_unreadable"),
    "H05-reset": (reset, "response_unreadable"),
    "H05-broken-chunk": (broken_chunk, "response_unreadable"),
    "H05-missing-chunk": (missing_chunk, "response_unreadable"),
    "H08-too-large": (too_large, "response_too_large"),
    "H08-too-large-unpacked": (too_large_unpacked, "response_too_large"),
    "H05-stalled": (stalled, "upstream_timeout"),
}
each_body = pytest.mark.parametrize(("body", "code"), BODIES.values(), ids=BODIES)


@pytest.fixture
def run(owner, caller):
    """Runs an action through the API against this answer: its response."""
    numbers = count()

    def through(body, method, first=OK, **config):
        with answering(lambda _, connection: body(connection, first)) as url:
            parts = {"uses": "", "base_url": url, "method": method, "timeout_seconds": 1, "name": f"{next(numbers)}"}
            action = make_action(owner, **parts, **config)
            return caller.call("POST", f"/integrations/{action.id}/run", {"environment": "staging"})

    return through


def last_run():
    return Run.objects.order_by("-started_at").first()


@each_body
def test_a_call_that_worked_is_never_reported_as_failed(body, code, run):
    for method in ("DELETE", "POST") if body is short else ("PATCH",):
        result = run(body, method).json()
        assert (result["outcome"], result["status"], result["body"]) == ("succeeded", 200, None), result
        assert (result["body_type"], result["withheld"]["code"]) == ("withheld", code)
        assert "Do not repeat" in result["withheld"]["message"]
        assert {"name": "Content-Type", "value": "application/json"} in result["headers"]
        assert (last_run().outcome, last_run().status, last_run().error_code) == ("succeeded", 200, "")


@each_body
def test_a_read_without_its_body_has_failed_and_says_the_status(body, code, run):
    response = run(body, "GET")
    problem = response.json()
    assert (response.status_code in {502, 504}, problem["code"], problem["upstream_status"]) == (True, code, 200)
    assert "The status was 200." in problem["detail"]
    assert (last_run().outcome, last_run().status, last_run().error_code) == ("failed", 200, code)


def test_h08_the_refusal_names_the_limit_and_the_field_that_raises_it(run):
    detail = run(too_large, "GET").json()["detail"]
    assert "1048576 bytes" in detail
    assert "max_response_bytes" in detail


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_error_status_stays_one_without_its_body(method, run):
    result = run(short, method, MISSING).json()
    assert (result["outcome"], result["status"], result["withheld"]["code"]) == (
        "upstream_error",
        404,
        "response_unreadable",
    )


def test_where_the_status_alone_is_passed_on_the_body_does_not_matter(run):
    result = run(too_large, "GET", returns={"type": "status"}).json()
    assert (result["outcome"], result["status"], result["withheld"]["code"]) == ("succeeded", 200, "status_alone")


def test_chosen_fields_of_a_missing_body_are_withheld_for_that_reason(run):
    result = run(short, "POST", returns={"type": "fields", "expression": "id"}).json()
    assert (result["outcome"], result["headers"], result["withheld"]["code"]) == (
        "succeeded",
        [],
        "response_unreadable",
    )


def test_a_redirect_without_its_body_is_followed(run, owner, caller):
    def answer(request, connection):
        if request.startswith(b"POST /first"):
            short(connection, b"HTTP/1.1 303 See Other\r\nLocation: /second\r\n")
        else:
            short(connection, b"HTTP/1.1 201 Created\r\n")

    with answering(answer) as url:
        config = {"method": "POST", "path": "/first", "follow_redirects": True}
        action = make_action(owner, uses="", base_url=url, **config)
        result = caller.post(f"/integrations/{action.id}/run", {"environment": "staging"})
    assert (result["outcome"], result["status"]) == ("succeeded", 201)


def test_a_value_in_the_head_is_masked_all_the_same(run, owner):
    store_secret(owner)
    echo = f"HTTP/1.1 200 OK\r\nX-Echo: {VALUE}\r\n".encode()
    for body in (short, stalled):
        response = run(body, "POST", echo, headers=[{"name": "X-Key", "value": "{secrets.crm.apiKey}"}])
        assert response.json()["outcome"] == "succeeded"
        assert VALUE not in response.content.decode()


def test_a_booking_at_calcom_that_was_made_is_not_reported_as_failed(owner, caller):
    store_secret(owner, "calcom.key", VALUE)
    results = []
    for body in (short, lambda connection: connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")):
        with answering(lambda _, connection, body=body: body(connection)) as url:
            config = {"base_url": url, "api_key": "{secrets.calcom.key}", "operations": ["cancel_booking"]}
            created = caller.post(
                "/integrations",
                {"kind": "calcom", "name": url, "environments": ["staging"], "config": config},
            )
            sent = {"environment": "staging", "operation": "cancel_booking", "params": {"booking_uid": "b-1"}}
            results.append(caller.post(f"/integrations/{created['id']}/run", sent))
    assert [result["outcome"] for result in results] == ["succeeded", "succeeded"]
    assert [result["withheld"] and result["withheld"]["code"] for result in results] == ["response_unreadable", None]
