"""A PostgreSQL server of the suite's own: Debian's binaries, an unprivileged user, a socket in a new folder, no port.

Nothing is written durably (fsync off) unless somebody asks for it; the folder goes with the server.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

UNPRIVILEGED = "nobody"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "log_min_messages": "panic",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def binaries() -> Path | None:
    """The folder of the newest installed server, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@dataclass
class Server:
    """One that runs: its folder, which holds the socket, and how it was started."""

    home: Path
    command: list[Path | str]
    identity: dict[str, int]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its DATABASE_URL."""
        return f"postgres://coffer@/coffer_main?host={self.home}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(self.command, cwd=self.home, stderr=subprocess.DEVNULL, **self.identity)
        _wait(Path(self.command[0]).parent / "pg_isready", self.home)

    def stop(self) -> None:
        """End it at once: every connection is cut."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=30)
            self.process = None


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Start a server; its DATABASE_URL; stop it and remove its folder.

    Args:
        durable: commits reach the disk before they are answered, as in production.
    """
    with running(durable=durable) as started:
        yield started.url


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """The same, for who stops and starts it in between."""
    folder = binaries()
    if folder is None:
        raise RuntimeError("PostgreSQL is not installed.")
    home = Path(tempfile.mkdtemp(prefix="coffer-postgres-"))
    whose = identity()
    if whose:
        os.chown(home, whose["user"], whose["group"])
    chosen = SETTINGS | (DURABLE if durable else {})
    options = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
    started = Server(home, [folder / "postgres", "-D", home / "data", "-k", home, *options], whose)
    try:
        initdb = [folder / "initdb", "-D", home / "data", "-U", "coffer", "-A", "trust", "-E", "UTF8"]
        initdb += ["--locale=C.UTF-8", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=home, **whose)
        started.start()
        subprocess.run([folder / "createdb", "-h", home, "-U", "coffer", "coffer_main"], check=True)
        yield started
    finally:
        started.stop()
        shutil.rmtree(home)


def identity() -> dict[str, int]:
    """The server refuses to run as root; anybody else runs it as themselves."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(UNPRIVILEGED)
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def _wait(pg_isready: Path, socket_folder: Path) -> None:
    deadline = time.monotonic() + 30
    while subprocess.run([pg_isready, "-q", "-h", socket_folder], check=False).returncode != 0:
        if time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL did not start within 30 seconds.")
        time.sleep(0.05)
