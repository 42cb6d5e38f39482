"""The steps of a run as its page shows them: what each did, how long it took, and where the run stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from accounts.common.environments import Environment
from integrations.broker.ledger import STEPS
from integrations.models import Run, RunOutcome

OK, WARNED, BAD, OFF = "ok", "wait", "bad", "off"
LABELS = {
    "admitted": "Admitted",
    "opened": "Secrets opened",
    "judged": "Address judged",
    "sent": "Connected and sent",
    "answered": "Answered",
    "masked": "Masked",
    "recorded": "Recorded",
}
_OF_SECRETS = dict.fromkeys(("secret_missing", "secret_disabled", "key_unavailable"), "opened")
_OF_ADDRESSES = dict.fromkeys(("domain_not_allowed", "egress_denied", "invalid_url"), "judged")
STOPS: Mapping[str, str] = _OF_SECRETS | _OF_ADDRESSES
"""The step that a refusal is about, by its code; the order of the checks is that of docs/concepts.md, "Runs"."""
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step of a run.

    Attributes:
        look: `ok`, `wait` for an answer that is an error, `bad` where the run stopped, `off` if it was not reached.
        took: milliseconds; None if it was not measured.
        start, width: where its bar stands, in percent of the run.
    """

    name: str
    label: str
    said: str
    look: str
    took: float | None
    start: float
    width: float


def shown_steps(run: Run) -> list[ShownStep]:
    """Return the steps of a run, with its secrets loaded; none if they were not measured."""
    if not run.steps:
        return []
    whole, begun, shown = sum(run.steps.values()) or 1.0, 0.0, []
    stop = _stop(run)
    for name in STEPS:
        took = run.steps.get(name)
        look = _look(run, name, stop)
        width = max(1.5, 100 * (took or 0) / whole)
        start = min(100 - width, 100 * begun / whole)
        shown.append(
            ShownStep(name, LABELS[name], _said(run, name, look), look, took, round(start, 1), round(width, 1))
        )
        begun += took or 0
    return shown


def _stop(run: Run) -> str:
    """Return the step in which the run stopped; empty if it did not."""
    if run.outcome == RunOutcome.STARTED.value:
        return ""
    if run.outcome in {RunOutcome.SUCCEEDED.value, RunOutcome.UPSTREAM_ERROR.value}:
        return ""
    measured = [name for name in STEPS if name in run.steps and name != "recorded"]
    if run.outcome == RunOutcome.REFUSED.value and measured == ["admitted"]:
        return STOPS.get(run.error_code, "admitted")
    return measured[-1] if measured else "admitted"


def _look(run: Run, name: str, stop: str) -> str:
    if name == "recorded":
        return OFF if run.outcome == RunOutcome.STARTED.value else OK
    if stop and STEPS.index(name) >= STEPS.index(stop):
        return BAD if name == stop else OFF
    if run.outcome == RunOutcome.STARTED.value:
        return OK if name in run.steps else OFF
    return WARNED if name == "answered" and run.outcome == RunOutcome.UPSTREAM_ERROR.value else OK


def _said(run: Run, name: str, look: str) -> str:
    if look == OFF:
        return "Under way" if run.outcome == RunOutcome.STARTED.value else "Not reached"
    if look == BAD and name != "answered":
        return f"It stopped here: {run.error_code}." if run.error_code else "It stopped here."
    return _WORDS[name](run)


def _admitted(run: Run) -> str:
    return f"{run.caller} may run this in {Environment(run.environment).label}."


def _opened(run: Run) -> str:
    names = [f"{used.name}, version {used.version}" for used in sorted(run.secrets.all(), key=lambda used: used.name)]
    more = f"; and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ("; ".join(names[:MOST_NAMED]) + more) or "It needs no secret."


def _judged(run: Run) -> str:
    if not run.address:
        return "Nothing was called."
    again = "" if "judged" in run.steps else " Its connection was kept from an earlier run, and judged again."
    return f"{run.address} may be called.{again}"


def _sent(run: Run) -> str:
    if not run.address:
        return "Nothing was sent."
    size = "" if run.sent_bytes is None else f", with a body of {run.sent_bytes:,} bytes"
    return f"To {run.host or run.address}{size}."


def _answered(run: Run) -> str:
    status = "" if run.status is None else f"Status {run.status}"
    size = "" if run.answer_bytes is None else f"{run.answer_bytes:,} bytes"
    if not (status or size):
        return "No complete answer came."
    first = "" if run.first_byte_ms is None else f"the first after {run.first_byte_ms:,} ms"
    return f"{', '.join(part for part in (status, size, first) if part)}."


_WORDS: Mapping[str, Callable[[Run], str]] = {
    "admitted": _admitted,
    "opened": _opened,
    "judged": _judged,
    "sent": _sent,
    "answered": _answered,
    "masked": lambda _: "The answer was searched for values before it was passed on.",
    "recorded": lambda _: "The end of the run is on record.",
}
