"""`make test`: the whole suite on SQLite and on PostgreSQL; tests with Chromium, kamailio and Node among them.

Both passes run at once; what the one on PostgreSQL prints comes when it has ended.

What is not installed is left out, loudly; with CI=true that is a failure. `DATABASE_URL` names an existing PostgreSQL
server to use instead of one of our own. Arguments are passed on to pytest.
"""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, ExitStack, nullcontext
from tempfile import TemporaryFile
from typing import IO

from tests import postgres

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MARKERS = {"Chromium": "browser", "kamailio": "kamailio", "Node with npm": "node"}
"""What is left out, by marker, where something is not installed."""


def main(arguments: list[str]) -> int:
    """Run both passes; the exit code of the worse."""
    left_out = missing()
    for name in left_out:
        sys.stdout.write(f"\n*** LEFT OUT: {name} is not installed. ***\n")
    if left_out and os.environ.get("CI") == "true":
        sys.stdout.write("\nIn CI nothing may be left out.\n")
        return 1
    unwanted = " and ".join(f"not {MARKERS[name]}" for name in left_out if name in MARKERS)
    options = [*arguments, *(["-m", unwanted] if unwanted else [])]
    codes = both(options) if "PostgreSQL" not in left_out else [suite("SQLite", nullcontext(""), options)]
    for name in left_out:
        sys.stdout.write(f"\n*** LEFT OUT: {name} is not installed. ***\n")
    return max(codes)


def missing() -> list[str]:
    """What the suite needs and this machine does not have."""
    found = {
        "PostgreSQL": postgres.binaries() or os.environ.get("DATABASE_URL"),
        "Chromium": any(shutil.which(name) for name in BROWSERS),
        "kamailio": shutil.which("kamailio"),
        "Node with npm": shutil.which("node") and shutil.which("npm"),
    }
    return [name for name, present in found.items() if not present]


def database() -> AbstractContextManager[str]:
    """The PostgreSQL server to use: the one named by the environment, else one of our own."""
    given = os.environ.get("DATABASE_URL", "")
    return nullcontext(given) if given.startswith("postgres") else postgres.server()


def both(options: list[str]) -> list[int]:
    """The two passes at once; their exit codes."""
    with database() as url, TemporaryFile("w+") as printed, ExitStack() as stack:
        on_postgres = started("PostgreSQL", url, options, printed)
        stack.callback(on_postgres.terminate)
        on_sqlite = started("SQLite", "", options)
        stack.callback(on_sqlite.terminate)
        codes = [on_sqlite.wait(), on_postgres.wait()]
        printed.seek(0)
        shutil.copyfileobj(printed, sys.stdout)
    return codes


def suite(label: str, where: AbstractContextManager[str], options: list[str]) -> int:
    """One pass over the suite on the database that `where` gives; empty for SQLite. Its exit code."""
    with where as url:
        return started(label, url, options).wait()


def started(label: str, url: str, options: list[str], printed: IO[str] | None = None) -> subprocess.Popen[bytes]:
    """A pass over the suite that runs; what it prints goes to a file, where one is given."""
    (printed or sys.stdout).write(f"\n=== The suite on {label} ===\n")
    (printed or sys.stdout).flush()
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"DATABASE_URL": url} if url else {}
    environment["COFFER_TEST_DATABASE"] = label.lower()
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.Popen(command, env=environment, stdout=printed, stderr=printed and subprocess.STDOUT)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server of our own is stopped on the way out
    sys.exit(main(sys.argv[1:]))
