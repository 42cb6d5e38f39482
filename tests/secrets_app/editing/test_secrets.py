"""The life of a secret through its services: what works, who may not, what is refused; nothing is half-saved."""

from uuid import uuid4

import pytest

from accounts.actors import actor_for_command, actor_for_staff
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.errors import EditConflict, Invalid, NotFound, PermissionDenied
from accounts.models import AuditEvent
from secrets_app.editing.deleting import delete_secret
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import create_secret, set_enabled, update_secret
from secrets_app.errors import SecretInUse, ValueRequired, ValueTooShort
from secrets_app.models import Secret, SecretValue
from secrets_app.plaintext import Plaintext
from tests import factories
from tests.support.databases.stored_values import stored_values
from tests.support.things import VALUE, make_action, store_secret

pytestmark = pytest.mark.django_db

D, S, P = Environment


def change(actor, secret, expected_version=None, **changes):
    changes = SecretChanges(**changes)
    return update_secret(actor=actor, secret_id=secret.id, changes=changes, expected_version=expected_version)


def test_value_of_each_environment_is_sealed_on_its_own(owner):
    values = {D: Plaintext("value-for-development"), P: Plaintext("value-for-production")}
    secret = create_secret(actor=owner, name="crm.apiKey", values=values, description="CRM")
    assert stored_values(secret) == {D: (1, "value-for-development"), P: (1, "value-for-production")}
    sealed = [bytes(row.sealed) for row in SecretValue.objects.all()]
    assert len({blob[20:52] for blob in sealed}) == 2
    assert not any(b"value-for" in blob for blob in sealed)


def test_one_value_for_all_is_three_sealed_values_of_one_entry(owner):
    secret = store_secret(owner, entered_once=True)
    rows = list(SecretValue.objects.filter(secret=secret))
    assert len({row.entered_once for row in rows}) == 1
    assert rows[0].entered_once is not None
    assert len({bytes(row.sealed) for row in rows}) == 3
    assert {row.created_by for row in rows} == {"Mara Lindqvist"}


def test_secret_without_value_can_be_created(owner):
    secret = create_secret(actor=owner, name="later")
    assert (stored_values(secret), secret.version, secret.enabled) == ({}, 1, True)


def test_creation_is_on_record_without_value(owner):
    secret = store_secret(owner, environments=[S], allowed_domains=["API.example.com"])
    event = AuditEvent.objects.get()
    assert (event.event, event.target_id, event.target_label) == ("secret.created", secret.id, "crm.apiKey")
    assert event.data == {"values": ["staging"], "domains": ["api.example.com"]}


def test_new_value_replaces_and_destroys_the_old_bytes(owner):
    secret = store_secret(owner)
    change(owner, secret, values={S: Plaintext("second-value")})
    assert stored_values(secret)[S] == (2, "second-value")
    old = SecretValue.objects.get(secret=secret, environment="staging", version=1)
    assert (old.state, old.sealed) == ("destroyed", None)


def test_field_left_out_keeps_and_none_removes(owner):
    secret = store_secret(owner)
    change(owner, secret, description="only this", values={P: None})
    assert stored_values(secret) == {D: (1, VALUE), S: (1, VALUE)}
    assert SecretValue.objects.get(secret=secret, environment="production").sealed is None


def test_version_of_a_removed_value_is_not_used_again(owner):
    secret = store_secret(owner, environments=[S])
    change(owner, secret, values={S: None})
    change(owner, secret, values={S: Plaintext("second-value")})
    assert stored_values(secret) == {S: (2, "second-value")}


def test_the_mask_is_a_value_like_any_other(owner):
    secret = store_secret(owner)
    change(owner, secret, values={S: Plaintext("********")})
    assert stored_values(secret)[S] == (2, "********")


def test_edit_that_changes_nothing_writes_nothing(owner):
    secret = store_secret(owner, description="CRM", allowed_domains=["a.example.com", "b.example.com"])
    events = AuditEvent.objects.count()
    change(owner, secret, description="CRM", enabled=True, allowed_domains=["b.example.com", "A.EXAMPLE.com"])
    secret.refresh_from_db()
    assert (secret.version, AuditEvent.objects.count()) == (1, events)
    assert secret.allowed_domains == ["a.example.com", "b.example.com"]


def test_edit_names_changed_fields_and_no_value(owner):
    secret = store_secret(owner)
    change(owner, secret, description="new", rotate_every_days=90, values={S: Plaintext("second-value"), P: None})
    event = AuditEvent.objects.get(event="secret.changed")
    fields, values = ["description", "rotate_every_days"], ["staging", "production"]
    assert event.data == {"fields": fields, "values": values, "version": 2}


def test_rotation_interval_can_be_taken_away(owner):
    secret = store_secret(owner, rotate_every_days=90)
    assert change(owner, secret, stop_rotation=True).rotate_every_days is None
    assert change(owner, secret, description="x").rotate_every_days is None


@pytest.mark.parametrize("given", [{}, {S: Plaintext("second-value")}, {D: Plaintext("second-value"), S: None}])
def test_change_of_domains_demands_a_new_value_for_each_that_exists(owner, given):
    secret = store_secret(owner, environments=[D, S], allowed_domains=["api.example.com"])
    if len(given) == 2:
        assert change(owner, secret, allowed_domains=[], values=given).allowed_domains == []
        return
    with pytest.raises(ValueRequired) as refusal:
        change(owner, secret, allowed_domains=["evil.example.com"], values=given)
    wanted = [environment for environment in (D, S) if environment not in given]
    assert [error.field for error in refusal.value.errors] == [f"values.{e.value}" for e in wanted]
    secret.refresh_from_db()
    assert (secret.allowed_domains, secret.version) == (["api.example.com"], 1)
    assert stored_values(secret) == {D: (1, VALUE), S: (1, VALUE)}


def test_change_of_domains_destroys_staged_and_previous_values(owner):
    secret = store_secret(owner, environments=[S])
    factories.SecretValueFactory(secret=secret, version=7, staged=True)
    factories.SecretValueFactory(secret=secret, version=8, previous=True)
    change(owner, secret, allowed_domains=["new.example.com"], values={S: Plaintext("second-value")})
    assert set(SecretValue.objects.exclude(state="current").values_list("state", "sealed")) == {("destroyed", None)}


def test_change_of_domains_is_on_record_with_the_new_ones(owner):
    secret = store_secret(owner, environments=[])
    change(owner, secret, allowed_domains=["*.Example.com"])
    assert AuditEvent.objects.get(event="secret.changed").data["domains"] == ["*.example.com"]


BAD_VALUES = {
    "too short": ("seven77", "value_too_short"),
    "over 64 KiB": ("x" * 65_537, "invalid"),
    "over 64 KiB in bytes": ("é" * 32_769, "invalid"),
    "NUL": ("with\0inside", "invalid"),
    "lone surrogate": ("with\ud800inside", "invalid"),
    "empty": ("", "invalid"),
}


@pytest.mark.parametrize(("text", "code"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_bad_value_saves_nothing_at_all(owner, text, code):
    secret = store_secret(owner)
    values = {D: Plaintext("a-good-value"), S: Plaintext(text)}
    for act in (
        lambda: create_secret(actor=owner, name="new", values=values),
        lambda: change(owner, secret, description="new", values=values),
    ):
        with pytest.raises(Invalid) as refusal:
            act()
        assert refusal.value.code == code
        assert [error.field for error in refusal.value.errors] == ["values.staging"]
        assert not text or text not in str(refusal.value.errors)
    assert list(Secret.objects.values_list("name", "description")) == [("crm.apiKey", "")]
    assert stored_values(secret) == dict.fromkeys(Environment, (1, VALUE))


def test_short_value_is_taken_when_somebody_says_so(owner):
    secret = create_secret(actor=owner, name="pin", values={S: Plaintext("1234")}, allow_short=True)
    assert stored_values(secret) == {S: (1, "1234")}


def test_largest_value_comes_back_whole(owner):
    text = "é" * 32_768
    assert stored_values(create_secret(actor=owner, name="big", values={S: Plaintext(text)})) == {S: (1, text)}


def test_value_is_never_trimmed(owner):
    text = "  spaces and a line break \r\n"
    assert stored_values(create_secret(actor=owner, name="raw", values={S: Plaintext(text)})) == {S: (1, text)}


@pytest.mark.parametrize("name", ["", "1st", "has space", "slash/ed", "n" * 129, "naïve", "a\n", "-a", "a{b}"])
def test_bad_name_is_refused(owner, name):
    with pytest.raises(Invalid) as refusal:
        create_secret(actor=owner, name=name)
    assert [error.field for error in refusal.value.errors] == ["name"]
    assert not Secret.objects.exists()


@pytest.mark.parametrize("name", ["crm.apiKey", "CRM.APIKEY", "crm.apikey"])
def test_name_is_taken_in_any_case(owner, name):
    store_secret(owner)
    with pytest.raises(Invalid, match="not saved") as refusal:
        create_secret(actor=owner, name=name)
    assert "called crm.apiKey already" in refusal.value.errors[0].message


def test_name_taken_at_the_same_moment_is_a_refusal(owner, monkeypatch):
    store_secret(owner)
    monkeypatch.setattr("secrets_app.validation.fields.Problems.check_name", lambda *_: None)
    with pytest.raises(Invalid) as refusal:
        store_secret(owner, "CRM.apikey")
    assert [error.field for error in refusal.value.errors] == ["name"]
    assert Secret.objects.count() == 1


def test_other_organization_may_use_the_same_name(owner, outsider):
    assert store_secret(owner).name == store_secret(outsider).name


BAD_FIELDS = {
    "description": {"description": "d" * 501},
    "rotate_every_days": {"rotate_every_days": 0},
    "allowed_domains[1]": {"allowed_domains": ["fine.example.com", "*"]},
}


@pytest.mark.parametrize(("field", "given"), BAD_FIELDS.items(), ids=BAD_FIELDS)
def test_bad_field_is_named(owner, field, given):
    secret = store_secret(owner, environments=[])
    for act in (
        lambda: create_secret(actor=owner, name="new", **given),
        lambda: change(owner, secret, **given),
    ):
        with pytest.raises(Invalid) as refusal:
            act()
        assert [error.field for error in refusal.value.errors] == [field]
    assert (Secret.objects.get().version, Secret.objects.count()) == (1, 1)


def test_all_problems_are_told_at_once(owner):
    with pytest.raises(Invalid) as refusal:
        create_secret(actor=owner, name="1", description="a\0b", values={S: Plaintext("short")}, rotate_every_days=0)
    fields = [error.field for error in refusal.value.errors]
    assert fields == ["name", "description", "rotate_every_days", "values.staging"]
    assert not isinstance(refusal.value, ValueTooShort)


def test_stale_edit_is_told_and_changes_nothing(owner):
    secret = store_secret(owner)
    change(owner, secret, expected_version=1, values={S: Plaintext("second-value")})
    with pytest.raises(EditConflict):
        change(owner, secret, expected_version=1, description="stale")
    secret.refresh_from_db()
    assert (secret.version, secret.description) == (2, "")
    assert stored_values(secret)[S] == (2, "second-value")


def test_stale_object_does_not_bring_an_old_value_back(owner):
    secret = store_secret(owner)
    stale = Secret.objects.get(pk=secret.pk)
    change(owner, secret, values={S: Plaintext("second-value")})
    change(owner, stale, description="renamed")
    assert stored_values(secret)[S] == (2, "second-value")


def test_switching_off_and_on(owner):
    secret = store_secret(owner)
    assert set_enabled(actor=owner, secret_id=secret.id, enabled=False).version == 2
    assert set_enabled(actor=owner, secret_id=secret.id, enabled=False).version == 2
    assert set_enabled(actor=owner, secret_id=secret.id, enabled=True).enabled
    events = AuditEvent.objects.order_by("sequence").values_list("event", flat=True)
    assert list(events) == ["secret.created", "secret.disabled", "secret.enabled"]


def test_staff_switch_off_but_not_on(owner, organization):
    secret, staff = store_secret(owner), actor_for_staff(factories.UserFactory(), organization)
    assert not set_enabled(actor=staff, secret_id=secret.id, enabled=False).enabled
    with pytest.raises(PermissionDenied):
        set_enabled(actor=staff, secret_id=secret.id, enabled=True)


def test_unused_secret_is_deleted_with_its_values(owner):
    secret = store_secret(owner)
    delete_secret(actor=owner, secret_id=secret.id)
    assert not Secret.objects.exists()
    assert not SecretValue.objects.exists()
    event = AuditEvent.objects.get(event="secret.deleted")
    assert (event.target_id, event.target_label, event.data) == (secret.id, "crm.apiKey", {})


def test_used_secret_is_not_deleted_and_the_uses_are_listed(owner):
    secret = store_secret(owner)
    make_action(owner, "B", enabled=False)
    make_action(owner, "A")
    with pytest.raises(SecretInUse, match="used by 2 references") as refusal:
        delete_secret(actor=owner, secret_id=secret.id)
    assert [row.integration.name for row in refusal.value.references] == ["A", "B"]
    assert stored_values(secret) == dict.fromkeys(Environment, (1, VALUE))


def test_reference_added_at_the_same_moment_keeps_the_secret(owner, monkeypatch):
    secret = store_secret(owner)
    make_action(owner)
    monkeypatch.setattr("secrets_app.editing.deleting._refuse_if_used", lambda secret: None)
    with pytest.raises(SecretInUse, match="just now"):
        delete_secret(actor=owner, secret_id=secret.id)
    assert Secret.objects.exists()


ACTS = {
    "create": lambda actor, secret: store_secret(actor, "another", environments=[S]),
    "edit": lambda actor, secret: change(actor, secret, values={S: Plaintext("second-value")}),
    "enable": lambda actor, secret: set_enabled(actor=actor, secret_id=secret.id, enabled=True),
    "disable": lambda actor, secret: set_enabled(actor=actor, secret_id=secret.id, enabled=False),
    "delete": lambda actor, secret: delete_secret(actor=actor, secret_id=secret.id),
}


@pytest.mark.parametrize("act", ACTS)
def test_member_may_do_nothing(owner, member, act):
    secret = store_secret(owner)
    with pytest.raises(PermissionDenied):
        ACTS[act](member, secret)
    assert list(Secret.objects.values_list("name", "version", "enabled")) == [("crm.apiKey", 1, True)]


@pytest.mark.parametrize("act", [name for name in ACTS if name != "create"])
def test_secret_of_another_organization_does_not_exist(owner, outsider, act):
    secret = store_secret(owner)
    with pytest.raises(NotFound):
        ACTS[act](outsider, secret)
    assert list(Secret.objects.values_list("name", "version", "enabled")) == [("crm.apiKey", 1, True)]


def test_unknown_secret_does_not_exist(owner):
    with pytest.raises(NotFound):
        delete_secret(actor=owner, secret_id=uuid4())


@pytest.fixture
def bounded(organization):
    """An actor who may do everything, in Staging alone."""
    everything = actor_for_command(organization, "test")
    return type(everything)(
        kind=everything.kind,
        id=None,
        label="bounded",
        organization=organization,
        permissions=everything.permissions,
        environments=frozenset({S}),
    )


@pytest.mark.parametrize("act", ["create", "edit", "delete"])
@pytest.mark.parametrize("where", [{S}, ALL_ENVIRONMENTS])
def test_environments_of_a_key_bound_every_act_on_values(owner, bounded, act, where):
    secret = store_secret(owner, environments=where)
    acts = {
        "create": lambda: store_secret(bounded, "another", environments=where),
        "edit": lambda: change(bounded, secret, values={e: Plaintext("second-value") for e in where}),
        "delete": lambda: delete_secret(actor=bounded, secret_id=secret.id),
    }
    if where == {S}:
        acts[act]()
        return
    with pytest.raises(PermissionDenied, match="may not act in"):
        acts[act]()
    assert stored_values(secret) == dict.fromkeys(Environment, (1, VALUE))


def test_removing_a_value_outside_the_keys_environments_is_refused(owner, bounded):
    secret = store_secret(owner)
    with pytest.raises(PermissionDenied):
        change(bounded, secret, values={P: None})
    assert stored_values(secret)[P] == (1, VALUE)
