"""The table of events against what tells of them, the document, and what people read; no value in any of it."""

import json
import re

import pytest
from django.utils import timezone

from accounts.audit.trail import Event
from accounts.models import AuditEvent
from accounts.occurrences import Occurred, Occurrence, record
from integrations.alerts import messages, payloads
from integrations.alerts.events import BY_OCCURRENCE, EVENT_TYPES, GROUPS
from integrations.models import Delivery
from tests.support.source import ROOT
from tests.support.things import VALUE, store_secret

DOCUMENT = (ROOT / "docs/webhooks.md").read_text()


def test_document_has_a_line_for_each_event():
    def marked(names):
        return ", ".join(f"`{name}`" for name in names)

    lines = [
        f"| `{one.name}` | {one.words.rstrip(':')} … | {marked(one.acts) or 'occurrence'} | {marked(one.example)} |"
        for one in EVENT_TYPES
    ]
    assert re.findall(r"^\| `[a-z_.]+` \|.*$", DOCUMENT, re.MULTILINE) == lines


def test_table_is_complete_and_in_order():
    assert [one.name for one in EVENT_TYPES] == sorted(one.name for one in EVENT_TYPES)
    assert {one.group for one in EVENT_TYPES} == set(GROUPS)
    assert set(BY_OCCURRENCE) == {occurred.value for occurred in Occurred}
    assert all(bool(one.acts) != bool(one.occurrence) for one in EVENT_TYPES)


@pytest.mark.django_db
def test_each_example_reads_well_in_slack_teams_and_mail(owner):
    for one in EVENT_TYPES:
        notice = payloads.of_state(owner.organization, one.name, timezone.now(), one.example)
        delivery = Delivery(type=notice.type, about=notice.about, body=notice.body, created_at=notice.at)
        slack, teams = json.loads(messages.slack_body(delivery)), json.loads(messages.teams_body(delivery))
        assert one.words.rstrip(":") in slack["text"]
        assert slack["blocks"][2]["elements"][0]["url"].startswith("http://localhost/o/harbor-clinics/")
        card = teams["attachments"][0]["content"]
        assert (teams["type"], card["type"], card["actions"][0]["type"]) == (
            "message",
            "AdaptiveCard",
            "Action.OpenUrl",
        )
        assert len(slack["blocks"][0]["text"]["text"]) < 3000


@pytest.mark.django_db
def test_names_are_no_markup(owner):
    name = "<!channel> *bold* [x](https://evil.example)\n\u202e"
    data = {"integration": {"id": "", "name": name}, "code": "<@U1>"}
    notice = payloads.of_state(owner.organization, "integration.failing", timezone.now(), data)
    delivery = Delivery(type=notice.type, about=notice.about, body=notice.body, created_at=notice.at)
    slack, teams = messages.slack_body(delivery), messages.teams_body(delivery)
    assert "<!channel>" not in slack and "<@U1>" not in slack and "&lt;!channel&gt;" in slack
    assert "\u202e" not in json.loads(slack)["text"]
    assert "\\[x\\]\\(https://evil\\.example\\)" in json.loads(teams)["attachments"][0]["content"]["body"][0]["text"]


@pytest.mark.django_db
def test_no_payload_holds_a_value(owner):
    store_secret(owner)
    told = [
        payloads.of_act(owner.organization, entry).body
        for entry in AuditEvent.objects.filter(event=Event.SECRET_CREATED)
    ]
    record(owner.organization.pk, Occurred.SECRET_DUE, {"secret": {"id": "1", "name": "crm.apiKey"}})
    told += [payloads.of_occurrence(owner.organization, one).body for one in Occurrence.objects.all()]
    assert len(told) == 2
    assert VALUE not in "".join(told)
