"""Streams through Coffer's `/proxy/`, beside nginx and no proxy at all (`make bench PART=stream`).

Upstream, Coffer with one worker, nginx and the clients are processes of their own on loopback and share the machine.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connections

from accounts.actors import actor_for_member
from accounts.models import Membership, User
from accounts.people.organizations import create_organization
from tests.benchmarks import peers
from tests.benchmarks.competing import uvicorn
from tests.benchmarks.processes import cpu_seconds, free_port, memory_mb, serving
from tests.benchmarks.streams import masking
from tests.benchmarks.streams.masking import Row, row
from tests.support.things import key_for, make_connection, store_secret

VALUE = "Zq8Lr2Xw7Vb5Nd3Kt9Mf4Hs6Jp1Gc0Ry"
HEADER = f"Bearer {VALUE}"
TIMES = 100
STREAMS, EVENTS = 200, 60
MEBIBYTES, ROUNDS = 128, 2
COFFER, NGINX, DIRECT = "coffer", "nginx", "direct"


@dataclass(frozen=True)
class _Way:
    """How the upstream is reached: a base URL, the headers of callers, and the process in between."""

    name: str
    url: str
    headers: dict[str, str]
    pid: int | None = None


def measure() -> list[Row]:
    """Return all figures, each with what it is of and its unit."""
    rows = list(masking.streams())
    with _ways() as ways:
        rows += _first_bytes(ways)
        rows += _many([way for way in ways if way.name != DIRECT])
        for which in ("audio", "text"):
            rows += _through(ways, which)
    return rows


def _first_bytes(ways: list[_Way]) -> list[Row]:
    urls = {way.name: f"{way.url}/first" for way in ways}
    found = _load(kind="first_bytes", urls=urls, headers={way.name: way.headers for way in ways}, times=TIMES)
    rows = [row("time to the first byte", name, round(figure, 2), "ms") for name, figure in sorted(found.items())]
    more = found[f"{COFFER} p50"] - found[f"{DIRECT} p50"]
    return [*rows, row("time to the first byte", "coffer more than direct, median", round(more, 2), "ms")]


def _many(ways: list[_Way]) -> Iterator[Row]:
    for way in ways:
        before = cpu_seconds(way.pid) if way.pid else 0.0
        found = _load(
            kind="many", url=f"{way.url}/events?{EVENTS}", headers=way.headers, streams=STREAMS, events=EVENTS
        )
        of = f"{STREAMS} streams of {EVENTS} events through {way.name}"
        for name, figure in found.items():
            yield row(of, name, round(figure, 1), "")
        if way.pid:
            used = cpu_seconds(way.pid) - before
            yield row(of, "CPU an event", round(used / STREAMS / EVENTS * 1e6), "µs")
            yield row(of, "memory", round(memory_mb(way.pid)), "MB")


def _through(ways: list[_Way], which: str) -> Iterator[Row]:
    best = dict.fromkeys([way.name for way in ways], 0.0)
    used = dict.fromkeys([way.name for way in ways if way.pid], 0.0)
    for _ in range(ROUNDS):
        for way in ways:
            before = cpu_seconds(way.pid) if way.pid else 0.0
            url = f"{way.url}/{which}?{MEBIBYTES}"
            found = _load(kind="through", url=url, headers=way.headers, mebibytes=MEBIBYTES)
            best[way.name] = max(best[way.name], found["mb_per_second"])
            if way.pid:
                used[way.name] += cpu_seconds(way.pid) - before
    of = f"one stream of {MEBIBYTES} MiB of {which}"
    for name, figure in best.items():
        yield row(of, name, round(figure), "MB/s")
    for name, seconds in used.items():
        yield row(of, f"{name}, CPU", round(seconds * 1e3 / (ROUNDS * MEBIBYTES * 2**20 / 1e6), 1), "ms a MB")


def _load(**task: Any) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.streams.load"]
    done = subprocess.run(command, input=json.dumps(task), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


@contextmanager
def _ways() -> Iterator[list[_Way]]:
    upstream, port = free_port(), free_port()
    base_url = f"http://127.0.0.1:{upstream}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coffer-benchmark-")))
        command = [sys.executable, "-m", "tests.benchmarks.streams.upstream", str(upstream)]
        stack.enter_context(serving(command, upstream, {"EXPECTED": HEADER}))
        path, headers = _stored(base_url)
        connections.close_all()
        coffer = stack.enter_context(serving(uvicorn("config.asgi:application", port), port, {"WEB_CONCURRENCY": "1"}))
        ways = [
            _Way(DIRECT, base_url, {"Authorization": HEADER}),
            _Way(COFFER, f"http://127.0.0.1:{port}{path}", headers, coffer),
        ]
        if NGINX in peers.installed():
            port = free_port()
            pid = stack.enter_context(peers.running(NGINX, folder, port, upstream, HEADER))
            ways.append(_Way(NGINX, f"http://127.0.0.1:{port}", {}, pid))
        yield ways


def _stored(base_url: str) -> tuple[str, dict[str, str]]:
    """The address of a connection below `/proxy/`, and the headers of a caller."""
    user = User.objects.create(email="owner@example.com", name="Owner")
    organization = create_organization(user=user, name="Benchmark")
    owner = actor_for_member(Membership.objects.select_related("user", "organization").get(organization=organization))
    store_secret(owner, value=VALUE)
    sends = [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}]
    connection = make_connection(owner, base_url=base_url, headers=sends, pass_through="everything")
    key = key_for(owner, max_concurrent=2 * STREAMS)
    return f"/proxy/{connection.id}@staging", {"Authorization": f"Bearer {key}"}
