"""Which integrations can check a reference with a staged value, and the stored results.

Stored results expire when an integration changes. Nothing is called here (`rotation.py`).
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
"""The outcome of a reference without a result since the value was staged or an integration changed."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a reference: `passed`, `failed` with a code, `not_checkable` or `missing`."""

    outcome: str
    code: str | None
    detail: str


HIDDEN = "This API key cannot see any integration that uses it."
NOT_DECLARED = "No harmless check is declared."
NOT_SENT = "Its harmless check does not send this secret."
NOT_TRIED = CheckResult(MISSING, None, "The new value has not been checked here yet.")


@dataclass(frozen=True, slots=True)
class Probe:
    """An integration whose harmless check sends the secret."""

    integration: Integration
    check: Exchange


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """A reference, the checks that can verify it, and its result.

    Attributes:
        why_not: why the reference cannot be checked; empty if it can.
        partial: whether some integrations that use it are invisible to the API key, so that passing proves nothing.
    """

    reference: SecretReference
    environment: Environment
    probes: tuple[Probe, ...]
    why_not: str
    result: CheckResult
    partial: bool = False

    @property
    def requests(self) -> tuple[str, ...]:
        """Descriptions of the requests that the checks send."""
        return tuple(probe.check.summary for probe in self.probes)

    @property
    def passed(self) -> bool:
        """Whether the staged value was accepted."""
        return self.result.outcome == PASSED

    @property
    def failed(self) -> bool:
        """Whether the staged value was refused."""
        return self.result.outcome == FAILED

    @property
    def tried(self) -> bool:
        """Whether there is a result."""
        return self.result.outcome != MISSING

    @property
    def label(self) -> str:
        """The reference as the audit log names it: `Look up patient, Header · Authorization`."""
        return f"{self.reference.integration_name}, {self.reference.slot_label}"


def live_references(actor: Actor, secret_id: UUID) -> list[SecretReference]:
    """Return the references of a secret whose integration is enabled, has an environment and is visible."""
    rows = SecretReference.objects.filter(organization=actor.organization, secret=secret_id, needed_in__gt=0)
    if actor.integrations is not None:
        rows = rows.filter(integration__in=actor.integrations)
    return list(rows.select_related(*WITH_LINKS).order_by("integration__name", "slot", "pk"))


def reference_checks(actor: Actor, staged: SecretValue) -> list[ReferenceCheck]:
    """Return the live references of the staged value's secret in its environment, by integration name."""
    environment = Environment(staged.environment)
    references = [ref for ref in live_references(actor, staged.secret_id) if environment in ref.needed_in]
    users = users_of({ref.integration_id for ref in references})
    results = {row.reference_id: row for row in RotationCheck.objects.filter(value=staged)}
    return [
        _reference_check(ref, users[ref.integration_id], actor, results.get(ref.id), environment) for ref in references
    ]


def hidden_references(actor: Actor, staged: SecretValue) -> int:
    """Return how many live references are invisible to an API key that lists integrations."""
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
    """Return how a reference can be checked: by its integration, and by those that use this one."""
    own = reference.integration
    running = _running(users, environment)
    visible = [user for user in running if actor.sees(user.id)]
    probes, why_not = _probes(reference.name, [own, *visible])
    if not probes and not visible and KINDS[own.kind].is_shared:
        why_not = _why_no_user(running, environment)
    by_itself = any(probe.integration is own for probe in probes)
    involved = [link for found in (own, *running) for link in with_parents(found)]
    return ReferenceCheck(
        reference=reference,
        environment=environment,
        probes=tuple(probes),
        why_not=why_not,
        result=_current_result(stored, involved),
        partial=not by_itself and len(visible) < len(running),
    )


def _why_no_user(running: list[Integration], environment: Environment) -> str:
    return HIDDEN if running else f"No integration that runs in {environment.label} uses it."


def _running(users: list[Integration], environment: Environment) -> list[Integration]:
    return [user for user in users if user.enabled and environment in user.environments]


def _probes(name: str, integrations: list[Integration]) -> tuple[list[Probe], str]:
    """Return the checks of these integrations that send the secret, or why there are none."""
    declared = [(found, check) for found in integrations if (check := declared_check(found))]
    probes = [Probe(found, check) for found, check in declared if name in check.secret_names]
    if probes:
        return probes, ""
    return [], NOT_SENT if declared else NOT_DECLARED


def _current_result(stored: RotationCheck | None, involved: list[Integration]) -> CheckResult:
    """Return the stored result, unless an integration that it depends on has changed since."""
    if stored is None:
        return NOT_TRIED
    if any(integration.updated_at > stored.checked_at for integration in involved):
        return CheckResult(MISSING, None, "The integration has changed since the check.")
    return CheckResult(stored.outcome, stored.code or None, stored.detail)


def not_checkable(why: str) -> CheckResult:
    """Return the result of a reference that cannot be checked."""
    return CheckResult(NOT_CHECKABLE, None, why)
