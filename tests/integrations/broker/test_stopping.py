"""Stopping an agent ends what its key and sessions have in flight in this process, and nothing else."""

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync

from accounts.access.agent_sessions import start_session, stop_session
from accounts.access.api_keys import revoke_api_key
from accounts.access.callers import CONCURRENT_CALLS, PresentedKey, actor_of_key
from accounts.common.database import in_database
from accounts.common.environments import Environment
from accounts.errors import Unauthenticated
from accounts.policy import Scope
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.models import Run
from tests.peers.upstreams import answering, http
from tests.support.things import key_for, make_action, store_secret

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


STOPS = {
    "a key": (lambda owner, key, session: revoke_api_key(actor=owner, key_id=key.id), {"key", "session", "other"}),
    "a session": (lambda owner, key, session: stop_session(actor=key, session_id=session.id), {"session"}),
}


@pytest.mark.parametrize("stop", STOPS)
def test_calls_in_flight_end_at_once_and_others_go_on(owner, slow, stop):
    url, gate, seen = slow
    store_secret(owner)
    action = make_action(owner, base_url=url)
    texts = {"key": key_for(owner, Scope.RUN), "stranger": key_for(owner, Scope.RUN)}
    key = actor_of_key(texts["key"], address=None)
    session, text = start_session(actor=key, name="session")
    texts |= {"session": text.text, "other": start_session(actor=key, name="other")[1].text}
    act, stopped = STOPS[stop]

    async def story():
        call = Call(action.id, Environment.STAGING)
        running = {
            name: asyncio.create_task(broker.run(PresentedKey(text, None), call)) for name, text in texts.items()
        }
        while len(seen) < len(running):
            await asyncio.sleep(0.01)
        await in_database(act, owner, key, session)
        ended = await asyncio.gather(*(running[name] for name in stopped), return_exceptions=True)
        assert not any(running[name].done() for name in running.keys() - stopped)
        gate.set()
        return ended, await asyncio.gather(*(running[name] for name in running.keys() - stopped))

    ended, went_on = async_to_sync(story)()
    assert all(isinstance(refusal, Unauthenticated) and "stopped" in refusal.detail for refusal in ended)
    assert {result.outcome for result in went_on} == {"succeeded"}
    assert Run.objects.filter(outcome="failed", error_code="unauthenticated").count() == len(stopped)
    assert not CONCURRENT_CALLS._counts
    assert not CONCURRENT_CALLS._stops


def test_stopping_a_key_without_calls_does_nothing(owner):
    CONCURRENT_CALLS.stop(owner.id)


def test_timeout_of_a_call_stays_one(owner):
    async def late():
        async with CONCURRENT_CALLS.stoppable(actor):
            raise TimeoutError

    actor = actor_of_key(key_for(owner, Scope.RUN), address=None)
    with pytest.raises(TimeoutError):
        async_to_sync(late)()
