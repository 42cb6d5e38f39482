"""Letting a call in: checked, recorded, its values opened (DESIGN section 6, steps 1 to 5).

Once the caller may run the integration, the attempt is recorded, refused or not. The only caller of
`resolver.open_values`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.actors import Actor
from accounts.errors import Refusal
from accounts.pace import count_call
from accounts.policy import Permission
from integrations import ledger
from integrations.conversations import Conversation
from integrations.lineage import chain_of
from integrations.models import Integration, Run, RunOutcome
from integrations.preparation import Attempt, Call, cannot_open, prepare
from secrets_app import resolver
from secrets_app.plaintext import Plaintext

INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A run that may go ahead: recorded as started, its values open."""

    run: Run
    conversation: Conversation
    params: Mapping[str, Any]
    secrets: dict[str, Plaintext] = field(repr=False)
    secret_ids: list[UUID]
    value_ids: dict[str, UUID]
    domains: dict[str, list[str]]
    links: list[Integration]


def admit(actor: Actor, call: Call) -> Admitted:
    """Check a call, record it as started, and open its values.

    Raises:
        NotFound, PermissionDenied: the caller may not run this integration here; nothing is recorded.
        RateLimited: its API key has made as many calls as it may in this minute; nothing is recorded.
        Refusal: any code of API.md; recorded, with `run_id` among its members.
    """
    integration = Integration.objects.fetch(actor, call.integration_id)
    actor.check(Permission.INTEGRATIONS_RUN)
    actor.check_environments(call.environment)
    count_call(actor)
    integration.organization = actor.organization
    attempt = Attempt()
    try:
        prepared = prepare(integration, call, attempt)
    except Refusal as refusal:
        run = _record(actor, integration, call, attempt, refused_with=refusal.code)
        refusal.members["run_id"] = str(run.id)
        raise
    run = _record(actor, integration, call, attempt)
    return Admitted(
        run=run,
        conversation=prepared.conversation,
        params=prepared.params,
        secrets=_open(run, actor, call, attempt),
        value_ids={name: entry.value.pk for name, entry in attempt.found.items() if entry.value},
        domains={name: entry.secret.allowed_domains for name, entry in attempt.found.items() if entry.secret},
        secret_ids=[value.secret_id for value in attempt.values],
        links=chain_of(integration),
    )


def _record(actor: Actor, integration: Integration, call: Call, attempt: Attempt, refused_with: str = "") -> Run:
    return ledger.begin(
        actor=actor,
        integration=integration,
        environment=call.environment,
        operation=attempt.operation,
        note=attempt.note,
        host=attempt.host,
        values=attempt.values,
        refused_with=refused_with,
    )


def _open(run: Run, actor: Actor, call: Call, attempt: Attempt) -> dict[str, Plaintext]:
    try:
        return resolver.open_values(attempt.found, actor=actor)
    except resolver.Unreadable as problem:
        refusal = cannot_open(problem.name, call.environment)
        ledger.finish(run, outcome=RunOutcome.REFUSED, duration_ms=0, error_code=refusal.code)
        refusal.members["run_id"] = str(run.id)
        raise refusal from None
    except BaseException:  # a fault of ours; the record gets its end, and the fault goes on
        ledger.finish(run, outcome=RunOutcome.FAILED, duration_ms=0, error_code=INTERNAL_ERROR)
        raise
