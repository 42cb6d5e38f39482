"""Asking for a secret: who may, what for, how often, and what becomes of it."""

import pytest
from django.db import DatabaseError, transaction

from accounts.actors import actor_for_key, actor_for_staff
from accounts.common.environments import Environment
from accounts.errors import Invalid, NotFound, PermissionDenied
from accounts.models import ApiKey, AuditEvent
from secrets_app.editing import deleting, secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.errors import RequestAnswered, TooManyRequests
from secrets_app.importing import apply
from secrets_app.models import SecretRequest
from secrets_app.plaintext import Plaintext
from secrets_app.requests import listing
from secrets_app.requests.answering import OPEN_AT_MOST, answer, ask, dismiss
from tests import factories
from tests.support.things import key_for, store_secret

pytestmark = pytest.mark.django_db

STAGING = Environment.STAGING


def asked(actor, name="insurance.apiKey", **more):
    return ask(actor=actor, **{"name": name, "environments": [STAGING], "why": "Eligibility checks"} | more)


def state_of(request):
    request.refresh_from_db()
    return request.state


# What works


def test_request_is_kept_and_recorded(owner, member):
    request = asked(member, environments=[Environment.PRODUCTION, STAGING], why=" Eligibility checks ")
    request.refresh_from_db()
    assert (request.name, request.why, request.state) == ("insurance.apiKey", "Eligibility checks", "open")
    assert request.environments == {STAGING, Environment.PRODUCTION}
    assert (request.asked_by, request.asked_by_id) == ("Jonas Weber", member.id)
    event = AuditEvent.objects.get(event="secret_request.made")
    assert (event.target_id, event.target_label) == (request.id, "insurance.apiKey")
    assert event.data == {"environments": ["staging", "production"]}
    assert listing.count_open(owner.organization) == 1


@pytest.mark.parametrize("name", ["insurance.apiKey", "Insurance.APIKEY"])
def test_creating_the_secret_answers_the_request(owner, member, name):
    request = asked(member)
    secret = store_secret(owner, name)
    assert state_of(request) == "answered"
    assert (request.secret, request.answered_by) == (secret, "Mara Lindqvist")
    event = AuditEvent.objects.get(event="secret_request.answered")
    assert (event.target_label, event.data) == ("insurance.apiKey", {"asked_by": "Jonas Weber"})
    assert listing.count_open(owner.organization) == 0


def test_secret_with_another_name_answers_the_request_that_it_was_made_for(owner, member):
    request, other = asked(member), asked(member, "other.key")
    secret = store_secret(owner, "insurance.prod.apiKey", for_request=request.id)
    assert (state_of(request), request.secret) == ("answered", secret)
    assert state_of(other) == "open"


def test_import_and_rename_answer_requests_too(owner, member):
    first, second = asked(member, "one.key"), asked(member, "two.key")
    apply.apply_import(actor=owner, environment=STAGING, text=Plaintext("one.key=one-value-0815"))
    secret = store_secret(owner, "three.key")
    secrets.update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(name="two.key"))
    assert (state_of(first), state_of(second)) == ("answered", "answered")
    assert second.secret_id == secret.id


def test_deleting_the_secret_keeps_the_answer(owner, member):
    request = asked(member)
    deleting.delete_secret(actor=owner, secret_id=store_secret(owner, "insurance.apiKey").id)
    assert (state_of(request), request.secret) == ("answered", None)


def test_dismissing_tells_the_reason_to_the_person_and_not_to_the_log(owner, member):
    request = asked(member)
    dismiss(actor=owner, request_id=request.id, reason="Use crm.apiKey")
    assert (state_of(request), request.reason) == ("dismissed", "Use crm.apiKey")
    event = AuditEvent.objects.get(event="secret_request.dismissed")
    assert event.data == {"asked_by": "Jonas Weber"}
    assert asked(member).state == "open"  # the name is free again


# Who may


def test_members_see_their_own_and_owners_all(owner, admin, member, organization):
    from accounts.actors import actor_for_member

    other = actor_for_member(factories.MembershipFactory(organization=organization))
    mine, theirs = asked(member), asked(other, "other.key")
    assert list(listing.visible_to(member)) == [mine]
    assert set(listing.visible_to(admin)) == set(listing.visible_to(owner)) == {mine, theirs}
    with pytest.raises(NotFound):
        listing.fetch(member, theirs.id)


def test_only_who_creates_secrets_dismisses(member):
    with pytest.raises(PermissionDenied):
        dismiss(actor=member, request_id=asked(member).id, reason="No")


def test_programs_and_staff_do_not_ask(owner):
    key_for(owner)
    key = ApiKey.objects.select_related("organization").get()
    for actor in (actor_for_key(key), actor_for_staff(factories.UserFactory(is_staff=True), owner.organization)):
        with pytest.raises(PermissionDenied):
            asked(actor)


def test_another_organization_has_its_own_requests(owner, outsider, member):
    request = asked(member)
    asked(outsider)
    with pytest.raises(NotFound):
        dismiss(actor=outsider, request_id=request.id, reason="No")
    store_secret(outsider, "insurance.apiKey", for_request=request.id)
    assert state_of(request) == "open"


# What is refused


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"name": "insurance key"}, "name", "insurance-key"),
        ({"name": ""}, "name", "Enter a name."),
        ({"name": "crm.APIKEY"}, "name", "There is a secret called crm.apiKey already. Use it by its reference."),
        ({"name": "Asked.key"}, "name", "Jonas Weber has already asked for asked.key."),
        ({"environments": []}, "environments", "Choose at least one environment."),
        ({"why": "  "}, "why", "Say what it is for."),
        ({"why": "x" * 501}, "why", "Use at most 500 characters."),
        ({"why": "a\0b"}, "why", "Remove NUL"),
    ],
)
def test_malformed_request_is_refused(owner, member, wrong, field, sentence):
    store_secret(owner)
    asked(member, "asked.key")
    with pytest.raises(Invalid) as refused:
        asked(owner, **wrong)
    assert [error.field for error in refused.value.errors] == [field]
    assert sentence in refused.value.errors[0].message
    assert SecretRequest.objects.count() == 1


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301, "a\0b"])
def test_dismissal_needs_a_reason(owner, member, reason):
    request = asked(member)
    with pytest.raises(Invalid):
        dismiss(actor=owner, request_id=request.id, reason=reason)
    assert state_of(request) == "open"


def test_one_person_has_so_many_open_ones_at_most(owner, member):
    for number in range(OPEN_AT_MOST):
        asked(member, f"key.number{number}")
    with pytest.raises(TooManyRequests):
        asked(member)
    asked(owner)
    store_secret(owner, "key.number0")
    assert asked(member, "one.more").state == "open"


def test_request_is_answered_once(owner, member):
    request = asked(member)
    store_secret(owner, "insurance.apiKey")
    with pytest.raises(RequestAnswered, match="by Mara Lindqvist"):
        dismiss(actor=owner, request_id=request.id, reason="No")
    with transaction.atomic():
        answer([store_secret(owner, "other.key")], actor=owner, request_id=request.id)
    assert (state_of(request), request.secret.name) == ("answered", "insurance.apiKey")


@pytest.mark.parametrize(
    "columns",
    [
        {"name": "not a name"},
        {"environments": frozenset()},
        {"state": "lost"},
        {"state": "answered"},
        {"name": "INSURANCE.apikey"},
    ],
)
def test_database_holds_what_must_always_hold(member, columns):
    asked(member)
    with pytest.raises(DatabaseError), transaction.atomic():
        factories.SecretRequestFactory(organization=member.organization, **columns)


# Paging


def test_pages_meet_and_do_not_overlap(owner, member):
    for number in range(5):
        asked(member, f"key.number{number}")
    SecretRequest.objects.update(created_at=SecretRequest.objects.first().created_at)
    store_secret(owner, "key.number2")
    seen, cursor = [], ""
    while cursor is not None:
        page = listing.page(owner, "open", cursor=cursor, limit=2)
        seen += [request.name for request in page.items]
        cursor = page.next_cursor
    assert sorted(seen) == ["key.number0", "key.number1", "key.number3", "key.number4"]
    assert [request.name for request in listing.page(member, "closed", cursor="").items] == ["key.number2"]


@pytest.mark.parametrize("cursor", ["x", "WyJhIiwiYiJd", "WyIyMDI2LTExLTIwIiwiYiJd"])
def test_malformed_cursor_is_refused(owner, cursor):
    with pytest.raises(Invalid):
        listing.page(owner, "", cursor=cursor)
