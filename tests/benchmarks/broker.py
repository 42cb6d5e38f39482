"""One run through Coffer, against the floor and against proxies that add a static header.

Everything is on loopback, each part in a process of its own: PostgreSQL with durable commits, the upstream, the server
with one worker as the README starts it, and the load. Competitors take turns in every round; medians are compared.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connection, connections

from accounts.actors import actor_for_member
from accounts.environments import Environment
from accounts.models import Membership, User
from accounts.services.organizations import create_organization
from tests.benchmarks import yardsticks
from tests.benchmarks.processes import cpu_seconds, free_port, memory_mb, serving
from tests.things import key_for, make_action, store_secret

CONNECTIONS = (1, 64, 500)
UPSTREAMS = ("fast", "slow")
ROUNDS = 3
SECONDS = 1.5
MAX_SECONDS = 180
"""No round begins that would probably end later than this, so a busy machine makes fewer than `ROUNDS`."""
VALUE = "benchmark-credential-0123456789"
HEADER = f"Bearer {VALUE}"
EXPECTED = "all is well"
KEY_LIMIT = 10_000
COFFER, FLOOR = "coffer", "floor"


@dataclass
class Competitor:
    """Whom calls go to: an address for each upstream, headers, and the processes that do its work."""

    name: str
    urls: dict[str, str]
    headers: dict[str, str]
    processes: tuple[int, ...]


@dataclass
class Cell:
    """What one competitor did with one upstream at one number of connections, round by round."""

    competitor: Competitor
    upstream: str
    connections: int
    rounds: list[dict[str, float]] = field(default_factory=list)

    def measure(self, seconds: float = SECONDS) -> None:
        """One round, noted."""
        before = cpu_seconds(*self.competitor.processes)
        found = self._load(seconds)
        used = cpu_seconds(*self.competitor.processes) - before
        self.rounds.append(
            {
                "per_second": found["calls"] / found["seconds"],
                "p50_ms": found["p50_ms"],
                "p99_ms": found["p99_ms"],
                "cpu_ms": used * 1000 / found["calls"],
                "memory_mb": memory_mb(self.competitor.processes[0]),
                "failed": found["failed"],
            }
        )

    def warm_up(self) -> None:
        """A short round that does not count."""
        self._load(0.3)

    def median(self, figure: str) -> float:
        """Of all rounds."""
        return statistics.median(found[figure] for found in self.rounds)

    def _load(self, seconds: float) -> dict[str, float]:
        task = {
            "url": self.competitor.urls[self.upstream],
            "headers": {"Content-Type": "application/json", **self.competitor.headers},
            "connections": self.connections,
            "seconds": seconds,
            "expected": EXPECTED,
        }
        command = [sys.executable, "-m", "tests.benchmarks.load"]
        done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


def measure() -> list[dict[str, object]]:
    """Every competitor with both upstreams at every number of connections, and its ratio to the floor."""
    with _competitors() as competitors:
        cells = [
            Cell(competitor, upstream, connections)
            for upstream in UPSTREAMS
            for connections in CONNECTIONS
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
    floors = {(cell.upstream, cell.connections): cell for cell in cells if cell.competitor.name == FLOOR}
    return [_row(cell, floors[cell.upstream, cell.connections]) for cell in cells]


def _fits(spent: float, rounds: int) -> bool:
    """Whether one more round like those so far ends in time."""
    return not rounds or spent / rounds * (rounds + 1) <= MAX_SECONDS


def _row(cell: Cell, floor: Cell) -> dict[str, object]:
    return {
        "through": cell.competitor.name,
        "upstream": cell.upstream,
        "connections": cell.connections,
        "per_second": round(cell.median("per_second")),
        "of_floor": round(cell.median("per_second") / floor.median("per_second"), 2),
        "p50_ms": round(cell.median("p50_ms"), 1),
        "p99_ms": round(cell.median("p99_ms"), 1),
        "cpu_ms": round(cell.median("cpu_ms"), 2),
        "cpu_of_floor": round(cell.median("cpu_ms") / floor.median("cpu_ms"), 2),
        "memory_mb": round(max(found["memory_mb"] for found in cell.rounds)),
        "failed": round(sum(found["failed"] for found in cell.rounds)),
        "rounds": len(cell.rounds),
    }


@contextmanager
def _competitors() -> Iterator[list[Competitor]]:
    postgres = _postmaster()
    upstream = free_port()
    base_url = f"http://127.0.0.1:{upstream}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coffer-benchmark-")))
        command = [sys.executable, "-m", "tests.benchmarks.upstream", str(upstream)]
        stack.enter_context(serving(command, upstream, {"EXPECTED": HEADER}))
        found = []
        for name in (COFFER, FLOOR, *yardsticks.installed()):
            port = free_port()
            here = {which: f"http://127.0.0.1:{port}/{which}" for which in UPSTREAMS}
            if name == COFFER:
                paths, headers = _stored(base_url)
                urls = {which: f"http://127.0.0.1:{port}{path}" for which, path in paths.items()}
                pid = stack.enter_context(serving(_uvicorn("config.asgi:application", port), port))
                found.append(Competitor(name, urls, headers, (pid, postgres)))
            elif name == FLOOR:
                environment = {"FLOOR_DATABASE": _floor_row(), "FLOOR_UPSTREAM": base_url}
                command = _uvicorn("tests.benchmarks.floor:application", port)
                pid = stack.enter_context(serving(command, port, environment))
                found.append(Competitor(name, here, {}, (pid, postgres)))
            else:
                pid = stack.enter_context(yardsticks.running(name, folder, port, upstream, HEADER))
                found.append(Competitor(name, here, {}, (pid,)))
        connections.close_all()
        yield found


def _uvicorn(application: str, port: int) -> list[str]:
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", application, *options]


def _stored(base_url: str) -> tuple[dict[str, str], dict[str, str]]:
    """The paths of an action for each upstream, and the headers of a caller."""
    user = User.objects.create(email="owner@example.com", name="Owner")
    organization = create_organization(user=user, name="Benchmark")
    owner = actor_for_member(Membership.objects.select_related("user", "organization").get(organization=organization))
    store_secret(owner, value=VALUE)
    paths = {}
    for which in UPSTREAMS:
        action = make_action(
            owner, f"Ask {which}", base_url=base_url, path=f"/{which}", environments=[Environment.STAGING]
        )
        paths[which] = f"/api/v1/integrations/{action.id}/run"
    return paths, {"Authorization": f"Bearer {key_for(owner, max_concurrent=KEY_LIMIT)}"}


def _floor_row() -> str:
    """The row that the floor reads; how to connect to its database."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE benchmark_floor (id integer PRIMARY KEY, header text NOT NULL)")
        cursor.execute("INSERT INTO benchmark_floor VALUES (1, %s)", [HEADER])
    database = settings.DATABASES["default"]
    return f"host={_socket_folder()} user={database['USER']} dbname={database['NAME']}"


def _socket_folder() -> str:
    database = settings.DATABASES["default"]
    return database["HOST"] or database["OPTIONS"]["host"]


def _postmaster() -> int:
    return int((Path(_socket_folder()) / "data" / "postmaster.pid").read_text().split()[0])
