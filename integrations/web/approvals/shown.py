"""A held call as pages show it: what it is, how long it waits, what it would send, and what became of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from accounts.actors import ActorKind
from accounts.audit.wording import visible
from accounts.common.environments import Environment
from accounts.common.when import span_in_words
from integrations.approvals.reading import HeldCall
from integrations.kinds import KINDS
from integrations.models import Approval, ApprovalState
from integrations.rules.shape import Rule
from integrations.rules.words import in_words
from integrations.web.approvals.chosen import chosen_texts, facts_of

SOON = timedelta(minutes=5)
"""What ends within is shown as urgent."""
PREFIX = "API key "


@dataclass
class ShownCall:
    """A held call, at the moment at which the page is made."""

    held: HeldCall
    now: datetime = field(default_factory=timezone.now)

    @property
    def approval(self) -> Approval:
        """The approval itself."""
        return self.held.approval

    @cached_property
    def kind(self) -> Any:
        """The kind of its integration."""
        return KINDS[self.approval.kind]

    @cached_property
    def tool(self) -> str:
        """The tool of an MCP server that is called; empty for other calls."""
        return self.approval.operation.partition(":")[2]

    @cached_property
    def title(self) -> str:
        """What is called: the tool, the operation, or an integration that has one operation alone."""
        name = self.approval.integration_name if self.kind.has_one_operation else self.tool or self.approval.operation
        return visible(name)

    @cached_property
    def of(self) -> str:
        """What the title belongs to."""
        label: str = self.kind.label
        return label if self.kind.has_one_operation else f"{visible(self.approval.integration_name)}, {label}"

    @cached_property
    def why(self) -> str:
        """What asks. The rule in words tells at what the caller would not be asked, so callers do not get it."""
        rule = self.approval.rule
        said = f" {in_words(Rule.model_validate(rule))}" if rule else ""
        return f"{self.approval.why}{said}" or "A rule asks a person."

    @cached_property
    def environment(self) -> Environment:
        """Where it would be made."""
        return Environment(self.approval.environment)

    @cached_property
    def caller(self) -> str:
        """The name of the caller."""
        return visible(self.approval.caller.removeprefix(PREFIX))

    @property
    def is_agent(self) -> bool:
        """Whether an API key asks, or a session of one."""
        return self.approval.caller_kind == ActorKind.API_KEY.value

    @cached_property
    def is_session(self) -> bool:
        """Whether a session of an API key asks."""
        return self.is_agent and self.approval.principal_id != self.approval.caller_id

    @property
    def waits(self) -> bool:
        """Whether a decision is still possible."""
        return self.held.state is ApprovalState.WAITING

    @cached_property
    def left(self) -> str:
        """How long it waits still."""
        return span_in_words((self.approval.expires_at - self.now).total_seconds())

    @cached_property
    def is_urgent(self) -> bool:
        """Whether it ends soon."""
        return self.approval.expires_at - self.now < SOON

    @cached_property
    def most(self) -> str:
        """For how long its operation may be approved at once; empty for never."""
        return span_in_words(self.approval.most_minutes * 60) if self.approval.most_minutes else ""

    @cached_property
    def address(self) -> str:
        """Where the call came from; empty if that is not known, or destroyed."""
        return self.held.contents.address if self.held.contents else ""

    @cached_property
    def arguments(self) -> list[tuple[str, str]]:
        """What the agent chose, by name."""
        return facts_of(self._params)

    @cached_property
    def chosen(self) -> list[str]:
        """The texts that the agent chose, to be marked in the preview."""
        return chosen_texts(self._params)

    @cached_property
    def _params(self) -> Any:
        if self.held.contents is None:
            return {}
        params = self.held.contents.params
        return params.get("arguments", {}) if self.tool else params

    @cached_property
    def after(self) -> str:
        """How long it took until it was decided, or until nobody had."""
        ended = self.approval.decided_at or min(self.approval.expires_at, self.approval.ended_at or self.now)
        return span_in_words((ended - self.approval.created_at).total_seconds())

    @cached_property
    def decision(self) -> tuple[str, str, str]:
        """The class, the icon and the words of what was decided."""
        if self.waits:
            return "warn", "hourglass", "Waiting for a person"
        if self.held.state is ApprovalState.DENIED:
            return "bad", "ban", "Denied"
        if self.held.state is ApprovalState.EXPIRED:
            return "off", "hourglass", self._why_expired()
        return "ok", "circle-check", self._how_approved()

    def _why_expired(self) -> str:
        if self.approval.error_code:
            return "Approved, but it could not be made"
        return "Approved, but not made in time" if self.approval.decided_at else "Nobody answered"

    def _how_approved(self) -> str:
        if not self.approval.is_for_a_while:
            return "Approved once"
        until, since = self.approval.use_before, self.approval.decided_at
        span = span_in_words((until - since).total_seconds()) if until and since else ""
        calls = self.approval.calls
        return f"Approved for {span}, {calls} call{'' if calls == 1 else 's'}"

    @cached_property
    def history(self) -> list[tuple[datetime, str]]:
        """What happened until now, in order."""
        return sorted(
            ((moment, words) for moment, words in self._moments() if moment and moment <= self.now),
            key=lambda entry: entry[0],
        )

    def _moments(self) -> list[tuple[datetime | None, str]]:
        one = self.approval
        again = f"Asked again, {one.asked_again} time{'' if one.asked_again == 1 else 's'} in all"
        decision = self.decision[2] if self.held.state is not ApprovalState.EXPIRED else "Approved"
        made = "Call made" if one.calls <= 1 else f"Last of {one.calls} calls made"
        return [
            (one.created_at, "Held; no secret was opened"),
            (one.created_at, f"Asked {one.asked}, by e-mail"),
            (one.asked_again_at, again),
            (one.decided_at, f"{decision} by {one.decided_by}"),
            (one.used_at, made),
            (self._expired_at(), self.decision[2]),
            (one.destroyed_at, "What it would send was destroyed"),
        ]

    def _expired_at(self) -> datetime | None:
        if self.held.state is not ApprovalState.EXPIRED:
            return None
        return self.approval.ended_at or self.approval.use_before or self.approval.expires_at


def outline(approval: Approval) -> ShownCall:
    """Return an approval as it is shown without what its call would send."""
    return ShownCall(HeldCall(approval, None, approval.state_at(), ""))
