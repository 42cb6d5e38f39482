"""nginx with the configuration of `deploy/nginx/coffer.conf`, on loopback, as long as a block lasts; no tests here."""

import http.client
import os
import shutil
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from tests.benchmarks.processes import free_ports, serving

HOST = "coffer.example.com"
CONFIGURATION = Path(settings.BASE_DIR) / "deploy/nginx/coffer.conf"

_WHOLE = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/coffer.conf;
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx: its ports, and the folder with its logs."""

    plain: int
    tls: int
    folder: Path

    def errors(self) -> str:
        """Return what it wrote down as going wrong."""
        return (self.folder / "error.log").read_text()

    def access(self) -> str:
        """Return its lines about requests."""
        return (self.folder / "access.log").read_text()


class Connection(http.client.HTTPSConnection):
    """A connection to `HOST`, wherever that is."""

    def connect(self) -> None:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.sock = self._context.wrap_socket(raw, server_hostname=self.host)


def ask(
    trusting: ssl.SSLContext,
    port: int,
    method: str = "GET",
    path: str = "/",
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    host: str = HOST,
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send a request; the status, the headers and the body of the answer."""
    connection = Connection(host, port, context=trusting)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@contextmanager
def nginx(folder: Path, certificate: Path, upstreams: Sequence[str], **changes: str) -> Iterator[Nginx]:
    """Serve in front of `upstreams` (`127.0.0.1:8000`).

    Args:
        folder: where its files go.
        certificate: a PEM file of `HOST` with the private key.
        changes: texts of the configuration to replace, by the name of a directive: `client_header_timeout="1s"`.
    """
    plain, tls = free_ports(2)
    running = Nginx(plain, tls, folder)
    (folder / "nginx.conf").write_text(_WHOLE.format(folder=folder))
    (folder / "coffer.conf").write_text(_configuration(running, certificate, upstreams, changes))
    # Debian's workers would give up root, and with it the folder of the test.
    user = ["-g", "user root;"] if os.geteuid() == 0 else []
    with serving([shutil.which("nginx"), *user, "-p", folder, "-c", folder / "nginx.conf"], running.tls):
        yield running


def _configuration(running: Nginx, certificate: Path, upstreams: Sequence[str], changes: dict[str, str]) -> str:
    text = CONFIGURATION.read_text()
    servers = "\n".join(f"    server {address} max_fails=1 fail_timeout=10s;" for address in upstreams)
    replaced = {
        "    server 127.0.0.1:8000 max_fails=1 fail_timeout=10s;": servers,
        "listen 80": f"listen 127.0.0.1:{running.plain}",
        "listen 443": f"listen 127.0.0.1:{running.tls}",
        "/etc/ssl/coffer/fullchain.pem": str(certificate),
        "/etc/ssl/coffer/privkey.pem": str(certificate),
        "/var/log/nginx/coffer.log": str(running.folder / "access.log"),
    }
    for old, new in replaced.items():
        assert old in text, f"{CONFIGURATION} has no {old!r}."
        text = text.replace(old, new)
    lines = text.splitlines()
    for directive, value in changes.items():
        matching = [number for number, line in enumerate(lines) if line.split()[:1] == [directive]]
        assert matching, f"{CONFIGURATION} has no {directive}."
        for number in matching:
            lines[number] = f"{directive} {value};"
    return "\n".join(lines)
