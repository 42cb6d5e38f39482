"""Two hosts in network namespaces behind nginx: what holds across both, and what callers notice when one is killed.

The steps are those of docs/scaling.md, "A second host behind nginx".
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import ApiKey
from accounts.policy import Scope
from integrations.figures.counting import LONGEST_RUN
from integrations.models import Run, RunOutcome
from tests.peers import namespaces
from tests.peers.nginx import HOST, ask, nginx
from tests.support.sign_in import sign_in
from tests.support.things import VALUE, key_for, store_secret

pytestmark = [pytest.mark.nginx, pytest.mark.namespaces, pytest.mark.postgres]

AT_ONCE = 16
SHARED_CACHE = {"default": {"BACKEND": "config.caches.JsonDatabaseCache", "LOCATION": "coffer_cache"}}
CSRF = "c" * 32
TOO_MANY = "Too many failed login attempts"


class Upstream(ThreadingHTTPServer):
    """Answers each call after a while. It keeps which host each came from, and with which credential."""

    daemon_threads = True
    request_queue_size = 64
    seconds = 0.0

    def __init__(self, address: str) -> None:
        self.seen: list[tuple[str, str]] = []
        super().__init__((address, 0), Answer)

    def handle_error(self, *_: object) -> None:
        """Say nothing about a caller that was killed."""

    def callers(self) -> set[str]:
        """The addresses that called since the last question."""
        found, self.seen = {address for address, _ in self.seen}, []
        return found


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append((self.client_address[0], self.headers["Authorization"]))
        time.sleep(self.server.seconds)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Site:
    """Two hosts, the way to both of them together, and a way to each."""

    first: namespaces.Host
    second: namespaces.Host
    both: int
    doors: dict[str, int]
    upstream: Upstream
    ask: partial

    def call(self, port: int, method: str, path: str, key: str, body: object = None) -> tuple[int, dict]:
        """Status and document of a call of the API."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        status, _, answer = self.ask(port, method, f"/api/v1/{path}", json.dumps(body) if body else None, headers)
        return status, json.loads(answer) if answer[:1] == b"{" else {}

    def run(self, port: int, integration: str, key: str) -> tuple[int, str]:
        """Status, and code or outcome, of one run."""
        status, said = self.call(port, "POST", f"integrations/{integration}/run", key, {"environment": "staging"})
        return status, said.get("code") or said.get("outcome", "")

    def page(self, port: int, path: str, cookie: str = "", **form: str) -> tuple[int, str]:
        """Status and text of what a page says to a form."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": f"{cookie}__Host-csrf={CSRF}",
            "Origin": f"https://{HOST}",
            "Host": HOST,
        }
        fields = "&".join(f"{name}={value}" for name, value in {"csrfmiddlewaretoken": CSRF, **form}.items())
        status, _, answer = self.ask(port, "POST", path, fields, headers)
        return status, answer.decode()

    def wait_for(self, host: namespaces.Host) -> None:
        """Wait until a host is ready."""
        deadline = time.monotonic() + 120  # of a busy machine
        while self.ready(host) != 200:
            assert host.process.poll() is None, "A host has ended."
            assert time.monotonic() < deadline, "A host is not ready."
            time.sleep(0.1)

    def ready(self, host: namespaces.Host) -> int:
        """The status of a host's `/readyz`."""
        return self.ask(self.doors[host.name], "GET", "/readyz")[0]


@pytest.fixture
def environment():
    """What both hosts have in common: everything."""
    database = urlsplit(os.environ["DATABASE_URL"])
    if database.hostname:
        pytest.skip("Namespaces reach PostgreSQL by a Unix socket alone.")
    with override_settings(CACHES=SHARED_CACHE):
        call_command("createcachetable", verbosity=0)
    own = {
        "DATABASE_URL": database._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "COFFER_ALLOWED_HOSTS": HOST,
        "COFFER_SITE_URL": f"https://{HOST}",
    }
    return {name: text for name, text in os.environ.items() if name not in {"CACHE_URL", "EMAIL_URL"}} | own


@contextmanager
def listening(address: str) -> Iterator[Upstream]:
    with Upstream(address) as upstream:
        thread = Thread(target=upstream.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield upstream
        upstream.shutdown()
        thread.join(timeout=10)


@pytest.fixture
def site(transactional_db, environment, authority, trusting, tmp_path) -> Iterator[Site]:
    if reason := namespaces.why_not():
        pytest.skip(reason)
    authority.serving(HOST, tmp_path)
    certificate = tmp_path / f"{HOST}.pem"
    with ExitStack() as stack:
        network = stack.enter_context(namespaces.network(2))
        upstream = stack.enter_context(listening(network.here))
        environment |= {"COFFER_TRUSTED_PROXIES": network.here, "COFFER_EGRESS_ALLOW": f"{network.here}/32"}
        ports = []
        for hosts in (network.hosts, *([host] for host in network.hosts)):
            folder = tmp_path / str(len(ports))
            folder.mkdir()
            ports.append(stack.enter_context(nginx(folder, certificate, [host.upstream for host in hosts])).tls)
        first, second = network.hosts
        doors = {first.name: ports[1], second.name: ports[2]}
        made = Site(first, second, ports[0], doors, upstream, partial(ask, trusting))
        for host in network.hosts:
            host.serve(environment, tmp_path / f"{host.name}.log")
        for host in network.hosts:
            made.wait_for(host)
        yield made
    with connection.cursor() as cursor:  # the table has no model, so that no test empties it
        cursor.execute("DELETE FROM coffer_cache")


def test_two_hosts_serve_as_one(site, environment, owner, tmp_path):
    secret, key = store_secret(owner), key_for(owner)
    one = site.doors[site.first.name]
    integration = _action(site, one, key)
    run = partial(site.run, integration=integration)

    # Runs go to both.
    assert {run(site.both, key=key) for _ in range(6)} == {(200, "succeeded")}
    assert site.upstream.callers() == {site.first.address, site.second.address}

    _limits_hold_across_both(site, run, owner)
    _what_one_changes_the_other_heeds(site, run, owner, secret, key)

    # One is killed.
    site.upstream.seconds = 0.3
    calls, killed, gone = _load(site, partial(run, site.both, key=key))
    under_way = [call for call in calls if call[0] < gone and call[1] > killed]
    failed = [call for call in calls if call[2] != (200, "succeeded")]
    assert set(failed) <= set(under_way), failed
    assert {answer for _, _, answer in failed} <= {(502, "")}
    assert len([call for call in calls if call[0] > gone]) >= 2 * AT_ONCE
    interrupted = Run.objects.filter(outcome=RunOutcome.STARTED.value)
    ids = list(interrupted.values_list("pk", flat=True))
    assert 0 < len(ids) <= len(failed) <= AT_ONCE

    # It starts again.
    interrupted.update(started_at=timezone.now() - LONGEST_RUN - timedelta(minutes=5))
    site.first.serve(environment, tmp_path / "again.log")
    site.wait_for(site.first)
    ends = Run.objects.filter(pk__in=ids).values_list("outcome", "error_code")
    assert set(ends) == {(RunOutcome.FAILED.value, "interrupted")}
    assert run(one, key=key) == (200, "succeeded")


def _action(site, port, key):
    address, listens = site.upstream.server_address
    config = {
        "base_url": f"http://{address}:{listens}",
        "method": "GET",
        "path": "/patients",
        "headers": [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}],
    }
    action = {"kind": "api_action", "name": "Look up patient", "environments": ["staging"], "config": config}
    status, made = site.call(port, "POST", "integrations", key, action)
    assert status == 201, made
    return made["id"]


def _limits_hold_across_both(site, run, owner):
    """Calls per minute of a key, and failed sign-ins of an address and account."""
    key = key_for(owner, Scope.RUN, max_per_minute=7)
    minutes = {timezone.now().minute}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = Counter(pool.map(lambda _: run(site.both, key=key), range(20)))
    minutes.add(timezone.now().minute)
    assert set(answers) == {(200, "succeeded"), (429, "rate_limited")}
    assert 7 <= answers[200, "succeeded"] <= 7 * len(minutes)
    assert len(site.upstream.seen) == answers[200, "succeeded"]
    assert site.upstream.callers() == {site.first.address, site.second.address}

    guess = {"login": "somebody@example.com", "password": "wrong"}
    one, other = site.doors.values()
    told = [TOO_MANY in site.page(port, "/signin/", **guess)[1] for port in (one, other, one, other, one, other, one)]
    assert told == [False] * 5 + [True] * 2


def _what_one_changes_the_other_heeds(site, run, owner, secret, key):
    """Whatever is changed through the first host holds at once at the second, which has used it just before."""
    one, other = site.doors.values()
    revoked = key_for(owner, Scope.RUN)
    assert run(other, key=revoked) == (200, "succeeded")
    cookie = f"__Host-session={sign_in(Client(), owner).cookies[settings.SESSION_COOKIE_NAME].value}; "
    row = ApiKey.objects.latest("created_at")
    assert site.page(one, f"/o/{owner.organization.slug}/api-keys/{row.pk}/revoke/", cookie)[0] == 303
    assert run(other, key=revoked) == (401, "unauthenticated")

    assert site.upstream.seen[-1] == (site.second.address, f"Bearer {VALUE}")
    for change, outcome in (
        ({"values": {"staging": "another-horse-battery"}}, (200, "succeeded")),
        ({"enabled": False}, (409, "secret_disabled")),
        ({"enabled": True}, (200, "succeeded")),
    ):
        status, said = site.call(one, "PATCH", f"secrets/{secret.pk}", key, change)
        assert status == 200, said
        assert run(other, key=key) == outcome
    assert site.upstream.seen[-1] == (site.second.address, "Bearer another-horse-battery")


def _load(site, run):
    """Calls before and after the first host is killed: begin, end and answer of each; when it was killed."""
    enough, found = Event(), []

    def caller() -> None:
        while not enough.is_set():
            began = time.monotonic()
            answer = run()
            found.append((began, time.monotonic(), answer))

    def wait_for_calls(since: float) -> None:
        deadline = time.monotonic() + 30
        while len([call for call in found if call[0] > since]) < 2 * AT_ONCE and time.monotonic() < deadline:
            assert site.ready(site.second) == 200
            time.sleep(0.1)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        callers = [pool.submit(caller) for _ in range(AT_ONCE)]
        wait_for_calls(0)
        killed = time.monotonic()
        site.first.kill()
        gone = time.monotonic()
        wait_for_calls(gone)
        enough.set()
        for one in callers:
            one.result()
    return found, killed, gone
