"""Servers that take turns under the same load, and what each round of it gave."""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from tests.benchmarks.processes import cpu_seconds, memory_mb

SECONDS, SECONDS_OF_MANY, MANY = 1.5, 4.5, 500
"""How long a round takes; longer where so many connections have to be opened first, which no round leaves open."""


@dataclass
class Competitor:
    """Whom calls go to: an address for each upstream, headers, the processes that do its work, and what is sent."""

    name: str
    urls: dict[str, str]
    headers: dict[str, str]
    processes: tuple[int, ...]
    body: str = '{"environment": "staging"}'


@dataclass
class Cell:
    """What one competitor did with one upstream at one number of connections, round by round."""

    competitor: Competitor
    upstream: str
    connections: int
    expected: str
    rounds: list[dict[str, float]] = field(default_factory=list)

    def measure(self) -> None:
        """One round, noted."""
        before = cpu_seconds(*self.competitor.processes)
        found = self._load(SECONDS_OF_MANY if self.connections >= MANY else SECONDS)
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
            "expected": self.expected,
            "body": self.competitor.body,
        }
        command = [sys.executable, "-m", "tests.benchmarks.load"]
        done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


def uvicorn(application: str, port: int) -> list[str]:
    """The command that serves an ASGI application with one worker, as `docs/production.md` does."""
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-proxy-headers", "--no-server-header"]
    return [sys.executable, "-m", "uvicorn", application, *options, "--no-access-log", "--log-level", "warning"]


def postmaster() -> int:
    """The process id of the benchmark's PostgreSQL."""
    return int((Path(_socket_folder()) / "data" / "postmaster.pid").read_text().split()[0])


def libpq() -> str:
    """How to connect to the benchmark's database without Django."""
    database = settings.DATABASES["default"]
    return f"host={_socket_folder()} user={database['USER']} dbname={database['NAME']}"


def _socket_folder() -> str:
    database = settings.DATABASES["default"]
    return database["HOST"] or database["OPTIONS"]["host"]
