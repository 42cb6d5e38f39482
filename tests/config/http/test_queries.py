"""A query string that is not UTF-8 is refused in our own words, for programs and for people."""

import json

import pytest

from config.asgi import application
from tests.support.api.asgi import call_asgi

UNREADABLE = ["\xff", "q=\xff", "q=caf\xe9", "\xff=1", "q=%00\xc3"]


@pytest.mark.parametrize("query", UNREADABLE)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/secrets"), ("GET", "/api/")])
async def test_programs_get_a_problem_document(method, path, query):
    status, headers, body = await call_asgi(application, method, f"{path}?{query}")
    assert (status, dict(headers)[b"content-type"]) == (400, b"application/problem+json")
    assert dict(headers)[b"cache-control"] == b"no-store"
    assert json.loads(body)["code"] == "bad_request"


@pytest.mark.parametrize("query", UNREADABLE)
async def test_agents_get_an_error_of_their_protocol(query):
    status, headers, body = await call_asgi(application, "POST", f"/mcp?{query}")
    assert (status, dict(headers)[b"content-type"]) == (400, b"application/json")
    assert json.loads(body)["error"]["data"]["code"] == "bad_request"


@pytest.mark.parametrize("query", UNREADABLE)
@pytest.mark.parametrize("path", ["/", "/signin/", "/o/harbor-clinics/secrets/", "/nothing/"])
async def test_people_get_the_page(path, query):
    status, headers, body = await call_asgi(application, "GET", f"{path}?{query}")
    assert (status, dict(headers)[b"content-type"]) == (400, b"text/html; charset=utf-8")
    assert b"This request could not be understood" in body


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("query", ["", "q=%ff", "q=%00", "q=caf\xc3\xa9", "\xf0\x9f\x94\x91"])
async def test_what_can_be_read_is_passed_on(query):
    status, _, body = await call_asgi(application, "GET", f"/api/v1/secrets?{query}")
    assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
