"""Stopping all agents of an organization: what is refused then, who may, and what is on record."""

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from accounts.access.agent_sessions import start_session
from accounts.access.api_keys import create_api_key
from accounts.access.callers import actor_of_key, keys_in_force
from accounts.access.suspension import lift_suspension, stop_agent
from accounts.common.environments import ALL_ENVIRONMENTS
from accounts.errors import AgentsStopped, AgentStopped, Invalid, NotFound, PermissionDenied
from accounts.models import ApiKey, AuditEvent, Organization
from accounts.people.stopping import start_agents, stop_agents
from accounts.policy import Scope
from tests.support.things import key_for

pytestmark = pytest.mark.django_db

WHY = "Refunds went to the wrong customers"


def call(text):
    return actor_of_key(text, address=None)


def done():
    return list(AuditEvent.objects.order_by("sequence").values_list("event", flat=True))


def test_every_key_is_refused_until_a_person_starts_the_agents_again(owner, admin, django_capture_on_commit_callbacks):
    text = key_for(owner, Scope.SECRETS_READ)
    with django_capture_on_commit_callbacks(execute=True):
        stop_agents(actor=admin, why=f"  {WHY}\n")
        stop_agents(actor=owner, why="Another reason changes nothing")
    with pytest.raises(AgentsStopped) as refusal:
        call(text)
    assert f"were stopped by {admin.label} (“{WHY}”)" in refusal.value.detail
    stopped = Organization.objects.get(pk=owner.organization.pk)
    moment = refusal.value.members.pop("stopped_at")
    assert moment.endswith("Z")
    assert datetime.fromisoformat(moment) - stopped.agents_stopped_at < timedelta(milliseconds=1)
    assert refusal.value.members == {"stopped_by": admin.label, "reason": WHY}
    assert keys_in_force([ApiKey.objects.get().pk]) == set()
    (sent,) = [one for one in mail.outbox if "were stopped" in one.subject]
    assert WHY in sent.body
    start_agents(actor=owner)
    start_agents(actor=owner)
    assert call(text).label == "API key agent"
    assert done()[-2:] == ["organization.agents_stopped", "organization.agents_started"]


def test_one_agent_is_stopped_with_its_sessions_and_started_again(owner):
    text, other = key_for(owner, Scope.RUN), key_for(owner, Scope.RUN)
    key = call(text)
    _, session = start_session(actor=key, name="call-4711")
    stop_agent(actor=owner, key_id=key.id, why=WHY)
    stop_agent(actor=owner, key_id=key.id, why="Another reason changes nothing")
    for stopped in (text, session.text):
        with pytest.raises(AgentStopped) as refusal:
            call(stopped)
        assert (refusal.value.members["stopped_by"], refusal.value.members["reason"]) == (owner.label, WHY)
    assert call(other)
    lift_suspension(actor=owner, key_id=key.id)
    assert call(text) == key
    assert call(session.text)
    assert done()[-2:] == ["api_key.stopped", "api_key.started"]


def test_a_stop_outlasts_the_start_of_all(owner):
    text = key_for(owner, Scope.RUN)
    stop_agent(actor=owner, key_id=call(text).id, why=WHY)
    stop_agents(actor=owner, why=WHY)
    start_agents(actor=owner)
    with pytest.raises(AgentStopped):
        call(text)


def test_who_may_not(owner, member, outsider):
    key = ApiKey.objects.get(pk=call(key_for(owner, Scope.RUN)).id)
    may_stop = call(key_for(owner, Scope.AGENTS_STOP))
    for actor, act in (
        (member, lambda actor: stop_agents(actor=actor, why=WHY)),
        (member, lambda actor: start_agents(actor=actor)),
        (may_stop, lambda actor: start_agents(actor=actor)),
        (member, lambda actor: stop_agent(actor=actor, key_id=key.pk, why=WHY)),
        (may_stop, lambda actor: stop_agent(actor=actor, key_id=key.pk, why=WHY)),
    ):
        with pytest.raises(PermissionDenied):
            act(actor)
    with pytest.raises(NotFound):
        stop_agent(actor=outsider, key_id=key.pk, why=WHY)
    stop_agents(actor=outsider, why=WHY)
    assert call(key_for(owner, Scope.RUN))


def test_a_key_stops_all_only_if_it_is_not_limited(owner):
    environment = next(iter(ALL_ENVIRONMENTS))
    _, text = create_api_key(actor=owner, name="k", scopes=[Scope.AGENTS_STOP], environments=[environment])
    with pytest.raises(PermissionDenied, match="limited"):
        stop_agents(actor=call(text.text), why=WHY)


@pytest.mark.parametrize("why", ["", " \n", "x" * 301, "a\0b", "a\u202eb", "a\x07b"])
def test_a_reason_is_one_readable_line(owner, why):
    key = call(key_for(owner, Scope.RUN))
    for act in (lambda: stop_agents(actor=owner, why=why), lambda: stop_agent(actor=owner, key_id=key.id, why=why)):
        with pytest.raises(Invalid) as refusal:
            act()
        assert [error.field for error in refusal.value.errors] == ["why"]


@pytest.mark.parametrize("model", [Organization, ApiKey])
def test_the_database_wants_who_and_why(owner, model):
    key_for(owner, Scope.RUN)
    column = "agents_stopped_by" if model is Organization else "stopped_by"
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(**{column: "Mara"})
