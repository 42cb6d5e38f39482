"""A run as pages show it: outcome, caller and duration in words. Never a body, a header, a query or an argument."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.actors import ActorKind
from accounts.audit.wording import visible
from accounts.common.environments import Environment
from integrations.broker.ledger import LONGEST_RUN
from integrations.errors import ApprovalNeeded
from integrations.kinds import KINDS
from integrations.models import Run, RunOutcome

LOOKS = {
    RunOutcome.STARTED.value: ("off", "circle-dashed", "Started"),
    RunOutcome.SUCCEEDED.value: ("ok", "circle-check", "Succeeded"),
    RunOutcome.UPSTREAM_ERROR.value: ("warn", "triangle-alert", "Upstream error"),
    RunOutcome.REFUSED.value: ("bad", "shield-alert", "Refused"),
    RunOutcome.FAILED.value: ("bad", "circle-x", "Failed"),
}
HELD = ("warn", "hourglass", "Held")
CALLERS = {
    ActorKind.USER.value: "Person",
    ActorKind.API_KEY.value: "API key",
    ActorKind.STAFF.value: "Staff",
    ActorKind.COMMAND.value: "On the server",
}
ICONS = {ActorKind.API_KEY.value: "bot", ActorKind.COMMAND.value: "server"}
SECOND = 1000
PREFIX = "API key "


@dataclass
class RunRow:
    """One run, with its secrets loaded."""

    run: Run

    @property
    def id(self) -> UUID:
        """The id of the run."""
        return self.run.pk

    @property
    def started_at(self) -> datetime:
        """When it began."""
        return self.run.started_at

    @cached_property
    def look(self) -> tuple[str, str, str]:
        """The class, the icon and the word of its outcome."""
        return HELD if self.is_held else LOOKS[self.run.outcome]

    @cached_property
    def is_held(self) -> bool:
        """Whether it was refused only because it has to wait for a person."""
        return self.run.error_code == ApprovalNeeded.code

    @cached_property
    def reason(self) -> str:
        """The code, else the status of the upstream; empty if there is neither."""
        return self.run.error_code or ("" if self.run.status is None else str(self.run.status))

    @cached_property
    def is_under_way(self) -> bool:
        """Whether it may still end."""
        return self.run.outcome == RunOutcome.STARTED.value and not self.is_broken_off

    @cached_property
    def is_broken_off(self) -> bool:
        """Whether it has no end although the longest run would have one."""
        is_old = self.run.started_at < timezone.now() - LONGEST_RUN
        return self.run.outcome == RunOutcome.STARTED.value and is_old

    @cached_property
    def environment(self) -> Environment:
        """The environment that it ran in."""
        return Environment(self.run.environment)

    @cached_property
    def kind(self) -> Any:
        """The kind of its integration."""
        return KINDS[self.run.kind]

    @cached_property
    def took(self) -> str:
        """How long it took; empty if that is not known. A refused run took the time until it was refused."""
        measured = self.run.duration_ms or round(sum(self.run.steps.values()))
        if self.run.duration_ms is None or not measured:
            return ""
        return (
            f"{measured} ms" if measured < 10 * SECOND else f"{timedelta(milliseconds=measured).total_seconds():.1f} s"
        )

    @cached_property
    def caller(self) -> str:
        """The name of the caller."""
        return visible(self.run.caller.removeprefix(PREFIX))

    @cached_property
    def caller_kind(self) -> str:
        """What the caller is."""
        is_session = self.key_id is not None and self.key_id != self.run.caller_id
        return "Session of a key" if is_session else CALLERS.get(self.run.caller_kind, self.run.caller_kind)

    @cached_property
    def caller_icon(self) -> str:
        """The icon of a caller that has no initials."""
        return ICONS.get(self.run.caller_kind, "")

    @cached_property
    def key_id(self) -> UUID | None:
        """The API key that the run counts for; None if a person or a command called."""
        return self.run.principal_id if self.run.caller_kind == ActorKind.API_KEY.value else None

    @cached_property
    def secrets(self) -> list[Any]:
        """The secrets that it used, by name."""
        return sorted(self.run.secrets.all(), key=lambda used: used.name)
