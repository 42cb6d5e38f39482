"""The steps of a check, which a kind reports instead of an upstream's response."""

import json
from dataclasses import dataclass
from typing import Any

from integrations.exchange.messages import UpstreamResponse

PASSED, FAILED, NOT_CHECKABLE = "passed", "failed", "not_checkable"


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one step of a check.

    Attributes:
        outcome: `passed`, `failed` or `not_checkable`.
        code: the error code of a failed step.
    """

    name: str
    outcome: str
    code: str | None
    detail: str

    @property
    def title(self) -> str:
        """The name of the step as a heading."""
        return self.name.replace("_", " ").capitalize()

    def as_json(self) -> dict[str, Any]:
        """Return the step as the API represents it."""
        return {"name": self.name, "outcome": self.outcome, "code": self.code, "detail": self.detail}


def steps_response(steps: list[Step]) -> UpstreamResponse:
    """Return the steps of a check as a response, so that they are masked like any response."""
    body = json.dumps({"steps": [step.as_json() for step in steps]}).encode()
    return UpstreamResponse(None, b"", (), body, True, succeeded=all(step.outcome != FAILED for step in steps))
