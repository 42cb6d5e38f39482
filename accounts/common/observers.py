"""Who is told of the steps and ends of runs and requests: metrics and traces, where the operator wants them.

By default nobody is. `config/monitoring` sets these names when a server starts, so a run has no work
with them otherwise.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

step: Callable[[str], AbstractContextManager[object]] = nullcontext
"""Surrounds a step of a run, which it gets the name of: `run` and, within it, `admission` and so on. Looked up at each
call: `observers.step("upstream")`."""

RUN_ENDED: list[Callable[[Mapping[str, str], str, str], None]] = []
"""Called with the ids of a run, as the log has them, its outcome and its error code. Within the step `run`."""

REQUEST_ENDED: list[Callable[[int, Mapping[str, str]], None]] = []
"""Called with the status of a request that is no probe, and the notes on it (`request_notes`)."""
