"""Admitting one call without making it."""

from accounts.access.callers import CONCURRENT_CALLS
from integrations.broker.admission import admit_all

PARAMETERS = {"type": "object", "properties": {"id": {"type": "string", "maxLength": 5}}, "required": ["id"]}


def admit(caller, call):
    """One call, which ends at once."""
    (answer,) = admit_all([(caller, call)])
    if isinstance(answer, Exception):
        raise answer
    CONCURRENT_CALLS.release(answer.actor)
    return answer


GOOD = {"id": "p-1"}
