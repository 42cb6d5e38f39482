"""A newer description: what differs is named, what is chosen is taken over, and what somebody edited stays."""

import json

import pytest

from accounts.errors import EditConflict, Invalid
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.importing.reading import read_draft
from integrations.importing.updating import UpdateOptions, compare, update_import
from integrations.models import Integration
from tests.support.integrations.imports import DOCUMENT, imported

pytestmark = pytest.mark.django_db


def newer():
    document = json.loads(json.dumps(DOCUMENT))
    contacts = document["paths"]["/contacts"]
    contacts["get"]["parameters"].append({"name": "page", "in": "query", "schema": {"type": "integer"}})
    contacts["get"]["description"] = "Newest first"
    contacts["put"] = {"summary": "Replace contacts"}
    del document["paths"]["/contacts/{id}"]
    return read_draft(json.dumps(document))


def seen(changes):
    return {(each.kind.value, each.key): (each.fields, each.edited) for each in changes}


def update(actor, record, draft=None, **options):
    return update_import(actor=actor, import_id=record.pk, draft=draft or newer(), options=UpdateOptions(**options))


def test_the_same_description_differs_in_nothing(owner):
    record = imported(owner).record
    assert compare(owner, record, read_draft(json.dumps(DOCUMENT))) == []


def test_what_differs_is_named_and_taken_over(owner):
    result = imported(owner)
    assert seen(compare(owner, result.record, newer())) == {
        ("changed", "GET /contacts"): (("query parameters", "parameters", "description"), ()),
        ("gone", "DELETE /contacts/{id}"): ((), ()),
        ("new", "PUT /contacts"): ((), ()),
    }
    done = update(
        owner, result.record, change=("GET /contacts",), add=("PUT /contacts",), switch_off=("DELETE /contacts/{id}",)
    )
    listed = Integration.objects.get(name="List contacts")
    assert [entry["name"] for entry in listed.config["query"]] == ["limit", "page"]
    assert (listed.description, listed.connection) == ("List contacts. Newest first.", result.connection)
    assert [each.name for each in done.added] == ["Replace contacts"]
    assert Integration.objects.get(name="Delete a contact").enabled is False
    assert compare(owner, done.record, newer()) == []


def test_what_somebody_edited_stays_unless_the_api_changed_it_too(owner):
    record = imported(owner).record
    action = Integration.objects.get(name="List contacts")
    own = {**action.config, "headers": [{"name": "X-Own", "value": "1"}], "timeout_seconds": 7.0}
    changes = IntegrationChanges(config=own, description="Ours", name="All contacts")
    update_integration(actor=owner, integration_id=action.pk, changes=changes)
    found = compare(owner, record, newer())
    assert seen(found)["changed", "GET /contacts"] == (
        ("query parameters", "parameters", "description"),
        ("description",),
    )
    update(owner, record, change=("GET /contacts",))
    action.refresh_from_db()
    assert (action.name, action.description) == ("All contacts", "List contacts. Newest first.")
    assert (action.config["headers"], action.config["timeout_seconds"]) == ([{"name": "X-Own", "value": "1"}], 7.0)


def test_what_does_not_differ_cannot_be_chosen(owner):
    record = imported(owner).record
    with pytest.raises(EditConflict):
        update(owner, record, change=("DELETE /contacts/{id}",))


def test_an_update_that_cannot_be_made_makes_nothing(owner):
    record = imported(owner).record
    with pytest.raises(Invalid):
        update(owner, record, add=("PUT /contacts",), action_names={"PUT /contacts": "list CONTACTS"})
    assert Integration.objects.count() == 4
