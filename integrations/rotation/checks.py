"""Where a staged value has to prove itself: each live reference of a secret in one environment, and what was found.

Owns which integrations try a reference, and whether a stored result still counts. It reads; nothing is called here.
"""

from dataclasses import dataclass
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment
from integrations.broker.checking import FAILED, NOT_CHECKABLE, PASSED, declared_check
from integrations.exchange.exchange import Conversation
from integrations.inheritance import WITH_LINKS, chain_of
from integrations.kinds import KINDS
from integrations.models import Integration, RotationCheck, SecretReference
from integrations.references.uses import users_of
from secrets_app.models import SecretValue

MISSING = "missing"
"""The outcome of a reference that was not tried since the value was staged, or since an integration changed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is known about one reference: `passed`, `failed` with a code, `not_checkable` or `missing`."""

    outcome: str
    code: str | None
    detail: str


NOT_TRIED = Result(MISSING, None, "The new value has not been tried here yet.")


@dataclass(frozen=True, slots=True)
class Probe:
    """An integration and its harmless check, which sends the secret."""

    integration: Integration
    check: Conversation


@dataclass(frozen=True, slots=True)
class Trial:
    """One reference, the checks that can try it, and the result so far.

    `why_not` says why nothing can be tried; empty where something can. `partial` where integrations that use it too are
    not visible to the key that asks: then passing proves nothing.
    """

    reference: SecretReference
    probes: tuple[Probe, ...]
    why_not: str
    result: Result
    partial: bool = False

    @property
    def requests(self) -> tuple[str, ...]:
        """What the checks send, in words."""
        return tuple(probe.check.summary for probe in self.probes)

    @property
    def passed(self) -> bool:
        """Whether the staged value works here."""
        return self.result.outcome == PASSED

    @property
    def failed(self) -> bool:
        """Whether it was refused here."""
        return self.result.outcome == FAILED

    @property
    def tried(self) -> bool:
        """Whether there is a result."""
        return self.result.outcome != MISSING

    @property
    def label(self) -> str:
        """`Look up patient, Header · Authorization`, as the audit trail keeps it."""
        return f"{self.reference.integration_name}, {self.reference.slot_label}"


def live_references(actor: Actor, secret_id: UUID) -> list[SecretReference]:
    """The references of a secret that the actor sees whose integration is enabled and runs somewhere."""
    rows = SecretReference.objects.filter(organization=actor.organization, secret=secret_id, needed_in__gt=0)
    if actor.integrations is not None:
        rows = rows.filter(integration__in=actor.integrations)
    return list(rows.select_related(*WITH_LINKS).order_by("integration__name", "slot", "pk"))


def trials_of(actor: Actor, staged: SecretValue) -> list[Trial]:
    """Every live reference of the staged value's secret in its environment that the actor sees, by integration name."""
    environment = Environment(staged.environment)
    references = [ref for ref in live_references(actor, staged.secret_id) if environment in ref.needed_in]
    users = users_of({ref.integration_id for ref in references})
    results = {row.reference_id: row for row in RotationCheck.objects.filter(value=staged)}
    return [_trial(ref, users[ref.integration_id], actor, results.get(ref.id), environment) for ref in references]


def hidden_references(actor: Actor, staged: SecretValue) -> int:
    """How many live references a key that lists integrations does not see."""
    if actor.integrations is None:
        return 0
    rows = SecretReference.objects.filter(organization=actor.organization, secret=staged.secret_id)
    rows = rows.filter(needed_in__has=Environment(staged.environment))
    return rows.exclude(integration__in=actor.integrations).count()


def _trial(
    reference: SecretReference,
    users: list[Integration],
    actor: Actor,
    stored: RotationCheck | None,
    environment: Environment,
) -> Trial:
    """A link that has no check of its own which sends the secret is tried by what builds on it."""
    own = declared_check(reference.integration)
    is_base = KINDS[reference.integration.kind].is_connector or KINDS[reference.integration.kind].is_connection
    by_users = is_base and not (own and reference.name in own.secret_names)
    users = [user for user in users if user.enabled and environment in user.environments] if by_users else []
    seen = [user for user in users if actor.sees(user.id)]
    candidates = seen if by_users else [reference.integration]
    declared = [(candidate, declared_check(candidate)) for candidate in candidates]
    sending = [
        Probe(candidate, check) for candidate, check in declared if check and reference.name in check.secret_names
    ]
    why_not = ""
    if users and not seen:
        why_not = "No integration that uses it is visible to this key."
    elif by_users and not users:
        why_not = f"No integration that runs in {environment.label} uses it."
    elif not any(check for _, check in declared):
        why_not = "No harmless check is declared."
    elif not sending:
        why_not = "Its harmless check does not send this secret."
    return Trial(
        reference=reference,
        probes=tuple(sending),
        why_not=why_not,
        result=_judged(stored, [link for item in (reference.integration, *users) for link in chain_of(item)]),
        partial=len(seen) < len(users),
    )


def _judged(stored: RotationCheck | None, involved: list[Integration]) -> Result:
    """The stored result, unless something that it tells of was saved since."""
    if stored is None:
        return NOT_TRIED
    if any(integration.updated_at > stored.checked_at for integration in involved):
        return Result(MISSING, None, "The integration changed since it was tried.")
    return Result(stored.outcome, stored.code or None, stored.detail)


def not_checkable(why: str) -> Result:
    """The result where nothing can be tried."""
    return Result(NOT_CHECKABLE, None, why)
