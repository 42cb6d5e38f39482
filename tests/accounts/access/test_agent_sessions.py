"""Sessions: tokens that an API key makes for one run of an agent each, and what ends them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.access import agent_sessions
from accounts.access.agent_sessions import SessionBounds, forget_ended, sessions_of, start_session, stop_session
from accounts.access.api_keys import find_api_key, keys_created_by, revoke_api_key
from accounts.access.callers import CONCURRENT_CALLS, actor_of_key, count_call, keys_in_force
from accounts.access.suspension import count_secret_in_arguments
from accounts.common.environments import Environment
from accounts.errors import Invalid, NotFound, PermissionDenied, RateLimited, Unauthenticated
from accounts.models import ApiKey, AuditEvent, User
from accounts.policy import Permission, Scope
from tests.support.things import key_for

pytestmark = pytest.mark.django_db
D, S = Environment.DEVELOPMENT, Environment.STAGING
ONE, TWO = uuid4(), uuid4()


@pytest.fixture
def key(owner):
    """The actor of a bounded API key."""
    text = key_for(
        owner, Scope.RUN, Scope.AUDIT_READ, environments=[D, S], integrations=[ONE, TWO],
        max_concurrent=10, max_per_minute=5, expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    return actor_of_key(text, address=None)


def actor_of(text, **request):
    return actor_of_key(text.text, address=request.pop("address", None), **request)


def test_session_has_the_bounds_of_its_key_and_the_scope_of_calls(key):
    session, text = start_session(actor=key, name=" call-4711 ")
    actor = actor_of(text)
    assert (actor.label, actor.within, actor.key_id) == ("API key agent, session call-4711", key, key.id)
    assert actor.permissions == {Permission.INTEGRATIONS_RUN}
    assert (actor.environments, actor.integrations) == (key.environments, key.integrations)
    assert (actor.max_concurrent, actor.max_per_minute) == (10, 5)
    assert timedelta(minutes=59) < session.expires_at - timezone.now() <= timedelta(hours=1)
    assert bytes(ApiKey.objects.get(pk=session.pk).digest) == text.digest
    event = AuditEvent.objects.get(event="api_key.session_started")
    assert (event.actor_label, event.target_label, text.text in str(event.data)) == (
        "API key agent",
        "call-4711",
        False,
    )


def test_session_gets_the_subset_that_it_is_asked_to_have(key):
    bounds = SessionBounds(frozenset({Scope.AUDIT_READ}), frozenset({S}), frozenset({ONE}), 1, 2)
    _, text = start_session(actor=key, name="s", lifetime=timedelta(hours=24), bounds=bounds)
    actor = actor_of(text)
    assert actor.permissions == {Permission.AUDIT_READ, Permission.RUNS_READ}
    assert (actor.environments, actor.integrations) == ({S}, {ONE})
    assert (actor.max_concurrent, actor.max_per_minute) == (1, 2)


def test_session_never_outlives_its_key(key):
    ApiKey.objects.filter(pk=key.id).update(expires_at=timezone.now() + timedelta(minutes=3))
    session, _ = start_session(actor=key, name="s", lifetime=timedelta(hours=2))
    assert session.expires_at == ApiKey.objects.get(pk=key.id).expires_at


BEYOND = {
    "name": {"name": " "},
    "minutes": {"lifetime": timedelta(hours=24, minutes=1)},
    "scopes": {"bounds": SessionBounds(frozenset({Scope.SECRETS_READ}))},
    "environments": {"bounds": SessionBounds(environments=frozenset({S, Environment.PRODUCTION}))},
    "integrations": {"bounds": SessionBounds(integrations=frozenset({ONE, uuid4()}))},
    "max_concurrent": {"bounds": SessionBounds(max_concurrent=11)},
    "max_per_minute": {"bounds": SessionBounds(max_per_minute=6)},
}
NOTHING = {
    "minutes": {"lifetime": timedelta(seconds=59)},
    "scopes": {"bounds": SessionBounds(frozenset())},
    "environments": {"bounds": SessionBounds(environments=frozenset())},
    "integrations": {"bounds": SessionBounds(integrations=frozenset())},
    "max_concurrent": {"bounds": SessionBounds(max_concurrent=0)},
    "max_per_minute": {"bounds": SessionBounds(max_per_minute=0)},
}


def test_what_is_beyond_the_key_is_refused_field_by_field(key):
    for cases in (BEYOND, NOTHING):
        for field, wanted in cases.items():
            with pytest.raises(Invalid) as refused:
                start_session(**({"actor": key, "name": "s"} | wanted))
            assert [error.field for error in refused.value.errors] == [field]
    assert not ApiKey.objects.filter(parent__isnull=False).exists()


def test_only_a_key_with_the_scope_makes_sessions(owner, key):
    _, text = start_session(actor=key, name="s")
    reader = actor_of_key(key_for(owner, Scope.AUDIT_READ), address=None)
    for actor in (owner, actor_of(text), reader):
        with pytest.raises(PermissionDenied):
            start_session(actor=actor, name="another")
        with pytest.raises(PermissionDenied):
            sessions_of(actor=actor)


def test_number_at_once_is_bounded(key, monkeypatch):
    monkeypatch.setattr(agent_sessions, "MOST_AT_ONCE", 2)
    first, _ = start_session(actor=key, name="first")
    start_session(actor=key, name="second", lifetime=timedelta(minutes=10))
    with pytest.raises(RateLimited, match="2 sessions") as refused:
        start_session(actor=key, name="third")
    assert 590 <= refused.value.members["retry_after_seconds"] <= 600
    stop_session(actor=key, session_id=first.id)
    assert start_session(actor=key, name="third")


ENDS = {
    "it is over": lambda key, session: ApiKey.objects.filter(pk=session.pk).update(expires_at=timezone.now()),
    "it is stopped": lambda key, session: stop_session(actor=key, session_id=session.id),
    "its key expires": lambda key, session: ApiKey.objects.filter(pk=key.id).update(expires_at=timezone.now()),
    "its key is suspended": lambda key, session: ApiKey.objects.filter(pk=key.id).update(suspended_at=timezone.now()),
    "the maker of its key is deactivated": lambda key, session: User.objects.update(is_active=False),
}


@pytest.mark.parametrize("end", ENDS)
def test_session_ends_when(key, end):
    session, text = start_session(actor=key, name="s")
    other, _ = start_session(actor=key, name="other")
    assert keys_in_force([session.id, other.id]) == {session.id, other.id}
    ENDS[end](key, session)
    with pytest.raises(Unauthenticated):
        actor_of(text)
    assert keys_in_force([session.id, other.id]) == ({other.id} if end in list(ENDS)[:2] else set())


def test_revoking_a_key_stops_its_sessions_and_says_how_many(owner, key):
    _, text = start_session(actor=key, name="s")
    old, _ = start_session(actor=key, name="old")
    stop_session(actor=key, session_id=old.id)
    revoke_api_key(actor=owner, key_id=key.id)
    with pytest.raises(Unauthenticated):
        actor_of(text)
    assert AuditEvent.objects.get(event="api_key.revoked").data["sessions"] == 1
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_session_is_stopped_once_by_its_key_or_a_person_and_by_nobody_else(owner, outsider, member, key):
    session, text = start_session(actor=key, name="s")
    another = actor_of_key(key_for(owner, Scope.RUN), address=None)
    for actor, refusal in (
        (another, NotFound), (outsider, NotFound), (member, PermissionDenied), (actor_of(text), PermissionDenied)
    ):  # fmt: skip
        with pytest.raises(refusal):
            stop_session(actor=actor, session_id=session.id)
    with pytest.raises(NotFound):
        stop_session(actor=owner, session_id=key.id)
    for actor in (key, owner):
        assert stop_session(actor=actor, session_id=session.id).revoked_at
    assert AuditEvent.objects.filter(event="api_key.session_stopped").count() == 1


def test_session_is_no_key_of_the_list_of_keys(owner, key):
    session, _ = start_session(actor=key, name="s")
    for act in (find_api_key, revoke_api_key):
        with pytest.raises(NotFound):
            act(actor=owner, key_id=session.id)
    assert [found.id for found in keys_created_by(actor=owner, user_id=owner.id)] == [key.id]


def test_sessions_are_listed_page_by_page_newest_first(owner, key):
    names = [start_session(actor=key, name=f"s{number}")[0].name for number in range(5)]
    first = sessions_of(actor=key, limit=3)
    second = sessions_of(actor=key, limit=3, cursor=first.next_cursor)
    assert [row.name for row in first.items + second.items] == names[::-1]
    assert second.next_cursor is None
    with pytest.raises(Invalid):
        sessions_of(actor=key, cursor="x")


def test_calls_of_a_session_count_for_its_key_as_well(key):
    one, two = (actor_of(start_session(actor=key, name=name)[1]) for name in ("one", "two"))
    for actor in (one, one, two, two, key):
        count_call(actor)
    with pytest.raises(RateLimited, match="The API key of this session has reached its limit of 5 calls per minute"):
        count_call(one)
    with pytest.raises(RateLimited, match="This API key has reached"):
        count_call(key)


def test_calls_at_once_of_sessions_count_for_their_key(key):
    bounds = SessionBounds(max_concurrent=6)
    one, two = (actor_of(start_session(actor=key, name=name, bounds=bounds)[1]) for name in ("one", "two"))
    held = [one] * 6 + [two] * 4
    for actor in held:
        CONCURRENT_CALLS.acquire(actor)
    for actor, sentence in ((one, "This session has reached its limit of 6"), (two, "The API key of this session")):
        with pytest.raises(RateLimited, match=sentence):
            CONCURRENT_CALLS.acquire(actor)
    for actor in held:
        CONCURRENT_CALLS.release(actor)
    assert not CONCURRENT_CALLS._counts


def test_value_among_the_arguments_of_a_session_counts_against_its_key(key):
    _, text = start_session(actor=key, name="s")
    assert count_secret_in_arguments(actor=actor_of(text), integration="CRM", at_once=True)
    with pytest.raises(Unauthenticated, match="suspended"):
        actor_of(text)
    assert ApiKey.objects.get(parent=None).suspended_at


def test_ended_sessions_are_forgotten_after_some_days(key):
    old, stopped, current = (start_session(actor=key, name=name)[0] for name in ("old", "stopped", "current"))
    ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(days=8))
    ApiKey.objects.filter(pk=stopped.pk).update(revoked_at=timezone.now() - timedelta(days=8))
    ApiKey.objects.filter(pk=key.id).update(expires_at=timezone.now() - timedelta(days=8))
    assert forget_ended() == 2
    assert set(ApiKey.objects.values_list("pk", flat=True)) == {key.id, current.pk}


def test_database_holds_that_a_session_ends(key):
    session, _ = start_session(actor=key, name="s")
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.filter(pk=session.pk).update(expires_at=None)


def test_database_holds_that_a_session_belongs_to_a_key_of_its_organization(key, outsider):
    session, _ = start_session(actor=key, name="s")
    other, _ = start_session(actor=key, name="other")
    for wrong in ({"organization": outsider.organization.pk}, {"parent": other.pk}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiKey.objects.filter(pk=session.pk).update(**wrong)
            connection.check_constraints()
