"""A call that has to be approved: what is asked for, on which terms, and what its caller wishes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment
from integrations.exchange.messages import PreviewRequest
from integrations.holding.fingerprints import Fingerprints, fingerprints_of
from integrations.models import Integration, WhenApproved

DEFAULT_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller says about the approval of a call.

    Attributes:
        reason: why the call is to be made; said by the agent, not checked.
        when: who makes the call once it is approved.
        approval: the id of the approval that this call is to use; None to find it by the call itself.
    """

    reason: str = ""
    when: WhenApproved = WhenApproved.RETRY
    approval: UUID | None = None


NO_WISH = Wish()


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a rule asks.

    Attributes:
        minutes: for how long the call waits.
        approvers: ids of people who decide, beside owners and admins.
        needs_proof: whether a decision needs a fresh proof of who decides.
        four_eyes: whether nobody may approve a call of their own.
        most_minutes: for how long the operation may be approved at once; 0 for never.
        rule: the rule as JSON; empty where the organization's setting asks.
        why: what asks, as a sentence.
    """

    minutes: int = DEFAULT_MINUTES
    approvers: tuple[UUID, ...] = ()
    needs_proof: bool = False
    four_eyes: bool = False
    most_minutes: int = 60
    rule: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class AskedCall:
    """A call that has to be approved.

    Attributes:
        integration: with its parents and organization.
        operation: as rules name it.
        params: the arguments, checked and with defaults filled in.
        preview: makes the masked request of them.
    """

    actor: Actor
    integration: Integration
    environment: Environment
    operation: str
    params: Mapping[str, Any] = field(repr=False)
    preview: Callable[[Mapping[str, Any]], PreviewRequest | None] = field(repr=False)
    terms: Terms
    wish: Wish

    @property
    def name(self) -> str:
        """What it is about, for people."""
        return f"{self.operation} of {self.integration.name}"

    def fingerprints(self) -> Fingerprints:
        """Return the hashes of the call."""
        return fingerprints_of(
            self.actor, self.integration, self.environment, self.operation, self.terms.rule, self.params
        )
