"""A pgbouncer of the suite's own, in transaction mode before a PostgreSQL server: a socket in a new folder, no port."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.postgres import identity

CONFIGURATION = """\
[databases]
* = host={host} port={port} user={user}{password}
[pgbouncer]
pool_mode = transaction
default_pool_size = 4
listen_addr =
unix_socket_dir = {home}
listen_port = 6432
auth_type = any
"""


@contextmanager
def in_front_of(url: str, name: str) -> Iterator[str]:
    """Start one in front of the server of a DATABASE_URL; the DATABASE_URL of a database through it.

    Args:
        url: the server's.
        name: the database.
    """
    address = urlsplit(url)
    home = Path(tempfile.mkdtemp(prefix="coffer-pgbouncer-"))
    home.chmod(0o755)
    of_server = {
        "host": parse_qs(address.query).get("host", [address.hostname])[0],
        "port": address.port or 5432,
        "user": address.username,
        "password": f" password={address.password}" if address.password else "",
    }
    file = home / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(home=home, **of_server))
    file.chmod(0o644)  # a test that starts Coffer has made all new files private
    whose = identity()
    if whose:
        os.chown(home, whose["user"], whose["group"])
    process = subprocess.Popen(["/usr/sbin/pgbouncer", "-q", file], cwd=home, **whose)
    try:
        _wait(home / ".s.PGSQL.6432", process)
        yield f"postgres://{address.username}@/{name}?host={home}&port=6432"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(home)


def _wait(socket: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not socket.exists():
        if process.poll() is not None:
            raise RuntimeError(f"pgbouncer has ended with status {process.returncode}.")
        if time.monotonic() > deadline:
            raise RuntimeError("pgbouncer did not start within a minute.")
        time.sleep(0.02)
