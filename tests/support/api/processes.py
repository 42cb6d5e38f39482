"""Coffer as a process of its own, on a test's SQLite database."""

import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from tests.benchmarks.processes import free_port
from tests.support.source import ROOT


@contextmanager
def serving(
    folder: Path, *, certificate: Path | None = None, authority: str | None = None
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Serve until the block ends; its address on `localhost`, and a function that gives its log.

    Args:
        folder: where the log goes.
        certificate: with the private key, to serve over TLS; `authority` is the file of whoever signed it.
    """
    port, log = free_port(), folder / "log"
    address = f"http{'s' if certificate else ''}://localhost:{port}"
    database = f"sqlite:///{connection.settings_dict['NAME']}"
    tls = ["--ssl-certfile", str(certificate), "--ssl-keyfile", str(certificate)] if certificate else []
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), *tls]
    env = {**os.environ, "DATABASE_URL": database, "COFFER_SITE_URL": address}
    with log.open("w") as written:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=written, stderr=written)
    try:
        _wait(f"{address}/healthz", authority, log)
        yield address, log.read_text
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(address: str, authority: str | None, log: Path) -> None:
    context = ssl.create_default_context(cafile=authority) if authority else None
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5, context=context):
                return
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
