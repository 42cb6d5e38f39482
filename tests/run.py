"""`make test`: the whole suite on SQLite and on PostgreSQL; with Chromium, kamailio, nginx, pgbouncer and Node.

Four passes, two at once: SQLite in two halves, PostgreSQL, and the pages in Chromium on SQLite. What the first one
prints comes at once, what the others print when all have ended.

What is not installed is left out, loudly; with CI=true that is a failure. `DATABASE_URL` names an existing PostgreSQL
server to use instead of one of our own. Arguments are passed on to pytest.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pytest

from tests import postgres

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""Debian's shell without a window takes a third of the processor time that its Chromium takes for the same pages."""

BROWSER_TESTS = "tests/browser"
HALF = ("tests/accounts", "tests/cases", "tests/integrations", "tests/secrets_app")
"""The folders that take SQLite about as long as all others."""

MARKERS = {
    "Chromium": "browser",
    "kamailio": "kamailio",
    "Prometheus": "promtool",
    "iproute2": "namespaces",
    "nginx": "nginx",
    "pgbouncer": "pgbouncer",
    "Node with npm": "node",
}
"""What is left out, by marker, where something is not installed."""


NOT_PASSED_ON = {"DATABASE_URL", "PYTHONDONTWRITEBYTECODE"}
"""Variables that a pass does not inherit: its database is given, and many tests start the product as a process of its
own, which takes twice as long where nothing compiled is kept."""


def main(arguments: list[str]) -> int:
    """Run all passes; the exit code of the worst."""
    left_out = missing()
    for name in left_out:
        sys.stdout.write(f"\n*** LEFT OUT: {name} is not installed. ***\n")
    if left_out and os.environ.get("CI") == "true":
        sys.stdout.write("\nIn CI nothing may be left out.\n")
        return 1
    unwanted = [f"not {MARKERS[name]}" for name in left_out if name in MARKERS]
    passes = Passes(arguments, unwanted)
    codes = passes.on_both() if "PostgreSQL" not in left_out else passes.on_sqlite()
    for name in left_out:
        sys.stdout.write(f"\n*** LEFT OUT: {name} is not installed. ***\n")
    return worst(codes)


def missing() -> list[str]:
    """What the suite needs and this machine does not have."""
    found = {
        "PostgreSQL": postgres.binaries() or os.environ.get("DATABASE_URL"),
        "Chromium": any(shutil.which(name) for name in BROWSERS),
        "kamailio": shutil.which("kamailio"),
        "pgbouncer": shutil.which("pgbouncer"),
        "nginx": shutil.which("nginx"),
        "Prometheus": shutil.which("promtool"),
        "iproute2": shutil.which("ip"),
        "Node with npm": shutil.which("node") and shutil.which("npm"),
    }
    return [name for name, present in found.items() if not present]


def database() -> AbstractContextManager[str]:
    """The PostgreSQL server to use: the one named by the environment, else one of our own."""
    given = os.environ.get("DATABASE_URL", "")
    return nullcontext(given) if given.startswith("postgres") else postgres.server()


class Passes:
    """The passes over the suite, with the same arguments and without the same tests."""

    def __init__(self, arguments: list[str], unwanted: list[str]) -> None:
        """Take pytest's arguments, and expressions of markers that keep away what is not installed."""
        self._arguments, self._unwanted = arguments, unwanted
        self._names_tests = any(Path(argument.partition("::")[0]).exists() for argument in arguments)

    def on_both(self) -> list[int]:
        """Run all passes, two at once; their exit codes."""
        with database() as url, ExitStack() as stack:
            running: list[subprocess.Popen[bytes]] = []
            for one in self._all(url):
                wait_for_a_place(running)
                running.append(stack.enter_context(self._running(one, sys.stdout if not running else None)))
            return [process.wait() for process in running]

    def _all(self, url: str) -> list["Pass"]:
        """Return the passes in the order in which they start: the longest first."""
        in_chromium = [] if "not browser" in self._unwanted else [Pass("SQLite, in Chromium", "", "browser")]
        if self._names_tests:
            return [Pass("SQLite"), Pass("PostgreSQL", url), *in_chromium]
        half, rest = list(HALF), [f"--ignore={folder}" for folder in (*HALF, BROWSER_TESTS)]
        in_chromium = [replace(one, paths=[BROWSER_TESTS]) for one in in_chromium]
        return [Pass("SQLite", paths=half), Pass("SQLite, the rest", paths=rest), Pass("PostgreSQL", url), *in_chromium]

    def on_sqlite(self) -> list[int]:
        """Run everything in one pass; its exit code."""
        with self._running(Pass("SQLite", wanted=""), sys.stdout) as process:
            return [process.wait()]

    @contextmanager
    def _running(self, one: "Pass", printed: IO[str] | None) -> Iterator[subprocess.Popen[bytes]]:
        """Start a pass, and end it with the block.

        Args:
            printed: where what pytest prints goes at once; None if it is printed when the block ends.
        """
        with TemporaryFile("w+") if printed is None else nullcontext(printed) as target:
            target.write(f"\n=== The suite on {one.label} ===\n")
            target.flush()
            process = self._started(one, target)
            try:
                yield process
            finally:
                process.terminate()
                process.wait()
                if printed is None:
                    target.seek(0)
                    shutil.copyfileobj(target, sys.stdout)

    def _started(self, one: "Pass", printed: IO[str]) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
        environment |= {"DATABASE_URL": one.url} if one.url else {}
        markers = " and ".join(filter(None, [one.wanted, *self._unwanted]))
        command = [sys.executable, "-m", "pytest", *self._arguments, *one.paths, *(["-m", markers] if markers else [])]
        return subprocess.Popen(command, env=environment, stdout=printed, stderr=subprocess.STDOUT)


@dataclass(frozen=True)
class Pass:
    """One pass over the suite.

    Attributes:
        url: the PostgreSQL server to use; empty for SQLite.
        wanted: the markers of the tests to run.
        paths: the folders to search for tests, or not to; all if there are none.
    """

    label: str
    url: str = ""
    wanted: str = "not browser"
    paths: list[str] = field(default_factory=list)


def wait_for_a_place(processes: list[subprocess.Popen[bytes]]) -> None:
    """Wait until at most one of the processes runs."""
    while sum(process.poll() is None for process in processes) > 1:
        time.sleep(0.2)


def worst(codes: list[int]) -> int:
    """Return the exit code of all passes together. A pass without tests is a failure only if none had any."""
    ran = [code for code in codes if code != pytest.ExitCode.NO_TESTS_COLLECTED]
    return max(ran, default=int(pytest.ExitCode.NO_TESTS_COLLECTED))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server of our own is stopped on the way out
    sys.exit(main(sys.argv[1:]))
