"""Where a staged value has to prove itself: each live reference of a secret in one environment, and what was found.

Owns which integrations try a reference, and whether a stored result still counts. It reads; nothing is called here.
"""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from accounts.actors import Actor
from accounts.environments import Environment
from integrations.checking import FAILED, NOT_CHECKABLE, PASSED, declared_check
from integrations.kinds import KINDS
from integrations.models import Integration, RotationCheck, SecretReference
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
class Trial:
    """One reference, the integrations whose harmless check sends the secret, and the result so far.

    `why_not` says why nothing can be tried; empty where something can. `partial` where integrations that use it too are
    not visible to the key that asks: then passing proves nothing.
    """

    reference: SecretReference
    probes: tuple[Integration, ...]
    requests: tuple[str, ...]
    why_not: str
    result: Result
    partial: bool = False

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
    rows = rows.select_related("integration", "integration__auth_connector")
    return list(rows.order_by("integration__name", "slot", "pk"))


def trials_of(actor: Actor, staged: SecretValue) -> list[Trial]:
    """Every live reference of the staged value's secret in its environment that the actor sees, by integration name."""
    environment = Environment(staged.environment)
    references = [ref for ref in live_references(actor, staged.secret_id) if environment in ref.needed_in]
    users = _users_of({ref.integration_id for ref in references}, actor, environment)
    results = {row.reference_id: row for row in RotationCheck.objects.filter(value=staged)}
    return [
        _trial(ref, users.get(ref.integration_id, []), actor, results.get(ref.id), environment, staged.secret.name)
        for ref in references
    ]


def hidden_references(actor: Actor, staged: SecretValue) -> int:
    """How many live references a key that lists integrations does not see."""
    if actor.integrations is None:
        return 0
    rows = SecretReference.objects.filter(organization=actor.organization, secret=staged.secret_id)
    rows = rows.filter(needed_in__has=Environment(staged.environment))
    return rows.exclude(integration__in=actor.integrations).count()


def _users_of(connectors: set[UUID], actor: Actor, environment: Environment) -> dict[UUID, list[Integration]]:
    """The enabled integrations that build on these and run in the environment, also those that a key does not see."""
    users: dict[UUID, list[Integration]] = defaultdict(list)
    rows = Integration.objects.of(actor.organization).filter(auth_connector__in=connectors, enabled=True)
    for user in rows.filter(environments__has=environment).select_related("auth_connector").order_by("name", "pk"):
        if user.auth_connector_id:
            users[user.auth_connector_id].append(user)
    return users


def _trial(
    reference: SecretReference,
    users: list[Integration],
    actor: Actor,
    stored: RotationCheck | None,
    environment: Environment,
    name: str,
) -> Trial:
    is_connector = KINDS[reference.integration.kind].is_connector
    seen = [user for user in users if actor.sees(user.id)]
    candidates = seen if is_connector else [reference.integration]
    declared = [(candidate, declared_check(candidate)) for candidate in candidates]
    sending = [(candidate, request) for candidate, request in declared if request and name in request.secret_names]
    why_not = ""
    if is_connector and users and not seen:
        why_not = "No integration that uses it is visible to this key."
    elif is_connector and not users:
        why_not = f"No integration that runs in {environment.label} uses it."
    elif not any(request for _, request in declared):
        why_not = "No harmless check is declared."
    elif not sending:
        why_not = "Its harmless check does not send this secret."
    return Trial(
        reference=reference,
        probes=tuple(candidate for candidate, _ in sending),
        requests=tuple(f"{request.method} {request.path.source or '/'}" for _, request in sending),
        why_not=why_not,
        result=_judged(stored, [reference.integration, *_chain(users if is_connector else candidates)]),
        partial=is_connector and len(seen) < len(users),
    )


def _chain(integrations: list[Integration]) -> list[Integration]:
    return [*integrations, *(found for item in integrations if (found := item.auth_connector))]


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
