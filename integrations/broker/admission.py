"""Admitting calls: authenticating, checking, recording and decrypting (docs/concepts.md, "Runs", steps 1 to 5).

Once the caller is known to be allowed to run the integration, the run is recorded, whether it is refused or not. An
admitted call holds a concurrency slot of its API key, which the broker releases. This module is the only caller of
`resolver.open_values`.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from django.db import transaction

from accounts.access.callers import CONCURRENT_CALLS, PresentedKey, actors_among, count_call, keys_presented
from accounts.actors import Actor
from accounts.common.observers import RunTrace
from accounts.common.sql.compiled import ask_together
from accounts.errors import NotFound, Refusal
from accounts.policy import Permission
from integrations.broker import ledger
from integrations.broker.asking import asked_of, record_asking, ruling_of
from integrations.broker.look_ups import INTEGRATIONS, SENT_VALUES
from integrations.broker.preparation import Admitted, Attempt, Call, Prepared, cannot_open, check_secrets, prepare
from integrations.broker.remote_tools import judge_tools
from integrations.budgets.spending import Charge, charge_of, spend
from integrations.holding.calls import AskedCall
from integrations.inheritance import with_parents
from integrations.kinds import KINDS
from integrations.models import BegunRun, Integration, RunOutcome
from integrations.rules.judging import Ruling
from integrations.rules.limits import count_calls
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import resolver

INTERNAL_ERROR = "internal_error"

Caller = Actor | PresentedKey
"""An authenticated actor, or the API key that a request presented."""


@dataclass(slots=True)
class _Entry:
    """A call during admission. Once `refusal` is set, the remaining steps are skipped."""

    caller: Caller
    call: Call
    trace: RunTrace = field(default_factory=RunTrace)
    identified: Actor | Refusal = field(init=False)
    actor: Actor = field(init=False)
    integration: Integration = field(init=False)
    links: Sequence[Integration] = ()  # the integration and its parents
    prepared: Prepared = field(init=False)
    ruling: Ruling | None = None
    asked: AskedCall | None = None
    charge: Charge | None = None
    found: dict[str, resolver.FoundSecret] = field(init=False)
    run: BegunRun = field(init=False)
    secrets: dict[str, Plaintext] = field(init=False, repr=False)
    attempt: Attempt = field(default_factory=Attempt)
    refusal: Exception | None = None
    is_counted: bool = False
    calls_tool: bool = False  # of a server of which agents see only approved tools

    @property
    def needed(self) -> resolver.Needed:
        """Whose secrets it needs, their names, and where it needs their values."""
        return self.actor.organization, self.prepared.exchange.secret_names, self.call.environment


def admit_all(
    calls: Sequence[tuple[Caller, Call] | tuple[Caller, Call, RunTrace]],
) -> list[Admitted | Exception]:
    """Admit many calls at once, with few queries and one commit.

    Returns:
        For each call, in the same order, the admitted call or the exception to raise for it:
        Unauthenticated, AgentsStopped, AgentStopped: the API key is not valid, or stopped; nothing is recorded.
        NotFound, PermissionDenied: the caller may not run this integration here; nothing is recorded.
        RateLimited: the API key has reached a rate limit or its concurrency limit; nothing is recorded.
        Refusal with any code of docs/api.md, "Errors": recorded, with `run_id` among its members.
    """
    entries = [_Entry(*each) for each in calls]
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
    values = _look_up(entries)
    _take(_check_caller, entries)
    attempts = [entry for entry in entries if entry.refusal is None]
    _take(_prepare, attempts)
    _check_tools(attempts)
    _take(_judge, attempts)
    _find_secrets([entry for entry in attempts if entry.refusal is None], values)
    _take(_check_secrets, attempts)
    _record(attempts)
    _take(partial(_open, opened={}), attempts)


def _take(step: Callable[[_Entry], None], entries: Iterable[_Entry]) -> None:
    """Take a step of each call that no earlier step refused."""
    for entry in entries:
        if entry.refusal is None:
            try:
                step(entry)
            except Exception as refusal:  # an unexpected error must not affect other calls
                entry.refusal = refusal


def _look_up(entries: Sequence[_Entry]) -> list[SecretValue]:
    """Authenticate the callers and load the integrations (step 1); return the values that these send."""
    presented = [entry.caller for entry in entries if isinstance(entry.caller, PresentedKey)]
    places = {(entry.call.integration_id, entry.call.environment.value) for entry in entries}
    wanted = INTEGRATIONS.among({(integration_id,) for integration_id, _ in places})
    keys, integrations, values = ask_together(keys_presented(presented), wanted, SENT_VALUES.among(places))
    actors, links = iter(actors_among(presented, keys)), {row.id: with_parents(row) for row in integrations}
    for entry in entries:
        entry.identified = next(actors) if isinstance(entry.caller, PresentedKey) else entry.caller
        entry.links = links.get(entry.call.integration_id, ())
    return values


def _check_caller(entry: _Entry) -> None:
    """Check the caller, the integration, the environment, the concurrency limit and the rate limit."""
    _identify(entry)
    entry.actor.check_environments(entry.call.environment)
    CONCURRENT_CALLS.acquire(entry.actor)
    entry.is_counted = True
    count_call(entry.actor)


def _identify(entry: _Entry) -> None:
    caller, integration = entry.identified, entry.links[0] if entry.links else None
    if isinstance(caller, Refusal):
        raise caller
    caller.check(Permission.INTEGRATIONS_RUN)
    is_own = integration is not None and integration.organization_id == caller.organization.id
    if integration is None or not is_own or not caller.sees(integration.id):
        raise NotFound("No such integration.")
    integration.organization = caller.organization
    entry.actor, entry.integration = caller, integration


def _prepare(entry: _Entry) -> None:
    entry.prepared = prepare(entry.links, entry.call, entry.attempt)
    calling = KINDS[entry.integration.kind].calling_operation
    entry.calls_tool = entry.integration.only_approved_tools and entry.attempt.operation == calling


def _check_tools(entries: Sequence[_Entry]) -> None:
    """Check that the tools of MCP servers that are called are approved. They are looked up together."""
    calling = [entry for entry in entries if entry.calls_tool and entry.refusal is None]
    if calling:
        wanted = [(entry.integration, entry.prepared.params["name"]) for entry in calling]
        for entry, refusal in zip(calling, judge_tools(wanted), strict=True):
            entry.refusal = refusal


def _judge(entry: _Entry) -> None:
    """Ask the rules, if there are any, whether a person has to be asked, and whose budgets count the call."""
    links, actor = entry.links, entry.actor
    ruled = [link for link in links if link.rules]
    if ruled or actor.organization.asks_unless_read_only or entry.call.wish.approval:
        asked_about = (actor, entry.integration, entry.call, entry.attempt, entry.prepared)
        entry.ruling = ruling_of(*asked_about)
        entry.asked = asked_of(*asked_about, entry.ruling)
    bounded: list[Integration | Actor] = [*links, actor.within or actor]
    if any(one.daily_calls is not None or one.daily_cost is not None for one in bounded):
        entry.charge = charge_of(links, entry.attempt.operation, actor)


def _find_secrets(entries: Iterable[_Entry], values: Sequence[SecretValue]) -> None:
    """Find the secrets of calls, except for those of staged values; what `values` lacks is looked up together."""
    usual = [entry for entry in entries if entry.call.staged is None]
    for entry, found in zip(usual, resolver.find_all([entry.needed for entry in usual], values), strict=True):
        entry.found = found


def _check_secrets(entry: _Entry) -> None:
    """Check the secrets and hosts of a call."""
    if staged := entry.call.staged:
        entry.found = resolver.find_with_staged(*entry.needed, staged)
    check_secrets(entry.links, entry.call, entry.attempt, entry.found)


def _record(entries: Sequence[_Entry]) -> None:
    """Record the calls. Limits and budgets count them in the same transaction, if there are any.

    A call that a person has to approve is recorded by itself: its approval is part of the transaction.
    """
    asking = [entry for entry in entries if entry.asked and entry.refusal is None]
    _record_together([entry for entry in entries if entry.refusal or not entry.asked])
    _take(_record_asking, asking)


def _record_together(entries: Sequence[_Entry]) -> None:
    limited = [entry for entry in entries if entry.ruling and entry.ruling.limits and entry.refusal is None]
    charged = [entry for entry in entries if entry.charge]
    with transaction.atomic() if limited or charged else nullcontext():
        _count(limited, charged)
        _begin(entries)


def _count(limited: Sequence[_Entry], charged: Sequence[_Entry]) -> None:
    if limited:
        calls = [(entry.ruling, entry.actor, entry.call.environment) for entry in limited if entry.ruling]
        _refuse(limited, count_calls(calls))
    if going_on := [entry for entry in charged if entry.refusal is None]:
        _refuse(going_on, spend([entry.charge for entry in going_on if entry.charge]))


def _refuse(entries: Sequence[_Entry], refusals: Sequence[Refusal | None]) -> None:
    for entry, refusal in zip(entries, refusals, strict=True):
        entry.refusal = refusal


def _begin(entries: Sequence[_Entry]) -> None:
    for entry in entries:
        entry.trace.marks.append((ledger.STOPPED if entry.refusal else "admitted", time.monotonic()))
    runs = ledger.begin_all([_start(entry) for entry in entries]) if entries else []
    for entry, run in zip(entries, runs, strict=True):
        _note_run(entry, run)


def _record_asking(entry: _Entry) -> None:
    entry.trace.marks.append(("admitted", time.monotonic()))
    run, entry.refusal = record_asking(cast("AskedCall", entry.asked), _start(entry), entry.ruling, entry.charge)
    _note_run(entry, run)


def _note_run(entry: _Entry, run: BegunRun) -> None:
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
        trace=entry.trace,
        refused_with=(refusal.code if isinstance(refusal, Refusal) else INTERNAL_ERROR) if refusal else "",
    )


def _open(entry: _Entry, opened: dict[int, Plaintext]) -> None:
    try:
        entry.secrets = resolver.open_values(entry.attempt.found, actor=entry.actor, opened=opened)
        entry.trace.marks.append(("opened", time.monotonic()))
    except resolver.Unreadable as problem:
        refusal = cannot_open(problem.name, entry.call.environment)
        ledger.finish_all([ledger.RunEnd(entry.run, RunOutcome.REFUSED, 0, refusal.code, trace=entry.trace)])
        refusal.members["run_id"] = str(entry.run.id)
        refusal.run = ledger.ids_of(entry.run)
        entry.refusal = refusal
    except Exception as fault:  # unexpected: close the record and raise it to the caller
        ledger.finish_all([ledger.RunEnd(entry.run, RunOutcome.FAILED, 0, INTERNAL_ERROR, trace=entry.trace)])
        entry.refusal = fault


def _admitted(call: _Entry) -> Admitted:
    found, secrets = call.attempt.found, call.secrets
    return Admitted(
        actor=call.actor,
        run=call.run,
        exchange=call.prepared.exchange,
        params=call.prepared.params,
        secrets=secrets,
        masked={name: secrets[name] for name, one in found.items() if not (one.secret and one.secret.is_identifier)},
        mask_stamp=getattr(call.integration, "mask_stamp", None) or 0,
        value_ids={name: entry.value.id for name, entry in found.items() if entry.value},
        domains={name: entry.secret.allowed_domains for name, entry in found.items() if entry.secret},
        secret_ids=[value.secret_id for value in call.attempt.values],
        links=call.links,
        trace=call.trace,
        charge=call.charge,
    )
