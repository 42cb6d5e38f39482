"""What rules and people say of a call: judged before anything is opened, and recorded together with its approval."""

from dataclasses import replace
from functools import partial

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import Refusal
from integrations.broker.ledger import RunStart, begin_all
from integrations.broker.preparation import Attempt, Call, Prepared
from integrations.broker.remote_tools import changes_nothing
from integrations.budgets.spending import Charge, spend
from integrations.errors import ApprovalNotPossible
from integrations.holding.calls import AskedCall, Terms
from integrations.holding.holding import settle
from integrations.inheritance import with_parents
from integrations.models import BegunRun, Integration
from integrations.rules.judging import Asked, Ruling, judge, tool_of
from integrations.rules.limits import count_calls


def ruling_of(actor: Actor, integration: Integration, call: Call, attempt: Attempt, prepared: Prepared) -> Ruling:
    """Return what the rules say of a call.

    Raises:
        DeniedByRule, ArgumentNotAllowed: they do not let it through.
    """
    ruling = judge(
        Asked(
            links=with_parents(integration),
            operation=attempt.operation,
            params=prepared.params,
            environment=call.environment,
            actor=actor,
            moment=timezone.now(),
            is_read_only=partial(changes_nothing, integration, attempt.operation, prepared.params),
        )
    )
    if ruling.refusal:
        raise ruling.refusal
    return ruling


def asked_of(
    actor: Actor, integration: Integration, call: Call, attempt: Attempt, prepared: Prepared, ruling: Ruling | None
) -> AskedCall | None:
    """Return a call as people are asked about it; None if nobody has to be.

    A call that names an approval is made with that approval or not at all, whatever the rules say by now.

    Raises:
        ApprovalNotPossible: somebody has to be asked, and the call cannot wait.
    """
    terms = _terms(ruling) if ruling and ruling.asking else Terms() if call.wish.approval else None
    if terms is None:
        return None
    if call.streams:
        raise ApprovalNotPossible(
            "A person would have to approve this call, and a call whose answer flows does not wait. Use an API action "
            "for it, or ask an owner or admin for a rule that allows it."
        )
    return AskedCall(
        actor=actor,
        integration=integration,
        environment=call.environment,
        operation=tool_of(integration, attempt.operation, prepared.params) or attempt.operation,
        params=prepared.params,
        preview=prepared.exchange.preview,
        terms=terms,
        wish=call.wish,
    )


def _terms(ruling: Ruling) -> Terms:
    asking = ruling.asking
    assert asking is not None  # noqa: S101 - the caller has looked
    return Terms(
        minutes=asking.minutes,
        approvers=tuple(asking.approvers),
        needs_proof=asking.proof,
        four_eyes=asking.four_eyes,
        most_minutes=asking.for_a_while,
        rule=ruling.source.rule.as_json() if ruling.source else {},
        why=ruling.why,
    )


def record_asking(
    asked: AskedCall, start: RunStart, ruling: Ruling | None, charge: Charge | None
) -> tuple[BegunRun, Refusal | None]:
    """Use the approval of a call and record its run as started, in one transaction; otherwise record it as refused.

    Args:
        start: the run as started.
        ruling: whose limits count the call if it is made.
        charge: what counts it towards budgets; None if there are none.

    Returns:
        the run, and why the call is not made; None if it is.
    """
    try:
        with transaction.atomic():
            refusal = settle(asked, start.id)
            if refusal is None:
                _count(asked, ruling)
                _spend(charge)
            return _begun(start, refusal), refusal
    except Refusal as refusal:  # an approval that was used for it is not
        return _begun(start, refusal), refusal


def _count(asked: AskedCall, ruling: Ruling | None) -> None:
    if ruling and ruling.limits:
        (refusal,) = count_calls([(ruling, asked.actor, asked.environment)])
        if refusal:
            raise refusal


def _spend(charge: Charge | None) -> None:
    if charge and (refusal := spend([charge])[0]):
        raise refusal


def _begun(start: RunStart, refusal: Refusal | None) -> BegunRun:
    """Record a run. One that is refused opens no value, so none is on its record."""
    return begin_all([replace(start, refused_with=refusal.code, values=()) if refusal else start])[0]
