"""The ports on which this process serves Coffer, which it never calls.

A server does not tell its application where it listens, but each request says on which port it arrived.
"""

import socket
from functools import lru_cache

from integrations.egress.addresses import KEPT, LOOPBACK, is_in, read_address

SERVED: set[int] = set()


def note_port(port: int) -> None:
    """Remember a port on which a request arrived."""
    SERVED.add(port)


@lru_cache(maxsize=KEPT)
def is_on_this_machine(text: str) -> bool:
    """Return whether the address belongs to this machine: the system binds sockets to no other."""
    address = read_address(text)
    if address is None or is_in(address, LOOPBACK):
        return address is not None
    with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:  # noqa: PLR2004 - IPv6
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
