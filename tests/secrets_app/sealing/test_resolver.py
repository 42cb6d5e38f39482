"""The resolver: a value that does not belong to its place does not open, and is marked from then on."""

import pytest

from accounts.common.environments import Environment
from accounts.models import AuditEvent
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.inventory import inventory
from secrets_app.models import OrganizationKey, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring, resolver
from tests.support.things import VALUE, make_action, store_secret

pytestmark = pytest.mark.django_db

D, S, P = Environment


def open_in(actor, environment, *names):
    found = resolver.find(actor.organization, names, environment)
    return {name: value.expose() for name, value in resolver.open_values(found, actor=actor).items()}


def value_in(secret, environment):
    return SecretValue.objects.current().get(secret=secret, environment=environment.value)


def put(secret, environment, **columns):
    SecretValue.objects.current().filter(secret=secret, environment=environment.value).update(**columns)


def test_value_of_the_environment_is_opened_and_no_other(owner):
    secret = store_secret(owner)
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={S: Plaintext("value-for-staging")}))
    assert open_in(owner, S, "crm.apiKey") == {"crm.apiKey": "value-for-staging"}
    assert open_in(owner, P, "crm.apiKey") == {"crm.apiKey": VALUE}


def test_environments_never_fall_back_to_one_another(owner):
    store_secret(owner, environments=[D, P])
    assert resolver.find(owner.organization, ["crm.apiKey"], S)["crm.apiKey"].value is None
    with pytest.raises(resolver.Unreadable):
        open_in(owner, S, "crm.apiKey")


def test_name_is_exact_and_of_this_organization(owner, outsider):
    store_secret(owner)
    for actor, name in ((owner, "crm.apikey"), (owner, "crm"), (outsider, "crm.apiKey")):
        assert resolver.find(actor.organization, [name], S) == {name: resolver.FoundSecret(None, None)}


@pytest.mark.parametrize("number", [1, 3])
def test_look_up_takes_one_query_and_two_where_a_value_is_missing(owner, number, django_assert_num_queries):
    names = [store_secret(owner, f"secret{index}").name for index in range(number)]
    store_secret(owner, "empty", environments=[P])
    with django_assert_num_queries(1):
        assert len(resolver.find(owner.organization, names, S)) == number
    with django_assert_num_queries(2):
        found = resolver.find(owner.organization, [*names, "empty", "nothing"], S)
    assert (found["empty"].secret.name, found["empty"].value) == ("empty", None)
    assert found["nothing"] == resolver.FoundSecret(None, None)
    assert all(found[name].value for name in names)


def other_secret(owner, outsider, secret):
    return store_secret(owner, "other"), S, value_in(secret, S)


def other_environment(owner, outsider, secret):
    return secret, P, value_in(secret, S)


def other_organization(owner, outsider, secret):
    return store_secret(outsider), S, value_in(secret, S)


@pytest.mark.parametrize("place", [other_secret, other_environment, other_organization])
@pytest.mark.parametrize("with_key", [True, False])
def test_sealed_row_does_not_open_elsewhere(owner, outsider, place, with_key):
    secret, environment, copied = place(owner, outsider, store_secret(owner))
    put(secret, environment, sealed=copied.sealed, **({"data_key": copied.data_key} if with_key else {}))
    actor = outsider if place is other_organization else owner
    with pytest.raises(resolver.Unreadable):
        open_in(actor, environment, secret.name)


def test_sealed_row_does_not_open_as_another_version(owner):
    secret = store_secret(owner)
    put(secret, S, version=2)
    with pytest.raises(resolver.Unreadable):
        open_in(owner, S, "crm.apiKey")


def test_old_sealed_bytes_do_not_pass_for_the_new_version(owner):
    secret = store_secret(owner)
    old = bytes(value_in(secret, S).sealed)
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={S: Plaintext("second-value")}))
    put(secret, S, sealed=old)
    with pytest.raises(resolver.Unreadable):
        open_in(owner, S, "crm.apiKey")


@pytest.mark.parametrize("position", [0, 3, 4, 20, 52, 84, 96, -17, -1])
def test_flipped_bit_does_not_open(owner, position):
    secret = store_secret(owner)
    sealed = bytearray(value_in(secret, S).sealed)
    sealed[position] ^= 1
    put(secret, S, sealed=bytes(sealed))
    with pytest.raises(resolver.Unreadable):
        open_in(owner, S, "crm.apiKey")


@pytest.mark.parametrize("sealed", [b"", b"CF2", b"plain text", b"\0" * 200])
def test_garbage_does_not_open(owner, sealed):
    put(store_secret(owner), S, sealed=sealed)
    with pytest.raises(resolver.Unreadable):
        open_in(owner, S, "crm.apiKey")


def test_wrap_of_another_organization_does_not_open(owner, outsider):
    store_secret(owner)
    store_secret(outsider)
    foreign = OrganizationKey.objects.get(organization=outsider.organization)
    OrganizationKey.objects.filter(organization=owner.organization).update(wrapped=foreign.wrapped)
    with pytest.raises(resolver.Unreadable):
        open_in(owner, S, "crm.apiKey")


def test_value_that_fails_is_marked_on_record_and_missing(owner):
    secret = store_secret(owner)
    make_action(owner, environments=[S])
    put(secret, S, sealed=bytes(value_in(secret, P).sealed))
    with pytest.raises(resolver.Unreadable):
        open_in(owner, S, "crm.apiKey")
    row = inventory.one(owner.organization, secret.id)
    assert (row.status, row.states["staging"], row.states["production"]) == ("missing", "unreadable", "set")
    event = AuditEvent.objects.get(event="secret.unreadable")
    assert (event.target_id, event.environment, event.data) == (secret.id, "staging", {})


def test_copy_and_original_both_stay_missing_until_a_new_value(owner):
    victim, other = store_secret(owner, "victim"), store_secret(owner, "other")
    sealed = {secret: bytes(value_in(secret, S).sealed) for secret in (victim, other)}
    put(victim, S, sealed=sealed[other])
    put(other, S, sealed=sealed[victim])
    for name in ("victim", "other"):
        with pytest.raises(resolver.Unreadable):
            open_in(owner, S, name)
    for secret in (victim, other):
        put(secret, S, sealed=sealed[secret])  # even with the right bytes back in place
        assert inventory.one(owner.organization, secret.id).status == "missing"
        with pytest.raises(resolver.Unreadable):
            open_in(owner, S, secret.name)
        update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={S: Plaintext("entered-again")}))
        assert inventory.one(owner.organization, secret.id).status == "active"
        assert open_in(owner, S, secret.name) == {secret.name: "entered-again"}


def test_value_is_marked_once(owner):
    put(store_secret(owner), S, sealed=b"CF2")
    found = resolver.find(owner.organization, ["crm.apiKey"], S)
    for _ in range(2):
        with pytest.raises(resolver.Unreadable):
            resolver.open_values(found, actor=owner)
    assert AuditEvent.objects.filter(event="secret.unreadable").count() == 1


def test_value_entered_meanwhile_is_not_marked(owner):
    secret = store_secret(owner)
    put(secret, S, sealed=b"CF2")
    found = resolver.find(owner.organization, ["crm.apiKey"], S)
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={S: Plaintext("entered-again")}))
    with pytest.raises(resolver.Unreadable):
        resolver.open_values(found, actor=owner)
    assert open_in(owner, S, "crm.apiKey") == {"crm.apiKey": "entered-again"}


def test_value_under_a_key_that_is_not_held_is_not_marked(owner):
    store_secret(owner)
    OrganizationKey.objects.update(master_key_id="another")
    with pytest.raises(resolver.Unreadable):
        open_in(owner, S, "crm.apiKey")
    assert not SecretValue.objects.filter(unreadable=True).exists()
    OrganizationKey.objects.update(master_key_id="test")
    assert open_in(owner, S, "crm.apiKey") == {"crm.apiKey": VALUE}


def test_one_value_that_fails_gives_none_at_all(owner):
    store_secret(owner, "good")
    put(store_secret(owner, "bad"), S, sealed=b"CF2")
    with pytest.raises(resolver.Unreadable) as problem:
        open_in(owner, S, "good", "bad")
    assert problem.value.name == "bad"
    assert problem.value.__cause__ is None


def test_failure_carries_nothing(owner):
    put(store_secret(owner), S, sealed=b"CF2")
    with pytest.raises(keyring.CannotOpen) as problem:
        keyring.unseal(SecretValue.objects.select_related("secret", "data_key").get(environment="staging"))
    assert problem.value.args == ()
