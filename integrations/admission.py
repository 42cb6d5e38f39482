"""Letting a call in: checked, recorded, its values opened (DESIGN section 6, steps 1 to 5).

Once the caller may run the integration, the attempt is recorded, refused or not. The only caller of
`resolver.open_values`.
"""

from collections.abc import Callable, Mapping, Sequence
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
from integrations.preparation import Attempt, Call, Prepared, cannot_open, judge, prepare
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


@dataclass(slots=True)
class _Entry:
    """One call on its way in. Once `refusal` is set, no further step is taken for it."""

    actor: Actor
    call: Call
    integration: Integration = field(init=False)
    prepared: Prepared = field(init=False)
    run: Run = field(init=False)
    secrets: dict[str, Plaintext] = field(init=False, repr=False)
    attempt: Attempt = field(default_factory=Attempt)
    refusal: Exception | None = None

    def take(self, step: Callable[["_Entry"], None]) -> None:
        """Take a step, unless one before it refused."""
        if self.refusal is None:
            try:
                step(self)
            except Exception as refusal:  # a fault of ours is this call's answer, and no other call's
                self.refusal = refusal


def admit(actor: Actor, call: Call) -> Admitted:
    """Check a call, record it as started, and open its values.

    Raises:
        NotFound, PermissionDenied: the caller may not run this integration here; nothing is recorded.
        RateLimited: its API key has made as many calls as it may in this minute; nothing is recorded.
        Refusal: any code of API.md; recorded, with `run_id` among its members.
    """
    (answer,) = admit_all([(actor, call)])
    if isinstance(answer, Exception):
        raise answer
    return answer


def admit_all(calls: Sequence[tuple[Actor, Call]]) -> list[Admitted | Exception]:
    """`admit` for many calls at once, with few queries and one commit; what it raises for a call is given instead."""
    entries = [_Entry(actor, call) for actor, call in calls]
    _let_in(entries)
    attempts = [entry for entry in entries if entry.refusal is None]
    for entry in attempts:
        entry.take(_prepare)
    _judge([entry for entry in attempts if entry.refusal is None])
    _record(attempts)
    for entry in attempts:
        entry.take(_open)
    return [entry.refusal or _admitted(entry) for entry in entries]


def _let_in(entries: Sequence[_Entry]) -> None:
    """Step 1: who may run what where. Integrations are read together."""
    found = Integration.objects.fetch_each([(entry.actor, entry.call.integration_id) for entry in entries])
    for entry, integration in zip(entries, found, strict=True):
        if isinstance(integration, Refusal):
            entry.refusal = integration
            continue
        integration.organization = entry.actor.organization
        entry.integration = integration
        entry.take(_check_caller)


def _check_caller(entry: _Entry) -> None:
    entry.actor.check(Permission.INTEGRATIONS_RUN)
    entry.actor.check_environments(entry.call.environment)
    count_call(entry.actor)


def _prepare(entry: _Entry) -> None:
    entry.prepared = prepare(entry.integration, entry.call, entry.attempt)


def _judge(entries: Sequence[_Entry]) -> None:
    """Secrets are looked up together, a staged value for its one call."""
    wanted = {id(entry): _wanted(entry) for entry in entries if entry.call.staged is None}
    found = resolver.find_all(wanted.values())

    def judge_one(entry: _Entry) -> None:
        call = entry.call
        if call.staged is None:
            judge(entry.integration, call, entry.attempt, found[wanted[id(entry)]])
            return
        names, organization = entry.prepared.conversation.secret_names, entry.actor.organization
        staged = resolver.find_with_staged(organization, names, call.environment, call.staged)
        judge(entry.integration, call, entry.attempt, staged)

    for entry in entries:
        entry.take(judge_one)


def _wanted(entry: _Entry) -> resolver.Wanted:
    names = frozenset(entry.prepared.conversation.secret_names)
    return resolver.Wanted(entry.actor.organization.pk, entry.call.environment, names)


def _record(entries: Sequence[_Entry]) -> None:
    runs = ledger.begin_all([_start(entry) for entry in entries])
    for entry, run in zip(entries, runs, strict=True):
        entry.run = run
        if isinstance(entry.refusal, Refusal):
            entry.refusal.members["run_id"] = str(run.id)


def _start(entry: _Entry) -> ledger.Start:
    attempt, refusal = entry.attempt, entry.refusal
    return ledger.Start(
        actor=entry.actor,
        integration=entry.integration,
        environment=entry.call.environment,
        operation=attempt.operation,
        note=attempt.note,
        host=attempt.host,
        values=attempt.values,
        refused_with=(refusal.code if isinstance(refusal, Refusal) else INTERNAL_ERROR) if refusal else "",
    )


def _open(entry: _Entry) -> None:
    try:
        entry.secrets = resolver.open_values(entry.attempt.found, actor=entry.actor)
    except resolver.Unreadable as problem:
        refusal = cannot_open(problem.name, entry.call.environment)
        ledger.finish_all([ledger.End(entry.run, RunOutcome.REFUSED, 0, refusal.code)])
        refusal.members["run_id"] = str(entry.run.id)
        entry.refusal = refusal
    except Exception as fault:  # of ours; the record gets its end, and the fault is the caller's answer
        ledger.finish_all([ledger.End(entry.run, RunOutcome.FAILED, 0, INTERNAL_ERROR)])
        entry.refusal = fault


def _admitted(entry: _Entry) -> Admitted:
    found = entry.attempt.found
    return Admitted(
        run=entry.run,
        conversation=entry.prepared.conversation,
        params=entry.prepared.params,
        secrets=entry.secrets,
        value_ids={name: one.value.pk for name, one in found.items() if one.value},
        domains={name: one.secret.allowed_domains for name, one in found.items() if one.secret},
        secret_ids=[value.secret_id for value in entry.attempt.values],
        links=chain_of(entry.integration),
    )
