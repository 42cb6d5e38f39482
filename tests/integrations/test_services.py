"""The life of an integration: what is derived from it, what is refused, and that nothing is half-saved."""

from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.errors import EditConflict, Invalid, NotFound, PermissionDenied
from accounts.models import AuditEvent
from integrations.editing.integrations import Changes, create_integration, delete_integration, update_integration
from integrations.egress import configuration
from integrations.errors import IntegrationInUse
from integrations.models import Integration, Run, SecretReference
from secrets_app.editing.secrets import set_enabled
from tests.things import BASE_URL, make_action, make_connector, store_secret

pytestmark = pytest.mark.django_db

D, S, P = Environment


def change(actor, integration, expected_version=None, **changes):
    changes = Changes(**changes)
    return update_integration(
        actor=actor, integration_id=integration.id, changes=changes, expected_version=expected_version
    )


def references(integration):
    """(slot, name, bound to a secret, live in) of every reference."""
    rows = SecretReference.objects.filter(integration=integration)
    return sorted((row.slot, row.name, row.secret_id is not None, sorted(row.needed_in)) for row in rows)


def config(**parts):
    return {"base_url": BASE_URL, "method": "POST", **parts}


EVERYWHERE = config(
    path="/{secrets.a}/x",
    headers=[{"name": "X-Key", "value": "{secrets.b}-{secrets.c}"}],
    query=[{"name": "q", "value": "{secrets.a}"}],
    body={"type": "json", "content": '{"k": "{secrets.d}", "l": ["{secrets.d}", "{secrets.a}"]}'},
    check={"method": "GET", "path": "/{secrets.a}"},
)


def test_references_are_derived_from_every_slot(owner):
    store_secret(owner, "a")
    action = create_integration(actor=owner, kind="api_action", name="All", config=EVERYWHERE, environments=[S])
    assert references(action) == [
        ("body", "a", True, ["staging"]),
        ("body", "d", False, ["staging"]),
        ("check.path", "a", True, ["staging"]),
        ("headers.X-Key", "b", False, ["staging"]),
        ("headers.X-Key", "c", False, ["staging"]),
        ("path", "a", True, ["staging"]),
        ("query.q", "a", True, ["staging"]),
    ]


def test_new_integration_runs_nowhere_until_told(owner):
    action = create_integration(actor=owner, kind="api_action", name="A", config=config())
    assert (action.environments, action.enabled, action.version) == (frozenset(), True, 1)


def test_edit_derives_again_and_keeps_rows_that_stay(owner):
    store_secret(owner)
    action = make_action(owner, query=[{"name": "key", "value": "{secrets.gone}"}])
    kept = SecretReference.objects.get(slot="headers.Authorization")
    headers = [
        {"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"},
        {"name": "X", "value": "{secrets.new}"},
    ]
    change(owner, action, config=config(headers=headers))
    assert references(action) == [
        ("headers.Authorization", "crm.apiKey", True, ["staging"]),
        ("headers.X", "new", False, ["staging"]),
    ]
    assert SecretReference.objects.get(slot="headers.Authorization").pk == kept.pk


def test_switches_change_where_references_are_live(owner):
    action, found = make_action(owner), []
    for changes in ({"environments": [P, D]}, {"enabled": False}, {"enabled": True, "environments": []}):
        change(owner, action, **changes)
        found.append(references(action)[0][3])
    assert found == [["development", "production"], [], []]


def test_waiting_names_are_bound_when_the_secret_comes(owner, outsider):
    mine, theirs = make_action(owner), make_action(outsider)
    other_case = make_action(owner, "Other case", uses="crm.apikey")
    store_secret(owner)
    assert [references(action)[0][2] for action in (mine, theirs, other_case)] == [True, False, False]


def test_new_reference_to_a_disabled_secret_is_refused(owner):
    set_enabled(actor=owner, secret_id=store_secret(owner).id, enabled=False)
    with pytest.raises(Invalid) as refusal:
        make_action(owner)
    assert [error.field for error in refusal.value.errors] == ["config.headers[0].value"]
    assert not Integration.objects.exists()


def test_present_reference_to_a_disabled_secret_stays(owner):
    secret, action = store_secret(owner), make_action(owner)
    set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    change(owner, action, name="Renamed", config={**action.config, "path": "/other"})
    assert references(action)[0][:3] == ("headers.Authorization", "crm.apiKey", True)
    with pytest.raises(Invalid):
        change(owner, action, config={**action.config, "query": [{"name": "k", "value": "{secrets.crm.apiKey}"}]})


def test_edit_that_changes_nothing_writes_nothing(owner):
    action = make_action(owner)
    events = AuditEvent.objects.count()
    change(owner, action, name=action.name, config=action.config, environments=[S], description="", enabled=True)
    action.refresh_from_db()
    assert (action.version, AuditEvent.objects.count()) == (1, events)


def test_acts_are_on_record_with_names_of_secrets(owner):
    action = make_action(owner)
    change(owner, action, description="Finds one", config={**action.config, "headers": []})
    delete_integration(actor=owner, integration_id=action.id)
    events, hosts = (
        AuditEvent.objects.order_by("sequence").values_list("event", "target_id", "data"),
        ["api.example.com"],
    )
    assert list(events) == [
        ("integration.created", action.id, {"kind": "api_action", "secrets": ["crm.apiKey"], "hosts": hosts}),
        (
            "integration.changed",
            action.id,
            {"fields": ["description", "config"], "secrets": [], "hosts": hosts, "hosts_before": hosts},
        ),
        ("integration.deleted", action.id, {"kind": "api_action"}),
    ]


def test_stale_edit_is_told_and_changes_nothing(owner):
    action = make_action(owner)
    change(owner, action, expected_version=1, name="First")
    with pytest.raises(EditConflict):
        change(owner, action, expected_version=1, name="Second", config=config())
    action.refresh_from_db()
    assert (action.name, action.version, len(references(action))) == ("First", 2, 1)


def test_integration_can_be_switched_off_although_its_address_is_refused_by_now(owner, settings):
    action = make_action(owner, base_url="http://127.0.0.1:9999")
    settings.EGRESS_ALLOW = ""
    configuration.policy.cache_clear()
    try:
        change(owner, action, enabled=False)
        with pytest.raises(Invalid):
            change(owner, action, config=action.config)
    finally:
        configuration.policy.cache_clear()
    action.refresh_from_db()
    assert (action.enabled, references(action)[0][3]) == (False, [])


BAD = {
    "name, empty": ({"name": " "}, "name"),
    "name, two lines": ({"name": "a\nb"}, "name"),
    "name, NUL": ({"name": "a\0b"}, "name"),
    "name, too long": ({"name": "n" * 101}, "name"),
    "name, taken in another case": ({"name": "TAKEN"}, "name"),
    "description, too long": ({"description": "d" * 501}, "description"),
    "description, NUL": ({"description": "a\0b"}, "description"),
    "malformed placeholder": ({"config": config(path="/{secrets.}")}, "config.path"),
    "doubled braces": ({"config": config(path="/{{secrets.a}}")}, "config.path"),
    "placeholder in the base URL": ({"config": config() | {"base_url": "https://{secrets.a}.com"}}, "config.base_url"),
    "JSON body that is none": ({"config": config(body={"type": "json", "content": "{"})}, "config.body.content"),
    "parameter schema": ({"config": config(parameters={"type": "array"})}, "config.parameters.type"),
    "undeclared parameter": ({"config": config(path="/{params.x}")}, "config.path"),
    "egress": ({"config": config() | {"base_url": "https://169.254.169.254"}}, "config.base_url"),
    "private address": ({"config": config() | {"base_url": "https://10.0.0.1"}}, "config.base_url"),
    "user in the URL": ({"config": config() | {"base_url": "https://a@b.com"}}, "config.base_url"),
    "forbidden header": ({"config": config(headers=[{"name": "Host", "value": "x"}])}, "config.headers[0].name"),
    "unknown field": ({"config": config(colour="red")}, "config.colour"),
    "wrong type": ({"config": config(headers="none")}, "config.headers"),
    "unknown connector": ({"config": config(auth_connector=str(uuid4()))}, "config.auth_connector"),
    "not an id": ({"config": config(auth_connector="CRM")}, "config.auth_connector"),
}


@pytest.mark.parametrize(("given", "field"), BAD.values(), ids=BAD)
def test_bad_field_is_named_and_nothing_is_saved(owner, given, field):
    taken = make_action(owner, "Taken")
    action = make_action(owner, "Good")
    fields = {"name": "New", "config": config(), **given}
    for act in (
        lambda: create_integration(actor=owner, kind="api_action", **fields),
        lambda: change(owner, action, environments=ALL_ENVIRONMENTS, **given),
    ):
        with pytest.raises(Invalid) as refusal:
            act()
        assert [error.field for error in refusal.value.errors] == [field]
    assert set(Integration.objects.values_list("name", "version")) == {(taken.name, 1), (action.name, 1)}
    assert references(action)[0][3] == ["staging"]


def test_unknown_kind_is_refused_with_the_known_ones(owner):
    with pytest.raises(Invalid) as refusal:
        create_integration(actor=owner, kind="ftp", name="a\0", config={})
    assert [error.field for error in refusal.value.errors] == ["name", "kind"]
    assert "api_action" in refusal.value.errors[1].message


def test_name_taken_at_the_same_moment_is_a_refusal(owner, monkeypatch):
    make_action(owner, "A")
    other = make_action(owner, "B")
    monkeypatch.setattr("integrations.editing.integrations.check_name", lambda *_, **__: [])
    for act in (lambda: make_action(owner, "a"), lambda: change(owner, other, name="a")):
        with pytest.raises(Invalid, match="not saved"):
            act()
    assert set(Integration.objects.values_list("name", flat=True)) == {"A", "B"}


def test_connector_in_use_is_not_deleted(owner):
    connector = make_connector(owner)
    users = [make_action(owner, name, uses="", auth_connector=str(connector.id)) for name in ("B", "A")]
    with pytest.raises(IntegrationInUse, match="used by 2 other integrations") as refusal:
        delete_integration(actor=owner, integration_id=connector.id)
    assert refusal.value.dependants == users[::-1]
    for user in users:
        delete_integration(actor=owner, integration_id=user.id)
    delete_integration(actor=owner, integration_id=connector.id)
    assert not Integration.objects.exists()


def test_action_cannot_name_an_action_or_a_foreign_connector(owner, outsider):
    for wrong in (make_action(owner, "An action"), make_connector(outsider)):
        with pytest.raises(Invalid) as refusal:
            make_action(owner, "New", uses="", auth_connector=str(wrong.id))
        assert [error.field for error in refusal.value.errors] == ["config.auth_connector"]


def test_header_of_the_connector_collides(owner):
    connector = make_connector(owner)
    with pytest.raises(Invalid) as refusal:
        make_action(owner, auth_connector=str(connector.id))
    assert [error.field for error in refusal.value.errors] == ["config.headers[0].name"]


def test_connector_cannot_begin_to_collide_with_its_users(owner):
    connector = make_connector(owner)
    headers = [{"name": "X-Key", "value": "mine"}]
    make_action(owner, "User", uses="", auth_connector=str(connector.id), headers=headers)
    new = {"type": "api_key", "in": "header", "name": "x-key", "value": "{secrets.crm.apiKey}"}
    with pytest.raises(Invalid) as refusal:
        change(owner, connector, config=new)
    assert refusal.value.errors[0].message.startswith("User: ")
    change(owner, connector, config=new | {"name": "X-Other"})


def test_deleting_keeps_runs_and_frees_the_secret(owner):
    secret, action = store_secret(owner), make_action(owner)
    delete_integration(actor=owner, integration_id=action.id)
    assert not SecretReference.objects.filter(secret=secret).exists()


ACTS = {
    "create": lambda actor, action: make_action(actor, "New"),
    "edit": lambda actor, action: change(actor, action, name="New"),
    "delete": lambda actor, action: delete_integration(actor=actor, integration_id=action.id),
}


@pytest.mark.parametrize("act", ACTS)
def test_member_may_do_nothing(owner, member, act):
    action = make_action(owner)
    with pytest.raises(PermissionDenied):
        ACTS[act](member, action)
    assert list(Integration.objects.values_list("name", "version")) == [("Look up patient", 1)]


@pytest.mark.parametrize("act", ["edit", "delete"])
def test_integration_of_another_organization_does_not_exist(owner, outsider, act):
    action = make_action(owner)
    with pytest.raises(NotFound):
        ACTS[act](outsider, action)
    assert list(Integration.objects.values_list("name", "version")) == [("Look up patient", 1)]


def test_limited_key_acts_on_its_integrations_alone(owner):
    mine, other, connector = make_action(owner, "Mine"), make_action(owner, "Other"), make_connector(owner)
    limited = replace(owner, integrations=frozenset({mine.id}))
    change(limited, mine, name="Renamed")
    with pytest.raises(NotFound):
        change(limited, other, name="x")
    with pytest.raises(PermissionDenied):
        make_action(limited, "New")
    with pytest.raises(Invalid):
        change(limited, mine, config=config(auth_connector=str(connector.id)))


def test_limited_key_keeps_a_connector_that_it_does_not_see(owner):
    connector = make_connector(owner)
    mine = make_action(owner, uses="", auth_connector=str(connector.id))
    limited = replace(owner, integrations=frozenset({mine.id}))
    change(limited, mine, config={**mine.config, "path": "/other"})
    assert Integration.objects.get(pk=mine.id).auth_connector == connector


STEERING = [{"environments": [S]}, {"enabled": False}, {"config": {"base_url": BASE_URL, "method": "GET"}}]


@pytest.mark.parametrize("changes", STEERING, ids=lambda changes: next(iter(changes)))
def test_environments_of_a_key_bound_what_it_points_elsewhere(owner, changes):
    mine, wider = make_action(owner, "Mine"), make_action(owner, "Wider", environments=[S, P])
    bounded = replace(owner, environments=frozenset({S}))
    with pytest.raises(PermissionDenied):
        change(bounded, wider, **changes)
    with pytest.raises(PermissionDenied):
        change(bounded, mine, **{**changes, "environments": [P]})
    assert change(bounded, wider, name="Renamed").version == 2
    assert set(Integration.objects.values_list("version", flat=True)) == {1, 2}


def test_environments_of_a_key_bound_what_it_creates(owner):
    bounded = replace(owner, environments=frozenset({S}))
    with pytest.raises(PermissionDenied):
        make_action(bounded, environments=[S, P])
    assert make_action(bounded, environments=[S]).environments == {S}


def execute(sql, *params):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [param.hex if connection.vendor == "sqlite" else param for param in params])


CROSSING = [
    "UPDATE integrations_secretreference SET secret_id = %s WHERE integration_id = %s",
    "UPDATE integrations_integration SET auth_connector_id = %s WHERE id = %s",
]


@pytest.mark.parametrize("statement", CROSSING)
def test_database_refuses_to_join_two_organizations(owner, outsider, statement):
    action = make_action(owner)
    foreign = store_secret(outsider) if "secret_id" in statement else make_connector(outsider)
    with pytest.raises(DatabaseError, match="another organization"):
        execute(statement, foreign.id, action.id)


def test_reference_cannot_move_to_another_organization(owner, outsider):
    store_secret(owner)
    make_action(owner)
    with pytest.raises(DatabaseError, match="another organization"):
        execute("UPDATE integrations_secretreference SET organization_id = %s", outsider.organization.id)


def test_database_refuses_a_foreign_reference_from_the_start(owner, outsider):
    action, foreign = make_action(owner, uses=""), store_secret(outsider)
    for organization in (owner.organization, outsider.organization):
        row = SecretReference(integration=action, organization=organization, secret=foreign, name="x", slot="path")
        with pytest.raises(DatabaseError, match="another organization"), transaction.atomic():
            row.save()


def test_nothing_here_made_a_run(owner):
    make_action(owner)
    assert not Run.objects.exists()


def test_parameters_come_back_in_the_order_in_which_they_were_written(owner):
    declared = {name: {"type": "string"} for name in ("phone", "birth_date", "id", "a_longer_name", "b")}
    action = make_action(owner, uses="", parameters={"type": "object", "properties": declared})
    stored = Integration.objects.get(pk=action.pk).config
    assert list(stored["parameters"]["properties"]) == list(declared)
    assert list(stored) == list(action.config)
