"""`make test`: the whole suite on SQLite and on PostgreSQL; with Chromium, kamailio, nginx, pgbouncer and Node.

Three passes, two at once: SQLite without Chromium beside PostgreSQL, and when one of them has ended, the pages in
Chromium, on SQLite. What the latter two print comes when they have ended.

What is not installed is left out, loudly; with CI=true that is a failure. `DATABASE_URL` names an existing PostgreSQL
server to use instead of one of our own, as a superuser. Arguments are passed on to pytest.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pytest

from tests import postgres

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""Debian's shell without a window takes a third of the processor time that its Chromium takes for the same pages."""

BROWSER_TESTS = "tests/browser"
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
        """Run all passes; their exit codes."""
        with database() as url, ExitStack() as stack:
            on_sqlite = stack.enter_context(self._running("SQLite", "", "not browser", sys.stdout))
            on_postgres = stack.enter_context(self._printed_later("PostgreSQL", url, "not browser"))
            running = [on_sqlite, on_postgres]
            if "not browser" not in self._unwanted:
                wait_for_one_of(running)
                folder = [] if self._names_tests else [BROWSER_TESTS]
                running.append(stack.enter_context(self._printed_later("SQLite, in Chromium", "", "browser", *folder)))
            return [process.wait() for process in running]

    def on_sqlite(self) -> list[int]:
        """Run everything in one pass; its exit code."""
        with self._running("SQLite", "", "", sys.stdout) as process:
            return [process.wait()]

    @contextmanager
    def _printed_later(self, label: str, url: str, wanted: str, *paths: str) -> Iterator[subprocess.Popen[bytes]]:
        with TemporaryFile("w+") as printed:
            try:
                with self._running(label, url, wanted, printed, *paths) as process:
                    yield process
            finally:
                printed.seek(0)
                shutil.copyfileobj(printed, sys.stdout)

    @contextmanager
    def _running(
        self, label: str, url: str, wanted: str, printed: IO[str], *paths: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a pass, and end it with the block.

        Args:
            url: the PostgreSQL server to use; empty for SQLite.
            wanted: the markers of the tests to run.
            printed: where what pytest prints goes.
            paths: the folders to search for tests; all if none is given.
        """
        printed.write(f"\n=== The suite on {label} ===\n")
        printed.flush()
        environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
        environment |= {"DATABASE_URL": url} if url else {}
        markers = " and ".join(filter(None, [wanted, *self._unwanted]))
        command = [sys.executable, "-m", "pytest", *self._arguments, *paths, *(["-m", markers] if markers else [])]
        process = subprocess.Popen(command, env=environment, stdout=printed, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def wait_for_one_of(processes: list[subprocess.Popen[bytes]]) -> None:
    """Wait until one of the processes has ended."""
    while all(process.poll() is None for process in processes):
        time.sleep(0.2)


def worst(codes: list[int]) -> int:
    """Return the exit code of all passes together. A pass without tests is a failure only if none had any."""
    ran = [code for code in codes if code != pytest.ExitCode.NO_TESTS_COLLECTED]
    return max(ran, default=int(pytest.ExitCode.NO_TESTS_COLLECTED))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server of our own is stopped on the way out
    sys.exit(main(sys.argv[1:]))
