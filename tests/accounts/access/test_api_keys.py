"""API keys: their text, what is stored of them, and that every key which is no good is no good in the same way."""

import hashlib
import zlib
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.access.api_keys import create_api_key, revoke_api_key
from accounts.access.callers import PresentedKey, actor_of_key, actors_of_keys
from accounts.access.key_text import ALPHABET, LENGTH, checksum, new_key, read_key
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.errors import Invalid, NotFound, PermissionDenied, Unauthenticated
from accounts.models import ApiKey, AuditEvent
from accounts.policy import Permission, Scope


@pytest.fixture
def key(owner):
    """A key and its text."""
    return create_api_key(
        actor=owner,
        name=" voice agent ",
        scopes=[Scope.RUN, Scope.SECRETS_READ],
        environments=[Environment.STAGING],
        integrations=[uuid4()],
    )


def test_text_has_the_published_form():
    text = new_key().text
    assert len(text) == LENGTH == 64
    assert text.startswith("cof_")
    assert set(text[4:]) <= set(ALPHABET)
    assert checksum(text[:-6]) == text[-6:]


def test_checksum_is_the_crc_in_base_62():
    number = 0
    for digit in checksum("cof_"):
        number = number * 62 + ALPHABET.index(digit)
    assert number == zlib.crc32(b"cof_")


def test_two_keys_differ():
    assert new_key().text != new_key().text


def mistyped(text):
    return text[:20] + ("a" if text[20] != "a" else "b") + text[21:]


@pytest.mark.parametrize(
    "damage",
    [
        mistyped,
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text.replace("cof_", "COF_"),
        lambda text: "",
        lambda text: text[:30] + "-" + text[31:],
        lambda text: text[:30] + "\u00e9" + text[31:],
        lambda text: " " + text[:-1],
    ],
)
def test_a_typo_is_seen_without_a_look_up(damage):
    assert read_key(damage(new_key().text)) is None


def test_key_text_does_not_show_itself():
    key = new_key()
    assert key.text not in repr(key)


def test_only_the_digest_and_the_prefix_are_stored(key):
    stored, text = key
    stored.refresh_from_db()
    assert bytes(stored.digest) == hashlib.sha256(text.text.encode()).digest()
    assert stored.prefix == text.text[:15]
    secret = text.text[15:]
    assert all(secret not in str(getattr(stored, field.attname)) for field in ApiKey._meta.concrete_fields)


def test_creation_is_on_record_without_the_secret_part(key):
    stored, text = key
    event = AuditEvent.objects.get(event="api_key.created")
    assert (event.target_id, event.target_label) == (stored.id, "voice agent")
    assert event.data == {
        "prefix": stored.prefix,
        "scopes": ["run", "secrets.read"],
        "environments": ["staging"],
        "integrations": stored.integrations,
        "secrets": None,
        "expires_at": None,
        "max_concurrent": 100,
        "max_per_minute": None,
    }
    assert text.text[15:] not in str(event.data)


def test_actor_of_a_key_carries_its_bounds(key, organization):
    stored, text = key
    actor = actor_of_key(text.text, address="192.0.2.7")
    assert (actor.id, actor.label, actor.organization) == (stored.id, "API key voice agent", organization)
    assert actor.permissions == {Permission.INTEGRATIONS_RUN, Permission.SECRETS_BROWSE, Permission.SECRETS_READ}
    assert actor.environments == {Environment.STAGING}
    assert {str(item) for item in actor.integrations} == set(stored.integrations)
    assert actor.address == "192.0.2.7"


def refusal_of(text):
    with pytest.raises(Unauthenticated) as refusal:
        actor_of_key(text, address=None)
    return (refusal.value.status, refusal.value.code, refusal.value.detail)


def test_unknown_expired_revoked_and_forged_keys_are_refused_alike(key):
    stored, text = key
    forged = text.text[:15] + new_key().text[15:-6]
    answers = [refusal_of("not a key"), refusal_of(new_key().text), refusal_of(forged + checksum(forged))]
    ApiKey.objects.filter(pk=stored.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    answers.append(refusal_of(text.text))
    ApiKey.objects.filter(pk=stored.pk).update(expires_at=None, revoked_at=timezone.now())
    answers.append(refusal_of(text.text))
    assert set(answers) == {(401, "unauthenticated", "Send a valid API key: Authorization: Bearer cof_…")}


def test_requests_with_the_same_key_get_an_actor_or_a_refusal_of_their_own(key, owner):
    made, text = key
    other, _ = create_api_key(actor=owner, name="other", scopes=[Scope.RUN], environments=[Environment.STAGING])
    forged = other.prefix + text.text[15:-6]
    forged += checksum(forged)
    presented = [PresentedKey(text.text, "192.0.2.1"), PresentedKey(text.text, "192.0.2.2"), PresentedKey("cof_", None)]
    presented += [PresentedKey(forged, "192.0.2.1"), presented[0], PresentedKey("cof_", None)]
    first, second, *bad, again, worse = actors_of_keys(presented)
    assert [(actor.id, actor.address) for actor in (first, second, again)] == [
        (made.id, "192.0.2.1"), (made.id, "192.0.2.2"), (made.id, "192.0.2.1")
    ]  # fmt: skip
    assert [type(refusal) for refusal in (*bad, worse)] == [Unauthenticated] * 3
    assert bad[0] is not worse  # each gets the id of its own run
    revoke_api_key(actor=owner, key_id=made.id)
    assert {type(refusal) for refusal in actors_of_keys(presented)} == {Unauthenticated}


def test_key_works_until_it_expires(key):
    stored, text = key
    ApiKey.objects.filter(pk=stored.pk).update(expires_at=timezone.now() + timedelta(minutes=1))
    assert actor_of_key(text.text, address=None).id == stored.id


def test_last_use_is_stamped_once_a_minute(key):
    _, text = key
    actor_of_key(text.text, address=None)
    first = ApiKey.objects.get().last_used_at
    actor_of_key(text.text, address=None)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    actor_of_key(text.text, address=None)
    assert ApiKey.objects.get().last_used_at >= first


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "n" * 81}),
        ("name", {"name": "a\0b"}),
        ("scopes", {"scopes": []}),
        ("environments", {"environments": []}),
    ],
)
def test_a_key_needs_name_scope_and_environment(owner, field, given):
    with pytest.raises(Invalid) as refusal:
        create_api_key(actor=owner, **{"name": "k", "scopes": [Scope.RUN], "environments": ALL_ENVIRONMENTS, **given})
    assert [error.field for error in refusal.value.errors] == [field]
    assert not ApiKey.objects.exists()


def test_revoked_key_ends_at_once_and_for_good(key, owner):
    stored, text = key
    first = revoke_api_key(actor=owner, key_id=stored.id).revoked_at
    assert refusal_of(text.text)[0] == 401
    assert revoke_api_key(actor=owner, key_id=stored.id).revoked_at == first
    assert AuditEvent.objects.filter(event="api_key.revoked").count() == 1


def test_nobody_else_revokes_a_key(key, member, outsider):
    stored, text = key
    for actor, expected in ((member, PermissionDenied), (outsider, NotFound)):
        with pytest.raises(expected):
            revoke_api_key(actor=actor, key_id=stored.id)
    assert actor_of_key(text.text, address=None).id == stored.id


def test_member_makes_no_key(member):
    with pytest.raises(PermissionDenied):
        create_api_key(actor=member, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)
