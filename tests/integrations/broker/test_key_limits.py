"""How many calls an API key may make: at once, and in a minute. What is too much is refused and leaves no record."""

import asyncio
import threading
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.access import callers as pace
from accounts.actors import actor_for_key
from accounts.common.environments import Environment
from accounts.errors import Invalid, NotFound, RateLimited
from accounts.models import ApiKey
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.models import Integration, Run
from tests.peers.upstreams import answering, http
from tests.support.things import key_for, make_action, store_secret

S = Environment.STAGING


def actor_with(owner, **limits):
    key_for(owner, **limits)
    return actor_for_key(ApiKey.objects.select_related("organization").latest("created_at"))


@pytest.fixture
def upstream():
    """Answers at once, unless `gate` is closed; counts in `seen`."""
    gate, seen = threading.Event(), []
    gate.set()

    def respond(request, sending):
        seen.append(request)
        gate.wait(timeout=10)
        sending.sendall(http(b"{}"))

    with answering(respond) as url:
        yield url, gate, seen


@pytest.mark.django_db
class TestPerMinute:
    def test_calls_beyond_the_limit_are_refused_until_the_next_minute(self, owner, upstream, run):
        store_secret(owner)
        action, actor = make_action(owner, base_url=upstream[0]), actor_with(owner, max_per_minute=2)
        for _ in range(2):
            assert run(actor, action, S).outcome == "succeeded"
        with pytest.raises(RateLimited) as refused:
            run(actor, action, S)
        assert 1 <= refused.value.members["retry_after_seconds"] <= 60
        assert "run_id" not in refused.value.members
        assert (len(upstream[2]), Run.objects.count()) == (2, 2)
        ApiKey.objects.filter(pk=actor.id).update(minute=timezone.now() - timedelta(minutes=1))
        assert run(actor, action, S).outcome == "succeeded"

    def test_keys_without_a_limit_and_people_write_nothing(self, owner, upstream, run):
        store_secret(owner)
        action = make_action(owner, base_url=upstream[0])
        for actor in (owner, actor_with(owner)):
            run(actor, action, S)
        assert ApiKey.objects.get().minute is None

    def test_what_the_caller_may_not_run_does_not_count(self, owner, run):
        actor = actor_with(owner, max_per_minute=1, integrations=[])
        action = make_action(owner)
        for _ in range(2):
            with pytest.raises(NotFound):
                run(actor, action, S)
        assert ApiKey.objects.get().minute_calls == 0

    def test_keys_count_apart(self, owner):
        one, two = (actor_with(owner, max_per_minute=1) for _ in range(2))
        pace.count_call(one), pace.count_call(two)
        with pytest.raises(RateLimited):
            pace.count_call(one)

    def test_hosts_whose_clocks_differ_count_together(self, owner, monkeypatch):
        actor = actor_with(owner, max_per_minute=3)
        minute = timezone.now().replace(second=0, microsecond=0)
        moments = [minute + timedelta(seconds=2), minute - timedelta(seconds=2)] * 2
        monkeypatch.setattr(pace.timezone, "now", lambda: moments[0])
        for _ in range(3):
            pace.count_call(actor)
            del moments[0]
        with pytest.raises(RateLimited):
            pace.count_call(actor)
        assert ApiKey.objects.get().minute == minute
        moments[0] = minute - timedelta(hours=1)  # a clock that was far ahead locks nobody out once it is right
        pace.count_call(actor)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_calls_at_the_same_moment_are_counted_exactly(owner, together):
    actor, refused = actor_with(owner, max_per_minute=5), []

    def call():
        try:
            pace.count_call(actor)
        except RateLimited:
            refused.append(1)

    moment = timezone.now()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pace.timezone, "now", lambda: moment)
        for _ in range(3):
            together(*[call] * 8)
    assert (len(refused), ApiKey.objects.get().minute_calls) == (24 - 5, 5)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_one_more_than_allowed_is_refused_and_the_others_go_on(self, owner, upstream):
        url, gate, seen = upstream
        store_secret(owner)
        action, actor = make_action(owner, base_url=url), actor_with(owner, max_concurrent=3)
        gate.clear()

        async def calls():
            running = [asyncio.ensure_future(broker.run(actor, Call(action.id, S))) for _ in range(3)]
            while len(seen) < 3:
                await asyncio.sleep(0.01)
            with pytest.raises(RateLimited) as refused:
                await broker.run(actor, Call(action.id, S))
            gate.set()
            results = await asyncio.gather(*running)
            return refused.value, [result.outcome for result in results]

        refusal, outcomes = async_to_sync(calls)()
        assert (refusal.code, refusal.members) == ("rate_limited", {"retry_after_seconds": 1})
        assert outcomes == ["succeeded"] * 3
        assert Run.objects.count() == 3
        assert not pace.CONCURRENT_CALLS._counts

    def test_a_call_that_fails_gives_its_place_back(self, owner):
        store_secret(owner)
        action, actor = make_action(owner), actor_with(owner, max_concurrent=1)
        Integration.objects.update(enabled=False)
        for _ in range(2):
            with pytest.raises(Exception, match="disabled"):
                async_to_sync(broker.run)(actor, Call(action.id, S))
        assert not pace.CONCURRENT_CALLS._counts


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"max_concurrent": 0}, "max_concurrent"),
        ({"max_concurrent": 10_001}, "max_concurrent"),
        ({"max_per_minute": 0}, "max_per_minute"),
        ({"max_per_minute": 1_000_001}, "max_per_minute"),
    ],
)
def test_limits_out_of_range_are_refused(owner, limits, field):
    with pytest.raises(Invalid) as refused:
        key_for(owner, **limits)
    assert [error.field for error in refused.value.errors] == [field]
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("limits", [{"max_concurrent": 0}, {"max_per_minute": 0}])
def test_the_database_holds_the_limits_too(owner, limits):
    key_for(owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.update(**limits)
