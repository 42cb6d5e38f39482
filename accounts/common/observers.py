"""Who is told of the steps and ends of runs and requests: metrics and traces, where the operator wants them.

By default nobody is. `config/monitoring` sets these names when a server starts, so a run has no work
with them otherwise.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal

step: Callable[[str], AbstractContextManager[object]] = nullcontext
"""Surrounds a step of a run, which it gets the name of: `run` and, within it, `admission` and so on. Looked up at each
call: `observers.step("upstream")`."""

round_trip: Callable[[], AbstractContextManager[object]] = nullcontext
"""Surrounds statements that travel together, which no wrapper of a connection sees. Looked up at each call."""

TIMERS: list[Callable[..., object]] = []
"""Wrappers of connections that time statements alone, so that these may travel together all the same."""

RUN_ENDED: list[Callable[[Mapping[str, str], str, str], None]] = []
"""Called with the ids of a run, as the log has them, its outcome and its error code. Within the step `run`."""

REQUEST_ENDED: list[Callable[[int, Mapping[str, str]], None]] = []
"""Called with the status of a request that is no probe, and the notes on it (`request_notes`)."""


@dataclass(slots=True)
class RunTrace:
    """What is measured of a run while it is under way, for its record.

    Attributes:
        marks: the steps that ended, each with the moment by `time.monotonic`. The first mark is the beginning.
        address: the address that was judged and connected to last; empty if none was.
        answer_bytes: the size of the upstream's answer, before it was masked.
        sent_bytes: the size of the body that a caller passed through; None where nothing was.
        first_byte_ms: the time from the beginning to the head of an answer that flowed; None if none did.
        request_id: the id of the request that the run came with; empty outside of one.
        cost: what the answer told of the cost of the call, for budgets; None if nothing.
        is_trial: whether it tries a staged value, so that it says nothing of how the integration fares.
    """

    marks: list[tuple[str, float]] = field(default_factory=list)
    address: str = ""
    answer_bytes: int | None = None
    sent_bytes: int | None = None
    first_byte_ms: int | None = None
    request_id: str = ""
    is_trial: bool = False
    cost: Decimal | None = None


TRACE: ContextVar[RunTrace | None] = ContextVar("coffer.run_trace", default=None)
"""The trace of the run under way, so that the transport can mark its steps; None outside of a run."""
