"""The demo's held calls: a new agent asks before each task that it leaves. One waits, one was made, one was denied."""

from asgiref.sync import async_to_sync

from accounts.access.api_keys import create_api_key
from accounts.actors import Actor, actor_for_key
from accounts.common.environments import Environment
from accounts.models import ApiKey
from accounts.policy import Scope
from integrations.approvals.deciding import approve, deny
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.editing.rules import set_rules
from integrations.errors import ApprovalNeeded
from integrations.holding.calls import Wish
from integrations.models import Approval, Integration
from integrations.rules.reading import read_rules

AGENT, TASKS = "Recall agent", "Create follow-up task"
A_DAY = 1440
"""Minutes that the calls wait, so that one still does when somebody looks."""


def load_approvals(owner: Actor, tasks: Integration) -> None:
    """Let an agent of its own ask for three tasks, when everything else is loaded; the approved one is made."""
    agent = actor_for_key(_key(owner, tasks))
    rule = {"decision": "ask", "environments": [Environment.PRODUCTION.value], "ask": {"minutes": A_DAY}}
    set_rules(actor=owner, integration_id=tasks.id, rules=read_rules([rule]))
    made = _call(tasks, "Book the check-up of Lena Brandt", "It is a year since her last visit.")
    approve(actor=owner, approval_id=_held(agent, made).pk)
    async_to_sync(broker.run)(agent, made)
    denied = _held(agent, _call(tasks, "Cancel all visits of Jonas Weber", "He said that he moves away."))
    deny(actor=owner, approval_id=denied.pk, note="Ask him which visits he means")
    _held(agent, _call(tasks, "Call Aylin Kaya about her lab report", "The report arrived this morning."))


def _key(owner: Actor, tasks: Integration) -> ApiKey:
    key, _ = create_api_key(
        actor=owner,
        name=AGENT,
        scopes=[Scope.RUN],
        environments=[Environment.PRODUCTION],
        integrations=[tasks.id],
    )
    return key


def _call(tasks: Integration, title: str, reason: str) -> Call:
    return Call(tasks.id, Environment.PRODUCTION, "call", {"title": title}, wish=Wish(reason=reason))


def _held(agent: Actor, call: Call) -> Approval:
    try:
        async_to_sync(broker.run)(agent, call)
    except ApprovalNeeded as refusal:
        return Approval.objects.get(pk=str(refusal.members["approval_id"]))
    raise AssertionError("The rule of the demo did not ask.")
