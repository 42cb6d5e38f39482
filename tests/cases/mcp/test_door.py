"""Cases of agents at Coffer's own MCP endpoint."""

import json

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from accounts.policy import Scope
from config.asgi import application
from tests.support.api.asgi import bearer, call_asgi, served
from tests.support.things import key_for

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

ACCEPT = [(b"accept", b"application/json, text/event-stream")]
ADDRESSES = ["/mcp", "/mcp/"]


@pytest.fixture
def door(owner):
    """Sends requests, as (method, path, message); their statuses, headers and answers."""
    key = key_for(owner, Scope.RUN, environments=[Environment.STAGING])

    def ask(*requests, headers=None, accept=ACCEPT, **options):
        async def asked():
            async with served(application):
                return [
                    await call_asgi(
                        application,
                        method,
                        path,
                        json.dumps({"jsonrpc": "2.0", **message}).encode() if message else b"",
                        [*accept, *(bearer(key) if headers is None else headers)],
                        **options,
                    )
                    for method, path, message in requests
                ]

        answers = async_to_sync(asked)()
        return [(status, dict(found), json.loads(answer)) for status, found, answer in answers]

    return ask


def initialize(version, request_id=1):
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    return {"id": request_id, "method": "initialize", "params": params}


def test_w01_the_address_may_end_with_a_slash(door):
    listing = {"id": 1, "method": "tools/list", "params": {}}
    requests = [("POST", path, message) for path in ADDRESSES for message in (initialize("2025-11-25"), listing)]
    answers = door(*requests)
    assert [status for status, *_ in answers] == [200] * 4
    assert [body for *_, body in answers[:2]] == [body for *_, body in answers[2:]]
    assert answers[3][2]["result"]["tools"] == []


def test_w01_both_addresses_ask_for_a_key(door):
    for status, headers, body in door(*(("POST", path, initialize("2025-11-25")) for path in ADDRESSES), headers=[]):
        assert (status, headers[b"www-authenticate"], body["error"]["data"]["code"]) == (
            401,
            b"Bearer",
            "unauthenticated",
        )


def test_w01_an_error_of_the_protocol_stays_one_at_both_addresses(door):
    for _, headers, body in door(*(("POST", path, {"id": 7, "method": "no/such"}) for path in ADDRESSES)):
        assert (headers[b"content-type"], body["id"], body["error"]["code"]) == (b"application/json", 7, -32601)


@pytest.mark.parametrize("accept", [b"", b"*/*", b"application/*", b"application/json"])
@pytest.mark.parametrize("media", [None, b"application/json; charset=utf-8"])
def test_a_client_need_not_name_its_media_types(door, accept, media):
    accepts = [(b"accept", accept)] if accept else []
    ((status, _, body),) = door(("POST", "/mcp", initialize("2025-11-25")), accept=accepts, content_type=media)
    assert (status, body["result"]["protocolVersion"]) == (200, "2025-11-25")


def test_w02_an_id_comes_back_as_it_was_sent(door):
    ids = ["abc", "7", 7, 0, "", 2**53 + 1]
    answers = door(*(("POST", "/mcp", initialize("2025-11-25", each)) for each in ids))
    assert [(type(body["id"]), body["id"]) for *_, body in answers] == [(type(each), each) for each in ids]


def test_w03_a_version_is_negotiated_and_never_refused(door):
    versions = ["2024-10-07", "2026-05-11", "2026-07-28", "1.0", "", "DRAFT-2026-v1"]
    answers = door(*(("POST", "/mcp", initialize(each)) for each in versions))
    assert {body["result"]["protocolVersion"] for *_, body in answers} == {"2025-11-25"}
    for known in ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]:
        assert door(("POST", "/mcp", initialize(known)))[0][2]["result"]["protocolVersion"] == known


def test_w05_get_is_not_a_web_page(door):
    for status, headers, body in door(*((method, path, None) for method in ("GET", "DELETE") for path in ADDRESSES)):
        assert (status, headers[b"allow"], headers[b"content-type"]) == (405, b"POST", b"application/json")
        assert body["error"]["data"]["code"] == "method_not_allowed"
