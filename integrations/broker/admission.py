"""Admitting calls: authenticating, checking, recording and decrypting (docs/concepts.md, "Runs", steps 1 to 5).

Once the caller is known to be allowed to run the integration, the run is recorded, whether it is refused or not. An
admitted call holds a concurrency slot of its API key, which the broker releases. This module is the only caller of
`resolver.open_values`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from accounts.access.callers import (
    CONCURRENT_CALLS,
    STOPPED,
    PresentedKey,
    actors_of_keys,
    count_call,
    keys_in_force,
)
from accounts.actors import Actor, ActorKind
from accounts.common.compiled_queries import Among, CompiledQuery
from accounts.errors import NotFound, Refusal, Unauthenticated
from accounts.policy import Permission
from integrations.broker import ledger
from integrations.broker.preparation import Attempt, Call, Prepared, cannot_open, check_secrets, prepare
from integrations.broker.remote_tools import judge_tools
from integrations.errors import IntegrationDisabled, SecretDisabled
from integrations.exchange.exchange import Exchange
from integrations.inheritance import with_parents
from integrations.kinds import KINDS
from integrations.models import Integration, Run, RunOutcome
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import resolver

INTERNAL_ERROR = "internal_error"

_BY_ID = CompiledQuery(lambda: Integration.objects.with_links().with_mask_stamp().filter(Among("pk")))
_INTEGRATIONS = CompiledQuery(lambda: Integration.objects.only("enabled").filter(Among("pk")))
_SECRETS = CompiledQuery(lambda: Secret.objects.only("enabled").filter(Among("pk")))

Caller = Actor | PresentedKey
"""An authenticated actor, or the API key that a request presented."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may be sent: the run is recorded, the values are decrypted, a concurrency slot is held."""

    actor: Actor
    run: Run
    exchange: Exchange
    params: Mapping[str, Any]
    secrets: dict[str, Plaintext] = field(repr=False)
    identifiers: frozenset[str]
    mask_stamp: int
    secret_ids: list[UUID]
    value_ids: dict[str, UUID]
    domains: dict[str, list[str]]
    links: list[Integration]

    @property
    def masked(self) -> dict[str, Plaintext]:
        """The values that nobody may see: all but those of secrets that are marked as identifiers."""
        return {name: value for name, value in self.secrets.items() if name not in self.identifiers}


@dataclass(slots=True)
class _Entry:
    """A call during admission. Once `refusal` is set, the remaining steps are skipped."""

    caller: Caller
    call: Call
    actor: Actor = field(init=False)
    integration: Integration = field(init=False)
    prepared: Prepared = field(init=False)
    run: Run = field(init=False)
    secrets: dict[str, Plaintext] = field(init=False, repr=False)
    attempt: Attempt = field(default_factory=Attempt)
    refusal: Exception | None = None
    is_counted: bool = False
    calls_tool: bool = False
    """Whether it calls a tool of a server of which agents see only approved tools."""

    def take(self, step: Callable[["_Entry"], None]) -> None:
        """Run a step unless an earlier step refused the call."""
        if self.refusal is None:
            try:
                step(self)
            except Exception as refusal:  # an unexpected error must not affect other calls
                self.refusal = refusal


def admit_all(calls: Sequence[tuple[Caller, Call]]) -> list[Admitted | Exception]:
    """Admit many calls at once, with few queries and one commit.

    Returns:
        For each call, in the same order, the admitted call or the exception to raise for it:
        Unauthenticated: the API key is not valid; nothing is recorded.
        NotFound, PermissionDenied: the caller may not run this integration here; nothing is recorded.
        RateLimited: the API key has reached a rate limit or its concurrency limit; nothing is recorded.
        Refusal with any code of docs/api.md, "Errors": recorded, with `run_id` among its members.
    """
    entries = [_Entry(caller, call) for caller, call in calls]
    try:
        _admit(entries)
    except BaseException:
        _release(entries)
        raise
    _release([entry for entry in entries if entry.refusal])
    return [entry.refusal or _admitted(entry) for entry in entries]


def _release(entries: Iterable[_Entry]) -> None:
    for entry in entries:
        if entry.is_counted:
            CONCURRENT_CALLS.release(entry.actor)


def _admit(entries: Sequence[_Entry]) -> None:
    _look_up(entries)
    for entry in entries:
        entry.take(_check_caller)
    attempts = [entry for entry in entries if entry.refusal is None]
    for entry in attempts:
        entry.take(_prepare)
    _check_tools(attempts)
    _check_secrets([entry for entry in attempts if entry.refusal is None])
    _record(attempts)
    for entry in attempts:
        entry.take(_open)


def _look_up(entries: Sequence[_Entry]) -> None:
    """Authenticate the callers and load the integrations, with one query for each (step 1)."""
    actors = iter(actors_of_keys([entry.caller for entry in entries if isinstance(entry.caller, PresentedKey)]))
    integrations = {row.pk: row for row in _BY_ID.ask({(entry.call.integration_id,) for entry in entries})}
    for entry in entries:
        caller = next(actors) if isinstance(entry.caller, PresentedKey) else entry.caller
        entry.take(partial(_identify, caller=caller, integrations=integrations))


def _identify(entry: _Entry, caller: Actor | Unauthenticated, integrations: Mapping[UUID, Integration]) -> None:
    if isinstance(caller, Unauthenticated):
        raise caller
    caller.check(Permission.INTEGRATIONS_RUN)
    integration = integrations.get(entry.call.integration_id)
    is_own = integration is not None and integration.organization_id == caller.organization.pk
    if integration is None or not is_own or not caller.sees(integration.pk):
        raise NotFound("No such integration.")
    integration.organization = caller.organization
    entry.actor, entry.integration = caller, integration


def _check_caller(entry: _Entry) -> None:
    """Check the environment, the concurrency limit and the rate limit."""
    entry.actor.check_environments(entry.call.environment)
    CONCURRENT_CALLS.acquire(entry.actor)
    entry.is_counted = True
    count_call(entry.actor)


def _prepare(entry: _Entry) -> None:
    entry.prepared = prepare(entry.integration, entry.call, entry.attempt)
    calling = KINDS[entry.integration.kind].calling_operation
    entry.calls_tool = entry.integration.only_approved_tools and entry.attempt.operation == calling


def _check_tools(entries: Sequence[_Entry]) -> None:
    """Check that the tools of MCP servers that are called are approved. They are looked up together."""
    calling = [entry for entry in entries if entry.calls_tool and entry.refusal is None]
    if calling:
        wanted = [(entry.integration, entry.prepared.params["name"]) for entry in calling]
        for entry, refusal in zip(calling, judge_tools(wanted), strict=True):
            entry.refusal = refusal


def _check_secrets(entries: Sequence[_Entry]) -> None:
    """Check the secrets and hosts of calls. Secrets are looked up together, except for calls with a staged value."""
    wanted = {id(entry): _wanted(entry) for entry in entries if entry.call.staged is None}
    found = resolver.find_all(wanted.values())

    def check_one(entry: _Entry) -> None:
        call = entry.call
        if call.staged is None:
            check_secrets(entry.integration, call, entry.attempt, found[wanted[id(entry)]])
            return
        names, organization = entry.prepared.exchange.secret_names, entry.actor.organization
        staged = resolver.find_with_staged(organization, names, call.environment, call.staged)
        check_secrets(entry.integration, call, entry.attempt, staged)

    for entry in entries:
        entry.take(check_one)


def _wanted(entry: _Entry) -> resolver.SecretLookup:
    names = frozenset(entry.prepared.exchange.secret_names)
    return resolver.SecretLookup(entry.actor.organization.pk, entry.call.environment, names)


def _record(entries: Sequence[_Entry]) -> None:
    runs = ledger.begin_all([_start(entry) for entry in entries])
    for entry, run in zip(entries, runs, strict=True):
        entry.run = run
        if isinstance(entry.refusal, Refusal):
            entry.refusal.members["run_id"] = str(run.id)
            entry.refusal.run = ledger.ids_of(run)


def _start(entry: _Entry) -> ledger.RunStart:
    attempt, refusal = entry.attempt, entry.refusal
    return ledger.RunStart(
        actor=entry.actor,
        integration=entry.integration,
        environment=entry.call.environment,
        operation=attempt.operation,
        note=attempt.note,
        host=attempt.host,
        values=attempt.values,
        refused_with=(refusal.code if isinstance(refusal, Refusal) else INTERNAL_ERROR) if refusal else "",
    )


def stopped_meanwhile(runs: Sequence[Admitted | None]) -> list[Refusal | None]:
    """Look again whether runs that have an answer may give it out, with one query each for keys, integrations, secrets.

    Returns:
        for each run the refusal, if its API key is no longer in force, or an integration or a secret of it is disabled
        or gone; None if it may, and for a run of None.
    """
    found = [run for run in runs if run]
    in_force, enabled = keys_in_force({key for run in found if (key := _key_of(run))}), _enabled(found)
    return [_stopped(run, in_force, enabled) if run else None for run in runs]


def _enabled(runs: Sequence[Admitted]) -> set[UUID]:
    """Return the ids of the integrations and secrets of these runs that are enabled now."""
    integrations = _INTEGRATIONS.ask({(link.pk,) for run in runs for link in run.links})
    secrets = _SECRETS.ask({(secret_id,) for run in runs for secret_id in run.secret_ids})
    return {row.pk for row in integrations if row.enabled} | {row.pk for row in secrets if row.enabled}


def _key_of(run: Admitted) -> UUID | None:
    return run.actor.id if run.actor.kind is ActorKind.API_KEY else None


def _stopped(run: Admitted, keys: Collection[UUID], enabled: Collection[UUID]) -> Refusal | None:
    key = _key_of(run)
    if key and key not in keys:
        return Unauthenticated(STOPPED)
    for link in run.links:
        if link.pk not in enabled:
            return IntegrationDisabled(f"{link.name} was disabled while the call was under way.")
    for name, secret_id in zip(run.value_ids, run.secret_ids, strict=True):
        if secret_id not in enabled:
            return SecretDisabled(f"The secret {name} was disabled while the call was under way.")
    return None


def _open(entry: _Entry) -> None:
    try:
        entry.secrets = resolver.open_values(entry.attempt.found, actor=entry.actor)
    except resolver.Unreadable as problem:
        refusal = cannot_open(problem.name, entry.call.environment)
        ledger.finish_all([ledger.RunEnd(entry.run, RunOutcome.REFUSED, 0, refusal.code)])
        refusal.members["run_id"] = str(entry.run.id)
        refusal.run = ledger.ids_of(entry.run)
        entry.refusal = refusal
    except Exception as fault:  # unexpected: close the record and raise it to the caller
        ledger.finish_all([ledger.RunEnd(entry.run, RunOutcome.FAILED, 0, INTERNAL_ERROR)])
        entry.refusal = fault


def _admitted(call: _Entry) -> Admitted:
    found = call.attempt.found
    return Admitted(
        actor=call.actor,
        run=call.run,
        exchange=call.prepared.exchange,
        params=call.prepared.params,
        secrets=call.secrets,
        identifiers=frozenset(name for name, entry in found.items() if entry.secret and entry.secret.is_identifier),
        mask_stamp=getattr(call.integration, "mask_stamp", None) or 0,
        value_ids={name: entry.value.pk for name, entry in found.items() if entry.value},
        domains={name: entry.secret.allowed_domains for name, entry in found.items() if entry.secret},
        secret_ids=[value.secret_id for value in call.attempt.values],
        links=with_parents(call.integration),
    )
