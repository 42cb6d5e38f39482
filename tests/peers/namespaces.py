"""Hosts of their own for servers: network namespaces on a bridge, as long as a block lasts; no tests here.

Nothing leads from them to the networks of this machine: it forwards nothing for them, and they have no route but to the
bridge. A Unix socket works across namespaces, so PostgreSQL is reached by one.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

PORT = 8000
OPTIONS = ["--no-proxy-headers", "--no-server-header", "--no-access-log"]


@dataclass
class Host:
    """A namespace with one address, and the Coffer that serves there."""

    name: str
    address: str
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def upstream(self) -> str:
        """Where nginx finds it."""
        return f"{self.address}:{PORT}"

    def serve(self, environment: Mapping[str, str], log: Path) -> None:
        """Start one worker as `docs/production.md` does, on the address of this host."""
        server = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", self.address]
        command = ["ip", "netns", "exec", self.name, *server, "--port", str(PORT), *OPTIONS]
        with log.open("ab") as written:
            self.process = subprocess.Popen(
                command, cwd=settings.BASE_DIR, env=dict(environment), stdout=written, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        """End it with -9, and wait until it is gone."""
        if self.process:
            self.process.kill()
            self.process.wait(timeout=20)
            self.process = None


@dataclass(frozen=True)
class Network:
    """The address of this machine on the bridge, and the hosts beside it."""

    here: str
    hosts: list[Host]


def why_not() -> str:
    """Return why no hosts can be made here; empty where they can."""
    probe = f"coffer{os.getpid()}"
    tried = [
        _ip("netns", "add", probe),
        _ip("link", "add", probe, "type", "bridge"),
        _ip("link", "add", f"{probe}-a", "type", "veth", "peer", "name", f"{probe}-b"),
    ]
    _ip("netns", "del", probe)
    _ip("link", "del", probe)
    _ip("link", "del", f"{probe}-a")
    refused = [done.stderr.strip() for done in tried if done.returncode]
    return f"Network namespaces need root, CAP_SYS_ADMIN and CAP_NET_ADMIN: {refused[0]}" if refused else ""


@contextmanager
def network(number: int) -> Iterator[Network]:
    """Make so many hosts on a bridge, which this machine is on as well; remove everything with the block."""
    own = os.getpid()
    bridge, prefix = f"coffer{own}", f"10.{200 + own // 250 % 50}.{own % 250}"
    with ExitStack() as stack:
        stack.callback(_ip, "link", "del", bridge)
        _require("link", "add", bridge, "type", "bridge")
        _require("address", "add", f"{prefix}.1/24", "dev", bridge)
        _require("link", "set", bridge, "up")
        hosts = [Host(f"coffer-{own}-{n}", f"{prefix}.{10 + n}") for n in range(1, number + 1)]
        for n, host in enumerate(hosts):
            stack.callback(_ip, "netns", "del", host.name)
            stack.callback(host.kill)
            _connect(host, bridge, f"cof{own}-{n}")
        yield Network(f"{prefix}.1", hosts)


def _connect(host: Host, bridge: str, cable: str) -> None:
    """Make the namespace of a host, and a cable from it to the bridge."""
    _require("netns", "add", host.name)
    _require("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    _require("link", "set", cable, "master", bridge, "up")
    _require("-netns", host.name, "link", "set", "lo", "up")
    _require("-netns", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
    _require("-netns", host.name, "link", "set", "eth0", "up")


def _require(*arguments: str) -> None:
    done = _ip(*arguments)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


def _ip(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
