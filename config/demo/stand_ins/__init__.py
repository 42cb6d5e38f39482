"""The other ends of the demo's integrations: small servers on loopback that really answer.

Each is labelled as a stand-in where people see it. What they receive is written down below `var/`, values included:
it shows that the real value arrived.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from config.demo import upstream
from config.demo.loopback import Note
from config.demo.stand_ins import calcom, mcp, sip
from config.ports import PortProblem, asked_port, first_free, upward

ECHO_LOG, OTHER_LOG = "echo-upstream.log", "stand-ins.log"


@dataclass(frozen=True, slots=True)
class StandIn:
    """A server of the demo: its usual port, the variable that sets another, and the log that it writes."""

    title: str
    port: int
    serving: Callable[[int, Note], AbstractContextManager[int]]
    log: str = OTHER_LOG
    variable: str = ""


STAND_INS = {
    "echo": StandIn("Echo upstream", 8901, upstream.serving, ECHO_LOG, "ECHO_PORT"),
    "calcom": StandIn("Demo stand-in for Cal.com", 8911, calcom.serving),
    "sip": StandIn("Demo stand-in for a SIP provider", 8921, sip.serving),
    "mcp": StandIn("Demo stand-in for an MCP server", 8931, mcp.serving),
}
USUAL_PORTS = {name: stand_in.port for name, stand_in in STAND_INS.items()}

Ports = Mapping[str, int]
"""The port of each stand-in, by its name in `STAND_INS`."""


@contextmanager
def started(preferred: Ports, folder: Path) -> Iterator[dict[str, int]]:
    """Run all stand-ins until the block ends; the ports that they got.

    Args:
        preferred: the ports of the last start, or the usual ones.
        folder: where each writes down what it received.

    Raises:
        PortProblem: a variable asks for a port that is taken.
    """
    with ExitStack() as stack:
        yield {name: _start(stack, stand_in, preferred[name], folder) for name, stand_in in STAND_INS.items()}


def _start(stack: ExitStack, stand_in: StandIn, preferred: int, folder: Path) -> int:
    note = partial(_write_down, folder / stand_in.log, stand_in.title)
    asked = asked_port(stand_in.variable) if stand_in.variable else None
    ports = [asked] if asked else dict.fromkeys([preferred, *upward(stand_in.port)])
    try:
        return first_free(ports, lambda port: stack.enter_context(stand_in.serving(port, note)))
    except PortProblem as problem:
        hint = f"{stand_in.variable} asks for it: choose another one, or leave it out to get a free one."
        raise PortProblem(f"{stand_in.title}: {problem} {hint if asked else ''}".rstrip()) from None


def _write_down(log: Path, title: str, seen: dict[str, Any]) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(json.dumps({"server": title, **seen}) + "\n")
