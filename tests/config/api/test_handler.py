"""The API answers the same through its own handler as through the whole list of middleware."""

import asyncio
import contextlib
import json
import threading
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

from config import asgi
from config.api import fast_path
from config.api.handler import LAYERS, ApiHandler
from config.http.bodies import WholeBodies
from config.http.requests import ApiOrPages
from config.lifespan import lifespan
from integrations.broker import broker
from integrations.exchange.messages import UpstreamResponse
from integrations.models import Run
from tests.peers.upstreams import answering, http
from tests.support.api.asgi import bearer, call_asgi, same_response
from tests.support.things import (
    VALUE,
    key_for,
    make_action,
    store_secret,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

LEFT_OUT = {
    "whitenoise.middleware.WhiteNoiseMiddleware": "static files are not below /api/",
    "config.http.middleware.CompressedPages": "pages only",
    "config.sessions.SessionCookieMiddleware": "keys, no sessions",
    "django.middleware.csrf.CsrfViewMiddleware": "cookies count for nothing, so nothing can be forged with them",
    "django.contrib.auth.middleware.AuthenticationMiddleware": "the API authenticates by itself",
    "django.contrib.auth.middleware.LoginRequiredMiddleware": "the same",
    "django.contrib.messages.middleware.MessageMiddleware": "messages are for people",
    "django_htmx.middleware.HtmxMiddleware": "pages only",
    "allauth.account.middleware.AccountMiddleware": "sign-in pages only",
    "accounts.web.middleware.SessionLimitsMiddleware": "keys, no sessions",
    "accounts.web.middleware.RefusalMiddleware": "makes pages of refusals; the API has problem documents",
}


@pytest.fixture
def key(owner):
    store_secret(owner)
    return key_for(owner)


NONE = "00000000-0000-0000-0000-000000000000"


ANSWERS = [
    ("GET", "/api/v1/secrets", b"", 200),
    ("HEAD", "/api/v1/secrets", b"", 405),
    ("OPTIONS", "/api/v1/secrets", b"", 405),
    ("GET", "/api/v1/secrets?limit=1&cursor=nonsense", b"", 422),
    ("GET", "/api/v1/secrets?q=%00%ff", b"", 200),
    ("GET", "/api/v1/integrations", b"", 200),
    ("GET", "/api/v1/runs", b"", 200),
    ("GET", "/api/v1/readiness", b"", 200),
    ("GET", "/api/v1/openapi.json", b"", 200),
    ("GET", "/api/v1/docs", b"", 200),
    ("GET", "/api/v1", b"", 301),
    ("GET", "/api/v1/", b"", 404),
    ("GET", "/api/", b"", 404),
    ("GET", "/api/v2/secrets", b"", 404),
    ("GET", "/api/v1/secrets/", b"", 404),
    ("GET", f"/api/v1/secrets/{NONE}", b"", 404),
    ("GET", "/api/v1/secrets?value=x", b"", 400),
    ("POST", "/api/v1/secrets?value_staging=x", b"{}", 400),
    ("GET", "/api/v1/secrets?q=\xff", b"", 400),
    ("DELETE", "/api/v1/secrets", b"", 405),
    ("POST", "/api/v1/runs", b"{}", 405),
    ("POST", "/api/v1/secrets", b"{", 400),
    ("POST", "/api/v1/secrets", b"\xff", 400),
    ("POST", "/api/v1/secrets", b"", 422),
    ("POST", "/api/v1/secrets", b'{"name": "x y", "more": 1}', 422),
    ("POST", "/api/v1/secrets", b'{"name": "crm.apiKey", "values": {"staging": "a-new-value"}}', 422),
    ("POST", f"/api/v1/integrations/{NONE}/run", b'{"environment": "staging"}', 404),
    ("POST", f"/api/v1/integrations/{NONE}/run", b"{}", 422),
    ("POST", f"/api/v1/integrations/{NONE}/run", b"[", 400),
    ("GET", f"/api/v1/integrations/{NONE}/run", b"", 405),
    ("POST", "/api/v1/secrets/import", b"x" * 2_621_441, 413),
]


def test_same_answer(both, key):
    for method, path, body, status in ANSWERS:
        found, headers, _ = same_response(both, method, path, body, bearer(key))
        assert found == status, (method, path, body[:80])
        assert (headers[b"cache-control"], headers[b"x-content-type-options"]) == (b"no-store", b"nosniff"), path


@pytest.mark.parametrize(("method", "path"), [("GET", "secrets"), ("POST", f"integrations/{NONE}/run")])
def test_same_refusal_of_strangers(both, db, method, path):
    for headers in ([], [(b"authorization", b"Bearer cof_no")], [(b"cookie", b"session=x; csrf=y")]):
        status, found, _ = same_response(both, method, f"/api/v1/{path}", b'{"environment": "staging"}', headers)
        assert (status, found[b"www-authenticate"]) == (401, b"Bearer"), headers


def test_same_refusal_of_foreign_hosts(both, key):
    for host in (b"evil.example", b"", b"local host", b"localhost:x"):
        status = same_response(both, "GET", "/api/v1/secrets", b"", bearer(key), host=host)[0]
        assert status == (400 if host else 200), host


@pytest.mark.parametrize(("scheme", "expected"), [("http", (301, False)), ("https", (200, True))])
def test_same_with_https(both, key, settings, scheme, expected):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    status, found, _ = same_response(both, "GET", "/api/v1/secrets?limit=1", b"", bearer(key), scheme=scheme)
    assert (status, b"strict-transport-security" in found) == expected


@pytest.fixture
def answered(owner, monkeypatch):
    """The address of an action of which every run is answered at once, and the number of runs past the framework."""
    direct = []
    monkeypatch.setattr("integrations.transport.client.send", answer_at_once)

    async def noted(*call):
        direct.append(call)
        return await broker.run(*call)

    monkeypatch.setattr(fast_path, "broker", SimpleNamespace(run=noted))
    return f"/api/v1/integrations/{make_action(owner).id}/run", direct


async def answer_at_once(*_, **__):
    return UpstreamResponse(
        200, b"OK", ((b"X-Said", b"this"),), b'{"ok": [true, null, 1.5, "\xc3\xa9"]}', readable=True
    )


RUN = b'{"environment": "staging"}'


HEADS = [
    ([], "https", 200, True),
    ([], "http", 301, False),
    ([(b"x-forwarded-host", b"evil.example"), (b"user-agent", b"curl"), (b"cookie", b"a=b")], "https", 200, True),
    ([(b"authorization", b"Bearer cof_twice")], "https", 401, False),
    ([(b"host", b"evil.example")], "https", 400, False),
    ([(b"accept", b"text/html"), (b"accept", b"application/json")], "https", 200, False),
]


def test_same_run_whatever_the_head(both, key, settings, answered):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    path, direct = answered
    for more, scheme, status, is_direct in HEADS:
        direct.clear()
        found, headers, _ = same_response(both, "POST", path, RUN, [*bearer(key), *more], scheme=scheme)
        assert (found, len(direct)) == (status, int(is_direct)), (more, scheme)
        assert (b"strict-transport-security" in headers) == (status != 301), (more, scheme)


def test_same_run_whatever_the_host(both, key, answered):
    path, direct = answered
    for host in (b"localhost", b"127.0.0.1:8000", b"evil.example", b"", b"localhost:x"):
        direct.clear()
        status = same_response(both, "POST", path, RUN, bearer(key), host=host)[0]
        assert (status, len(direct)) == ((200, 1) if status == 200 else (400, 0)), host


ILL_FORMED = [
    ("?a=b", RUN),
    ("?value=x", RUN),
    ("/", RUN),
    ("", b"[]"),
    ("", b'{"environment": "moon"}'),
    ("", b'{"a": NaN}'),
]


def test_what_is_not_well_formed_is_answered_by_the_framework(both, key, answered):
    address, direct = answered
    for path, body in ILL_FORMED:
        same_response(both, "POST", address + path, body, bearer(key))
        assert direct == [], (path, body)


def test_same_with_debug(both, key, settings):
    settings.DEBUG = True
    for path in ("secrets", "nothing", f"integrations/{NONE}"):
        same_response(both, "GET", f"/api/v1/{path}", b"", bearer(key))


@pytest.mark.parametrize("path", ["/api/v1/secrets", "/api/v1/integrations/{}/run"])
@pytest.mark.parametrize("debug", [True, False])
def test_same_fault_of_ours(both, owner, key, monkeypatch, settings, path, debug):
    def broken(*_, **__):
        raise RuntimeError(VALUE)

    action = make_action(owner)
    monkeypatch.setattr("accounts.access.callers.read_key", broken)
    settings.DEBUG = debug
    method = "GET" if path.endswith("secrets") else "POST"
    status, headers, body = same_response(
        both, method, path.format(action.id), b'{"environment": "staging"}', bearer(key)
    )
    assert (status, headers[b"content-type"]) == (500, b"application/problem+json")
    assert VALUE.encode() not in body
    assert json.loads(body)["code"] == "internal_error"


def test_same_run(both, owner, key):
    with answering(lambda _, connection: connection.sendall(http(VALUE.encode()))) as base_url:
        action = make_action(owner, base_url=base_url)
        status, _, body = same_response(
            both, "POST", f"/api/v1/integrations/{action.id}/run", b'{"environment": "staging"}', bearer(key)
        )
    assert status == 200
    assert b'"body": "[redacted' in body
    assert list(Run.objects.values_list("outcome", flat=True)) == ["succeeded"] * 2


def test_same_limit_of_a_key(both, owner, key):
    action = make_action(owner, base_url="http://127.0.0.1:9")
    limited = key_for(owner, max_per_minute=1)

    async def twice(application):
        path, body = f"/api/v1/integrations/{action.id}/run", b'{"environment": "staging"}'
        return [await call_asgi(application, "POST", path, body, bearer(limited)) for _ in range(3)][-1]

    answers = [async_to_sync(twice)(application) for application in both()]
    for status, headers, body in answers:
        assert status == 429
        assert int(dict(headers)[b"retry-after"]) == json.loads(body)["retry_after_seconds"]
    assert [name for name, _ in answers[0][1]] == [name for name, _ in answers[1][1] if name != b"vary"]


def test_nothing_else_is_served_by_it(both, db):
    class Never:
        async def __call__(self, *_):
            raise AssertionError

    pages = WholeBodies(ApiOrPages(api=Never(), pages=get_asgi_application(), lifespan=lifespan))
    for path in ("/healthz", "/accounts/login/", "/admin/", "/apis/", "/api", "/API/v1/secrets", "/api/v1/docs"):
        assert async_to_sync(call_asgi)(pages, "GET", path)[0] in {200, 302, 404}


def test_every_middleware_is_in_it_or_left_out_for_a_reason():
    assert [path for path in django_settings.MIDDLEWARE if path not in LEFT_OUT] == [
        f"{layer.__module__}.{layer.__name__}" for layer in LAYERS
    ]
    assert set(LEFT_OUT) <= set(django_settings.MIDDLEWARE)
    assert all(callable(import_string(path)) for path in LEFT_OUT)


def test_synchronous_operations_run_in_database_threads_and_others_on_the_loop(owner, key, monkeypatch):
    seen = []
    resolved = ApiHandler.resolve_request

    def noting(self, request):
        match = resolved(self, request)
        view = match.func

        def noted(*args, **kwargs):
            seen.append(threading.current_thread().name)
            return view(*args, **kwargs)

        match.func = noted
        return match

    monkeypatch.setattr(ApiHandler, "resolve_request", noting)
    assert async_to_sync(call_asgi)(ApiHandler(), "GET", "/api/v1/secrets", b"", bearer(key))[0] == 200
    assert seen[0].startswith("coffer-database")


@contextlib.contextmanager
def slow_upstream():
    """Takes its time; tells when a call has arrived."""
    arrived, go_on = threading.Event(), threading.Event()

    def respond(_, connection):
        arrived.set()
        go_on.wait(10)
        connection.sendall(http(b"{}"))

    with answering(respond) as base_url:
        try:
            yield base_url, arrived
        finally:
            go_on.set()


@pytest.mark.parametrize("has_left_before", [False, True])
def test_caller_who_leaves_ends_the_run_and_its_record(owner, key, has_left_before):
    async def leave(arrived, path):
        messages = [{"type": "http.request", "body": b'{"environment": "staging"}', "more_body": False}]

        async def receive():
            if messages:
                return messages.pop(0)
            if not has_left_before:
                await asyncio.to_thread(arrived.wait, 10)
            return {"type": "http.disconnect"}

        async def send(message):
            raise AssertionError(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *bearer(key)],
        }
        await asgi.application(scope, receive, send)

    with slow_upstream() as (base_url, arrived):
        action = make_action(owner, base_url=base_url)
        async_to_sync(leave)(arrived, f"/api/v1/integrations/{action.id}/run")
    assert list(Run.objects.values_list("outcome", "error_code")) == [("failed", "cancelled")]
