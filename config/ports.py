"""Which port a server on this machine listens on: the port that was asked for, or the next free one.

Standard library only: `config.bootstrap` reads it before anything is installed.
"""

import errno
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

LOOPBACK = ("127.0.0.1", "::1")
HIGHEST = 65535
TRIED = 10
"""How many ports are tried, from the usual one upward, before the operating system is asked for any."""

Opened = TypeVar("Opened")


class PortProblem(Exception):  # noqa: N818 - a sentence for the person at the terminal
    """A port cannot be used; the message says which, and what to do."""


class Listener:
    """A socket that listens on `port`; as a context manager, until the block ends. `raw` is for the server."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.port: int = raw.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.raw.close()


def asked_port(variable: str) -> int | None:
    """The port in an environment variable; None where it is not set or empty.

    Raises:
        PortProblem: the variable holds something else than a port.
    """
    text = os.environ.get(variable, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= HIGHEST):
        raise PortProblem(f"{variable} is not a port. Set it to a number from 1 to {HIGHEST}.")
    return int(text)


def first_free(ports: Iterable[int], open_port: Callable[[int], Opened]) -> Opened:
    """Whatever `open_port` returns for the first port that is free.

    Raises:
        PortProblem: all of them are taken, or one cannot be used at all.
    """
    tried = []
    for port in ports:
        try:
            return open_port(port)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise PortProblem(f"Port {port} cannot be used: {problem.strerror}.") from None
            tried.append(str(port))
    raise PortProblem(f"Port {', '.join(tried)} is taken.")


def upward(usual: int) -> list[int]:
    """The usual port, the next ones, and 0, for which the operating system gives any free port."""
    return [*range(usual, min(usual + TRIED, HIGHEST + 1)), 0]


def listen(port: int) -> Listener:
    """Listen on 127.0.0.1; port 0 means any free one.

    Raises:
        OSError: the port is taken there or on ::1, where a browser looks first for `localhost`.
    """
    _refuse_if_taken_on_ipv6(port)
    return Listener(socket.create_server((LOOPBACK[0], port)))


def _refuse_if_taken_on_ipv6(port: int) -> None:
    try:
        socket.create_server((LOOPBACK[1], port), family=socket.AF_INET6).close()
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise
        # Any other failure means that this machine has no IPv6 loopback.
