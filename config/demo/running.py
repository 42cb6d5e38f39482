"""The demo around a served Coffer: stand-ins, content, and what the terminal says of both."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from config.demo.loading import is_possible, load_demo
from config.demo.moving import move, remember_ports, remembered_ports
from config.demo.people import sign_in_lines
from config.demo.stand_ins import ECHO_LOG, OTHER_LOG, STAND_INS, Ports, started

Say = Callable[[str], object]
CLOSED = """\
The demo's integrations cannot call the stand-ins: outgoing calls to 127.0.0.1 are closed. To open them, write
COFFER_EGRESS_ALLOW=127.0.0.1/32 into .env."""


@contextmanager
def demo_running(address: str, say: Say) -> Iterator[None]:
    """Run the stand-ins until the block ends; load the demo the first time.

    Args:
        address: where Coffer is served.
        say: prints a line.

    Raises:
        PortProblem: a variable asks for a port that is taken.
    """
    before = remembered_ports()
    with started(before, Path(settings.BASE_DIR) / "var") as ports:
        if is_possible():
            load_demo(ports)
        else:
            move(before, ports, say)
        remember_ports(ports)
        _describe(ports, say)
        for line in sign_in_lines(address):
            say(f"  {line}")
        yield


def _describe(ports: Ports, say: Say) -> None:
    for name, stand_in in STAND_INS.items():
        scheme, usual = "sip" if name == "sip" else "http", stand_in.port
        taken = "" if ports[name] == usual else f" (not the usual port {usual})"
        say(f"{stand_in.title}: {scheme}://127.0.0.1:{ports[name]}{taken}")
    say(f"What they receive: var/{ECHO_LOG}, var/{OTHER_LOG}")
    if settings.EGRESS_ALLOW:
        say(f"Outgoing calls to {settings.EGRESS_ALLOW} are open (COFFER_EGRESS_ALLOW in .env).")
    else:
        say(CLOSED)
