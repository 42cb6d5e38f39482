"""Stopping an agent ends what its key and sessions have in flight in this process, and nothing else."""

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync

from accounts.access.agent_sessions import start_session, stop_session
from accounts.access.api_keys import revoke_api_key
from accounts.access.callers import CONCURRENT_CALLS, PresentedKey, actor_of_key
from accounts.access.suspension import stop_agent
from accounts.common.database import in_database
from accounts.common.environments import Environment
from accounts.people.stopping import stop_agents
from accounts.policy import Scope
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import Integration, Run
from tests.peers.upstreams import answering, http
from tests.support.things import key_for, make_action, store_secret

WHY = "Refunds went wrong"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def slow():
    """An upstream that answers once `gate` is open; counts in `seen`."""
    gate, seen = threading.Event(), []

    def respond(request, sending):
        seen.append(request)
        gate.wait(timeout=10)
        sending.sendall(http(b"{}"))

    with answering(respond) as url:
        yield url, gate, seen
        gate.set()


OF_KEY = {"key", "session", "other"}
STOPS = {
    "a key": (lambda owner, key, session: revoke_api_key(actor=owner, key_id=key.id), OF_KEY, "unauthenticated"),
    "a session": (
        lambda owner, key, session: stop_session(actor=key, session_id=session.id), {"session"}, "unauthenticated"
    ),
    "an agent": (lambda owner, key, session: stop_agent(actor=owner, key_id=key.id, why=WHY), OF_KEY, "agent_stopped"),
    "all agents": (
        lambda owner, key, session: stop_agents(actor=owner, why=WHY), {*OF_KEY, "stranger"}, "agents_stopped"
    ),
    "the integration": (
        lambda owner, key, session: disable(owner), {*OF_KEY, "stranger", "person"}, "integration_disabled"
    ),
}  # fmt: skip


def disable(owner):
    changes = IntegrationChanges(enabled=False, disabled_why=WHY)
    update_integration(actor=owner, integration_id=Integration.objects.get().pk, changes=changes)


@pytest.mark.parametrize("stop", STOPS)
def test_calls_in_flight_end_at_once_and_others_go_on(owner, slow, stop):
    url, gate, seen = slow
    store_secret(owner)
    action = make_action(owner, base_url=url)
    texts = {"key": key_for(owner, Scope.RUN), "stranger": key_for(owner, Scope.RUN)}
    key = actor_of_key(texts["key"], address=None)
    session, text = start_session(actor=key, name="session")
    texts |= {"session": text.text, "other": start_session(actor=key, name="other")[1].text}
    callers = {name: PresentedKey(text, None) for name, text in texts.items()} | {"person": owner}
    act, stopped, code = STOPS[stop]

    async def story():
        call = Call(action.id, Environment.STAGING)
        running = {name: asyncio.create_task(broker.run(caller, call)) for name, caller in callers.items()}
        while len(seen) < len(running):
            await asyncio.sleep(0.01)
        await in_database(act, owner, key, session)
        ended = await asyncio.gather(*(running[name] for name in stopped), return_exceptions=True)
        assert not any(running[name].done() for name in running.keys() - stopped)
        gate.set()
        return ended, await asyncio.gather(*(running[name] for name in running.keys() - stopped))

    ended, went_on = async_to_sync(story)()
    assert {refusal.code for refusal in ended} == {code}
    assert len({refusal.members["run_id"] for refusal in ended}) == len(stopped)
    if code != "unauthenticated":
        assert {refusal.members["reason"] for refusal in ended} == {WHY}
        assert all(f"by {owner.label} (“{WHY}”)" in refusal.detail for refusal in ended)
    assert {result.outcome for result in went_on} <= {"succeeded"}
    assert Run.objects.filter(outcome="failed", error_code=code).count() == len(stopped)
    assert not CONCURRENT_CALLS._counts
    assert not CONCURRENT_CALLS._under_way


def test_stopping_a_key_without_calls_does_nothing(owner):
    CONCURRENT_CALLS.stop(owner.id)


def test_timeout_of_a_call_stays_one(owner):
    async def late():
        with CONCURRENT_CALLS.stoppable(actor):
            raise TimeoutError

    actor = actor_of_key(key_for(owner, Scope.RUN), address=None)
    with pytest.raises(TimeoutError):
        async_to_sync(late)()
