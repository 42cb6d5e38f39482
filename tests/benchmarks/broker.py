"""One run through Coffer, against the baseline and against proxies that add a static header.

Everything is on loopback, each part in processes of its own: PostgreSQL with durable commits, the upstream, the server
with one worker and with two as `docs/production.md` starts it, and the load. Competitors take turns in every round;
medians are compared.
"""

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.db import connection, connections

from accounts.actors import actor_for_member
from accounts.common.environments import Environment
from accounts.models import Membership, User
from accounts.people.organizations import create_organization
from tests.benchmarks import peers
from tests.benchmarks.competing import Cell, Competitor, libpq, postmaster, uvicorn
from tests.benchmarks.processes import free_port, serving
from tests.support.things import key_for, make_action, store_secret

CONNECTIONS = {"fast": (1, 64, 500), "slow": (1, 64, 200, 500, 1000)}
"""Calls at once, by upstream: `slow` answers after 200 ms."""
ROUNDS = 3
MAX_SECONDS = 400
"""No round begins that would probably end later than this, so a busy machine makes fewer than `ROUNDS`."""
VALUE = "benchmark-credential-0123456789"
HEADER = f"Bearer {VALUE}"
EXPECTED = "all is well"
KEY_LIMIT = 10_000
COFFER, TWO_WORKERS, BASELINE = "coffer", "coffer, two workers", "baseline"


def measure() -> list[dict[str, object]]:
    """Every competitor with both upstreams at every number of connections, and its ratio to the baseline."""
    with _competitors() as competitors:
        cells = [
            Cell(competitor, upstream, connections, EXPECTED)
            for upstream, numbers in CONNECTIONS.items()
            for connections in numbers
            for competitor in competitors
        ]
        for cell in cells:
            if cell.connections == 64:
                cell.warm_up()
        started, rounds = time.monotonic(), 0
        while rounds < ROUNDS and _fits(time.monotonic() - started, rounds):
            for cell in cells:
                cell.measure()
            rounds += 1
    baselines = {(cell.upstream, cell.connections): cell for cell in cells if cell.competitor.name == BASELINE}
    return [_row(cell, baselines[cell.upstream, cell.connections]) for cell in cells]


def _fits(spent: float, rounds: int) -> bool:
    """Whether one more round like those so far ends in time."""
    return not rounds or spent / rounds * (rounds + 1) <= MAX_SECONDS


def _row(cell: Cell, baseline: Cell) -> dict[str, object]:
    return {
        "through": cell.competitor.name,
        "upstream": cell.upstream,
        "connections": cell.connections,
        "per_second": round(cell.median("per_second")),
        "of_baseline": round(cell.median("per_second") / baseline.median("per_second"), 2),
        "p50_ms": round(cell.median("p50_ms"), 1),
        "p99_ms": round(cell.median("p99_ms"), 1),
        "cpu_ms": round(cell.median("cpu_ms"), 2),
        "cpu_of_baseline": round(cell.median("cpu_ms") / baseline.median("cpu_ms"), 2),
        "memory_mb": round(max(found["memory_mb"] for found in cell.rounds)),
        "failed": round(sum(found["failed"] for found in cell.rounds)),
        "rounds": len(cell.rounds),
    }


@contextmanager
def _competitors() -> Iterator[list[Competitor]]:
    postgres = postmaster()
    upstream = free_port()
    base_url = f"http://127.0.0.1:{upstream}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coffer-benchmark-")))
        command = [sys.executable, "-m", "tests.benchmarks.upstream", str(upstream)]
        stack.enter_context(serving(command, upstream, {"EXPECTED": HEADER}))
        found = []
        paths, headers = stored(base_url)
        for name in (COFFER, TWO_WORKERS, BASELINE, *peers.installed()):
            port = free_port()
            here = {which: f"http://127.0.0.1:{port}/{which}" for which in CONNECTIONS}
            if name in {COFFER, TWO_WORKERS}:
                urls = {which: f"http://127.0.0.1:{port}{path}" for which, path in paths.items()}
                environment = {"WEB_CONCURRENCY": "1" if name == COFFER else "2", "CACHE_URL": "dbcache://coffer_cache"}
                pid = stack.enter_context(serving(uvicorn("config.asgi:application", port), port, environment))
                found.append(Competitor(name, urls, headers, (pid, postgres)))
            elif name == BASELINE:
                environment = {"BASELINE_DATABASE": _baseline_row(), "BASELINE_UPSTREAM": base_url}
                command = uvicorn("tests.benchmarks.baseline:application", port)
                pid = stack.enter_context(serving(command, port, environment))
                found.append(Competitor(name, here, {}, (pid, postgres)))
            else:
                pid = stack.enter_context(peers.running(name, folder, port, upstream, HEADER))
                found.append(Competitor(name, here, {}, (pid,)))
        connections.close_all()
        yield found


def stored(base_url: str, upstreams: Iterable[str] = tuple(CONNECTIONS)) -> tuple[dict[str, str], dict[str, str]]:
    """The paths of an action for each upstream, and the headers of a caller."""
    user = User.objects.create(email="owner@example.com", name="Owner")
    organization = create_organization(user=user, name="Benchmark")
    owner = actor_for_member(Membership.objects.select_related("user", "organization").get(organization=organization))
    store_secret(owner, value=VALUE)
    paths = {}
    for which in upstreams:
        action = make_action(
            owner, f"Ask {which}", base_url=base_url, path=f"/{which}", environments=[Environment.STAGING]
        )
        paths[which] = f"/api/v1/integrations/{action.id}/run"
    return paths, {"Authorization": f"Bearer {key_for(owner, max_concurrent=KEY_LIMIT)}"}


def _baseline_row() -> str:
    """The row that the baseline reads; how to connect to its database."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE benchmark_baseline (id integer PRIMARY KEY, header text NOT NULL)")
        cursor.execute("INSERT INTO benchmark_baseline VALUES (1, %s)", [HEADER])
    return libpq()
