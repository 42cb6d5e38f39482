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


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Start a server; its DATABASE_URL; stop it and remove its folder.

    Args:
        durable: commits reach the disk before they are answered, as in production.
    """
    folder = binaries()
    if folder is None:
        raise RuntimeError("PostgreSQL is not installed.")
    home = Path(tempfile.mkdtemp(prefix="coffer-postgres-"))
    identity = _identity()
    if identity:
        os.chown(home, identity["user"], identity["group"])
    data, process = home / "data", None
    try:
        command = [
            folder / "initdb",
            "-D",
            data,
            "-U",
            "coffer",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=home, **identity)
        chosen = SETTINGS | (DURABLE if durable else {})
        options = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        process = subprocess.Popen(
            [folder / "postgres", "-D", data, "-k", home, *options], cwd=home, stderr=subprocess.DEVNULL, **identity
        )
        _wait(folder / "pg_isready", home)
        yield f"postgres://coffer@/coffer_main?host={home}"
    finally:
        if process:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
        shutil.rmtree(home)


def _identity() -> dict[str, int]:
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
    subprocess.run([pg_isready.parent / "createdb", "-h", socket_folder, "-U", "coffer", "coffer_main"], check=True)
