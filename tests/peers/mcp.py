"""MCP servers in processes of their own: started on a free port, stopped by process id."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.processes import free_port
from tests.support import npm

HERE = Path(__file__).resolve().parent
EVERYTHING = npm.MODULES / "@modelcontextprotocol/server-everything/dist/index.js"
CONFORMANCE = npm.MODULES / "@modelcontextprotocol/conformance/dist/index.js"
INSPECTOR = npm.MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
BRIDGE = npm.MODULES / "mcp-remote/dist/proxy.js"
SECONDS_TO_START = 60


@contextmanager
def modern(key: str) -> Iterator[str]:
    """The server of our own on the official SDK; its URL."""
    with running([sys.executable, "-m", "tests.peers.modern_server", key], {}) as process:
        port = int(process.stdout.readline())
        yield f"http://127.0.0.1:{port}/mcp"


@contextmanager
def fastmcp() -> Iterator[str]:
    """The server on FastMCP; its URL without path."""
    with running([sys.executable, "-m", "tests.peers.fastmcp_server"], {}) as process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


@contextmanager
def conformance_fixtures() -> Iterator[str]:
    """The server with the tools that the conformance suite calls; its URL."""
    with running([sys.executable, "-m", "tests.peers.conformance_server"], {}) as process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"


@contextmanager
def everything(transport: str = "streamableHttp") -> Iterator[str]:
    """The reference server of the legacy era, on Node; its URL."""
    npm.install()
    port = free_port()
    command = [shutil.which("node"), "--require", str(HERE / "loopback.cjs"), str(EVERYTHING), transport]
    with running(command, {"PORT": str(port)}) as process:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}/{'sse' if transport == 'sse' else 'mcp'}"


@contextmanager
def running(command: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], "CANARY": "of-the-environment", **environment},
        cwd=HERE.parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    """Until somebody listens; fails where the process has ended."""
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server does not listen")
