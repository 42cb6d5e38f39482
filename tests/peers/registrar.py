"""A real SIP registrar on loopback: kamailio with the configuration beside it, and a small client that speaks to it."""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONFIGURATION = Path(__file__).parent / "kamailio" / "registrar.cfg"
REALM, USER, PASSWORD = "sip.test", "trunk1", "s3cr3t-p@ss"
ODD_USER, ODD_PASSWORD = "trunk2", 'pa:ss"wo\\rd'


@dataclass(frozen=True)
class Registrar:
    """Its ports: `port` for UDP and TCP, `tls_port` where it has a certificate."""

    port: int
    tls_port: int | None
    log: Path


@contextmanager
def registrar(
    folder: Path, *, algorithm: str = "MD5", qop: bool = True, certificate: Path | None = None
) -> Iterator[Registrar]:
    """One that runs until the block ends. Another program may take a port before it does: then it tries others."""
    for attempts_left in (2, 1, 0):
        try:
            process, running = _start(folder, algorithm, qop, certificate)
            break
        except ConnectionError:
            if not attempts_left:
                raise
    try:
        yield running
    finally:
        _stop(process)


def _start(
    folder: Path, algorithm: str, qop: bool, certificate: Path | None
) -> tuple[subprocess.Popen[bytes], Registrar]:
    port = free_port()
    tls_port = next(other for other in iter(free_port, None) if other != port) if certificate else None
    log = folder / f"kamailio-{port}.log"
    (modules,) = Path("/usr/lib").glob("*/kamailio/modules")
    defines = [f"SIP_PORT={port}", f'DIGEST_ALG="{algorithm}"', f'MODULES="{modules}/"', f'QOP="{int(qop)}"']
    defines += [f"TLS_PORT={tls_port}", f'TLS_FILE="{certificate}"'] if certificate else []
    options = [part for define in defines for part in ("-A", define)]
    command = ["kamailio", "-f", str(CONFIGURATION), "-DD", "-E", "-m", "32", "-M", "4"]
    command += ["-w", str(folder), "-Y", str(folder), "-P", str(folder / f"{port}.pid"), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        _wait_for(process, port, log)
    except BaseException:
        _stop(process)
        raise
    return process, Registrar(port, tls_port, log)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; on a busy machine kamailio may wait for a child of its own that is gone, so then make it end."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def free_port() -> int:
    """A port on loopback that is free for TCP and UDP."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            port = stream.getsockname()[1]
            try:
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Phone:
    """A media server in miniature: it sends requests over UDP and never knows a password."""

    def __init__(self, port: int, user: str = USER) -> None:
        self._to, self._user = ("127.0.0.1", port), user
        self._call, self._count = secrets.token_hex(8), 0

    def send(self, method: str, uri: str = f"sip:{REALM}", **headers: str) -> tuple[int, dict[str, str]]:
        """Status and headers of the final response; names of headers are given with `_` for `-`."""
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect(self._to)
            sock.send(self._request(method, uri, sock.getsockname()[1], headers))
            status = 100
            while status < 200:
                head, *lines = sock.recv(65536).decode().split("\r\n\r\n")[0].split("\r\n")
                status = int(head.split(" ")[1])
        return status, {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}

    def _request(self, method: str, uri: str, port: int, headers: dict[str, str]) -> bytes:
        self._count += 1
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self._user}@{REALM}>;tag=phone",
            f"To: <sip:{self._user}@{REALM}>",
            f"Call-ID: {self._call}",
            f"CSeq: {self._count} {method}",
            f"Contact: <sip:{self._user}@127.0.0.1:{port}>;expires=60",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it answers."""
    phone = Phone(port)
    for _ in range(100):
        if process.poll() is not None:
            break
        try:
            phone.send("OPTIONS")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise ConnectionError(f"kamailio did not start: {log.read_text()[-2000:]}")
