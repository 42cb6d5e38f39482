"""Where a staged value has to prove itself: each live reference of a secret in one environment, and what was found.

Owns which integrations try a reference, and whether a stored result still counts. It reads; nothing is called here.
"""

from dataclasses import dataclass
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment
from integrations.broker.checking import FAILED, NOT_CHECKABLE, PASSED, declared_check
from integrations.exchange.exchange import Exchange
from integrations.inheritance import WITH_LINKS, with_parents
from integrations.kinds import KINDS
from integrations.models import Integration, RotationCheck, SecretReference
from integrations.references.uses import users_of
from secrets_app.models import SecretValue

MISSING = "missing"
"""The outcome of a reference that was not tried since the value was staged, or since an integration changed."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What is known about one reference: `passed`, `failed` with a code, `not_checkable` or `missing`."""

    outcome: str
    code: str | None
    detail: str


HIDDEN = "No integration that uses it is visible to this key."
NOT_DECLARED = "No harmless check is declared."
NOT_SENT = "Its harmless check does not send this secret."
NOT_TRIED = CheckResult(MISSING, None, "The new value has not been tried here yet.")


@dataclass(frozen=True, slots=True)
class Probe:
    """An integration and its harmless check, which sends the secret."""

    integration: Integration
    check: Exchange


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """One reference, the checks that can try it, and the result so far.

    `why_not` says why nothing can be tried; empty where something can. `partial` where integrations that use it too are
    not visible to the key that asks: then passing proves nothing.
    """

    reference: SecretReference
    probes: tuple[Probe, ...]
    why_not: str
    result: CheckResult
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


def reference_checks(actor: Actor, staged: SecretValue) -> list[ReferenceCheck]:
    """Every live reference of the staged value's secret in its environment that the actor sees, by integration name."""
    environment = Environment(staged.environment)
    references = [ref for ref in live_references(actor, staged.secret_id) if environment in ref.needed_in]
    users = users_of({ref.integration_id for ref in references})
    results = {row.reference_id: row for row in RotationCheck.objects.filter(value=staged)}
    return [
        _reference_check(ref, users[ref.integration_id], actor, results.get(ref.id), environment) for ref in references
    ]


def hidden_references(actor: Actor, staged: SecretValue) -> int:
    """How many live references a key that lists integrations does not see."""
    if actor.integrations is None:
        return 0
    rows = SecretReference.objects.filter(organization=actor.organization, secret=staged.secret_id)
    rows = rows.filter(needed_in__has=Environment(staged.environment))
    return rows.exclude(integration__in=actor.integrations).count()


def _reference_check(
    reference: SecretReference,
    users: list[Integration],
    actor: Actor,
    stored: RotationCheck | None,
    environment: Environment,
) -> ReferenceCheck:
    """How one reference can be checked.

    A connector or connection whose own check does not send the secret is checked through the integrations that build on
    it.
    """
    by_users = _is_checked_by_users(reference)
    running = [user for user in users if by_users and user.enabled and environment in user.environments]
    visible = [user for user in running if actor.sees(user.id)]
    declared = [(found, declared_check(found)) for found in (visible if by_users else [reference.integration])]
    probes = [Probe(found, check) for found, check in declared if check and reference.name in check.secret_names]
    if by_users and not visible:
        why_not = HIDDEN if running else f"No integration that runs in {environment.label} uses it."
    else:
        why_not = "" if probes else NOT_SENT if any(check for _, check in declared) else NOT_DECLARED
    involved = [link for found in (reference.integration, *running) for link in with_parents(found)]
    return ReferenceCheck(
        reference=reference,
        probes=tuple(probes),
        why_not=why_not,
        result=_judged(stored, involved),
        partial=len(visible) < len(running),
    )


def _is_checked_by_users(reference: SecretReference) -> bool:
    kind = KINDS[reference.integration.kind]
    if not kind.is_connector and not kind.is_connection:
        return False
    own = declared_check(reference.integration)
    return own is None or reference.name not in own.secret_names


def _judged(stored: RotationCheck | None, involved: list[Integration]) -> CheckResult:
    """The stored result, unless something that it tells of was saved since."""
    if stored is None:
        return NOT_TRIED
    if any(integration.updated_at > stored.checked_at for integration in involved):
        return CheckResult(MISSING, None, "The integration changed since it was tried.")
    return CheckResult(stored.outcome, stored.code or None, stored.detail)


def not_checkable(why: str) -> CheckResult:
    """The result where nothing can be tried."""
    return CheckResult(NOT_CHECKABLE, None, why)
