"""Runs answered past the API's framework (`config/api/fast_path.py`) answer as the framework does."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.models import ApiKey
from config.api.fast_path import FastPath
from config.api.handler import ApiHandler
from integrations.editing.integrations import delete_integration
from integrations.models import Integration, Run
from secrets_app.editing.secrets import create_secret
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from tests.peers.upstreams import answering, http
from tests.support.api.asgi import bearer, call_asgi, same_response
from tests.support.things import (
    VALUE,
    key_for,
    make_action,
    store_secret,
)

pytestmark = [pytest.mark.each_database, pytest.mark.django_db(transaction=True)]

RUN = b'{"environment": "staging"}'
BODIES = {
    "nothing": b"",
    "blanks": b" \n\t",
    "text": b"environment",
    "list": b'[{"environment": "staging"}]',
    "null": b"null",
    "number": b"1",
    "string": b'"staging"',
    "true": b"true",
    "cut off": b'{"environment": "staging"',
    "something after it": RUN + b"x",
    "two documents": RUN + RUN,
    "single quotes": b"{'environment': 'staging'}",
    "trailing comma": b'{"environment": "staging",}',
    "comment": b'{"environment": "staging"} // x',
    "same key twice": b'{"environment": "staging", "environment": "production"}',
    "same key twice, spelt differently": b'{"environment": "staging", "\\u0065nvironment": "production"}',
    "same argument twice": b'{"environment": "staging", "params": {"a": 1, "a": 2}}',
    "unknown field": b'{"environment": "staging", "base_url": "https://evil.example"}',
    "integration of another": b'{"environment": "staging", "integration_id": "x"}',
    "staged": b'{"environment": "staging", "staged": "00000000-0000-0000-0000-000000000000"}',
    "check": b'{"environment": "staging", "check": true}',
    "unknown environment": b'{"environment": "Staging"}',
    "environment of another type": b'{"environment": ["staging"]}',
    "environment as number": b'{"environment": 1}',
    "no environment": b'{"environment": null}',
    "operation": b'{"environment": "staging", "operation": "call"}',
    "no operation": b'{"environment": "staging", "operation": null}',
    "operation of another type": b'{"environment": "staging", "operation": 1}',
    "unknown operation": b'{"environment": "staging", "operation": "delete\\u0000"}',
    "no params": b'{"environment": "staging", "params": null}',
    "params of another type": b'{"environment": "staging", "params": [1]}',
    "params as text": b'{"environment": "staging", "params": "{}"}',
    "unknown argument": b'{"environment": "staging", "params": {"x": 1}}',
    "NaN": b'{"environment": "staging", "params": {"x": NaN}}',
    "minus infinity": b'{"environment": "staging", "params": {"x": -Infinity}}',
    "a number that is infinity": b'{"environment": "staging", "params": {"x": 1e999}}',
    "a huge number": b'{"environment": "staging", "params": {"x": ' + b"9" * 4000 + b"}}",
    "a number beyond reading": b'{"environment": "staging", "params": {"x": ' + b"9" * 5000 + b"}}",
    "half a surrogate pair": b'{"environment": "staging", "params": {"x": "\\ud800"}}',
    "half a surrogate pair as key": b'{"environment": "staging", "params": {"\\ud800": 1}}',
    "NUL": b'{"environment": "staging", "params": {"x": "\\u0000"}}',
    "NUL as a byte": b'{"environment": "staging\0"}',
    "deep": b'{"environment": "staging", "params": {"x": ' + b"[" * 500 + b"]" * 500 + b"}}",
    "too deep": b'{"environment": "staging", "params": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "many keys": b'{"environment": "staging", "params": {' + b",".join(b'"k%d": 1' % n for n in range(20_000)) + b"}}",
    "no UTF-8": b'{"environment": "staging", "params": {"x": "\xff"}}',
    "UTF-16": '{"environment": "staging"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + RUN,
    "overlong UTF-8": b'{"environment": "staging", "params": {"x": "\xc0\xae"}}',
    "form": b"environment=staging",
}


@dataclass(frozen=True)
class Runnable:
    """Where a run is asked for, and a key that may."""

    path: str
    key: str


@pytest.fixture
def run_of(owner):
    """An integration that uses a secret, and its upstream."""
    store_secret(owner)
    with answering(lambda _, connection: connection.sendall(http(VALUE.encode()))) as base_url:
        yield Runnable(f"/api/v1/integrations/{make_action(owner, base_url=base_url).id}/run", key_for(owner))


def test_same_answer_to_each_body(both, run_of):
    found = {name: same_response(both, "POST", run_of.path, body, bearer(run_of.key)) for name, body in BODIES.items()}
    assert {status for status, _, _ in found.values()} == {200, 400, 422}
    assert [name for name, (status, _, _) in found.items() if status == 200] == ["operation", "no operation"]
    kinds = {headers[b"content-type"].split(b";")[0] for _, headers, _ in found.values()}
    assert kinds == {b"application/json", b"application/problem+json"}


ASKED = {
    "no content type": ({"content_type": b""}, 200),
    "form": ({"content_type": b"application/x-www-form-urlencoded"}, 200),
    "multipart": ({"content_type": b"multipart/form-data; boundary=x"}, 200),
    "other charset": ({"content_type": b"application/json; charset=utf-16"}, 200),
    "unknown charset": ({"content_type": b"application/json; charset=none"}, 200),
    "query": ({"path": "?environment=production&x=1"}, 422),
    "value in the query": ({"path": "?value=x"}, 400),
    "trailing slash": ({"path": "/"}, 404),
    "more path": ({"path": "/x"}, 404),
    "line break": ({"path": "\n"}, 404),
    "GET": ({"method": "GET"}, 405),
    "HEAD": ({"method": "HEAD"}, 405),
    "OPTIONS": ({"method": "OPTIONS"}, 405),
    "PUT": ({"method": "PUT"}, 405),
    "PATCH": ({"method": "PATCH"}, 405),
    "DELETE": ({"method": "DELETE"}, 405),
    "TRACE": ({"method": "TRACE"}, 405),
    "unknown method": ({"method": "RUN"}, 405),
    "small letters": ({"method": "post"}, 200),
    "another method named": ({"headers": [(b"x-http-method-override", b"DELETE")]}, 200),
    "another address named": ({"headers": [(b"x-original-url", b"/api/v1/secrets")]}, 200),
    "a version": ({"headers": [(b"if-match", b'"9"')]}, 200),
    "asked for once, with a malformed key": ({"headers": [(b"idempotency-key", b"1")]}, 422),
    "pages wanted": ({"headers": [(b"accept", b"text/html"), (b"hx-request", b"true")]}, 200),
    "cookies": ({"headers": [(b"cookie", b"session=x; csrf=y")]}, 200),
    "no key": ({"auth": None}, 401),
    "empty key": ({"auth": b""}, 401),
    "key without scheme": ({"auth": b"KEY"}, 401),
    "another scheme": ({"auth": b"Basic KEY"}, 401),
    "scheme alone": ({"auth": b"Bearer"}, 401),
    "scheme and blank": ({"auth": b"Bearer "}, 401),
    "scheme in small letters": ({"auth": b"bearer KEY"}, 200),
    "blanks around the key": ({"auth": b"Bearer   KEY  "}, 200),
    "tab": ({"auth": b"Bearer\tKEY"}, 401),
    "two keys": ({"auth": b"Bearer KEY, Bearer KEY"}, 401),
    "more after the key": ({"auth": b"Bearer KEY x"}, 401),
    "no ASCII": ({"auth": b"Bearer \xff\xfe"}, 401),
    "very long key": ({"auth": b"Bearer " + b"a" * 60_000}, 401),
}


def test_same_answer_however_it_is_asked(both, run_of):
    def status(asked):
        auth = asked.get("auth", b"Bearer KEY")
        signature = [] if auth is None else [(b"authorization", auth.replace(b"KEY", run_of.key.encode()))]
        path, method = run_of.path + asked.get("path", ""), asked.get("method", "POST")
        kind, headers = asked.get("content_type", b"application/json"), [*asked.get("headers", []), *signature]
        return same_response(both, method, path, RUN, headers, content_type=kind)[0]

    expected = {name: code for name, (_, code) in ASKED.items()}
    assert {name: status(asked) for name, (asked, _) in ASKED.items()} == expected


@pytest.mark.parametrize("change", ["revoked", "expired", "another environment", "not listed", "disabled", "deleted"])
def test_same_refusal_at_the_next_run(both, owner, run_of, change):
    """What is taken away is gone at once: nothing is kept of the run before."""
    assert same_response(both, "POST", run_of.path, RUN, bearer(run_of.key))[0] == 200
    keys, integration = ApiKey.objects.all(), Integration.objects.get()
    changes = {
        "revoked": lambda: keys.update(revoked_at=timezone.now()),
        "expired": lambda: keys.update(expires_at=timezone.now() - timedelta(seconds=1)),
        "another environment": lambda: Integration.objects.update(environments=frozenset({Environment.PRODUCTION})),
        "not listed": lambda: keys.update(integrations=[]),
        "disabled": lambda: Secret.objects.update(enabled=False),
        "deleted": lambda: delete_integration(actor=owner, integration_id=integration.id),
    }
    changes[change]()
    status = same_response(both, "POST", run_of.path, RUN, bearer(run_of.key))[0]
    gone = {"revoked": 401, "expired": 401, "not listed": 404, "deleted": 404}
    assert status == gone.get(change, 409)


def test_runs_at_once_are_each_their_own_caller_s(owner, outsider):
    """Questions of many callers go to the database together: no key, environment, value or answer may change hands."""
    seen = {}

    def respond(request, connection):
        head = request.decode()
        number = head.split(" ")[1].removeprefix("/")
        seen[number] = head.partition("Authorization: Bearer ")[2].split("\r\n")[0]
        connection.sendall(http(number.encode()))

    def asking(key, action, environment, number):
        body = json.dumps({"environment": environment.value, "params": {"id": number}}).encode()
        return call_asgi(FastPath(ApiHandler()), "POST", f"/api/v1/integrations/{action.id}/run", body, bearer(key))

    parameters = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    with answering(respond) as base_url:
        wanted = []
        for actor in (owner, outsider):
            environments = [Environment.STAGING, Environment.PRODUCTION]
            create_secret(
                actor=actor,
                name="crm.apiKey",
                values={environment: Plaintext(f"value-{actor.label}-{environment}") for environment in environments},
            )
            action = make_action(
                actor, base_url=base_url, path="/{params.id}", parameters=parameters, environments=environments
            )
            wanted += [(key_for(actor, environments=[one]), action, one, actor.label) for one in environments]
        numbered = [(str(number), wanted[number % 4]) for number in range(32)]
        strangers = [(key, wanted[2][1], environment, "x") for key, _, environment, _ in wanted[:2]]
        elsewhere = [(wanted[0][0], wanted[0][1], Environment.PRODUCTION, "x")]

        async def all_at_once():
            return await asyncio.gather(
                *(asking(key, action, environment, number) for number, (key, action, environment, _) in numbered),
                *(asking(*one) for one in strangers + elsewhere),
            )

        answers = async_to_sync(all_at_once)()
    expected = {number: f"value-{label}-{environment}" for number, (_, _, environment, label) in numbered}
    assert seen == expected
    assert [json.loads(body)["body"] for _, _, body in answers[:32]] == list(expected)
    assert [status for status, _, _ in answers[32:]] == [404, 404, 403]
    mine = Run.objects.filter(organization=owner.organization)
    assert (mine.count(), Run.objects.count()) == (16, 32)
    assert {run.secrets.get().name for run in mine} == {"crm.apiKey"}
