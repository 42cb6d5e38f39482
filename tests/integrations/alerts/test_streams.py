"""The audit log as a stream: each entry once, in order, as the export writes it, with the head; to collectors."""

import json

import pytest
from django.db import transaction

from accounts.audit import trail
from accounts.audit.lines import as_line
from accounts.errors import Invalid
from accounts.models import AuditEvent
from integrations.alerts.choices import EndpointFields
from integrations.alerts.endpoints import change_endpoint, send_test
from integrations.models import AlertEndpoint, EndpointKind
from secrets_app.models import SealedText
from tests.support.things import VALUE, store_secret

pytestmark = pytest.mark.django_db
LINES, OTLP = EndpointKind.AUDIT_LINES, EndpointKind.AUDIT_OTLP


def write(actor, number):
    with transaction.atomic():
        for _ in range(number):
            trail.record(trail.Event.SECRET_CHANGED, actor=actor, target=actor.organization)


def test_lines_are_those_of_the_export_with_the_head(owner, receiver, endpoint_of, until_done, clock):
    write(owner, 450)
    _, secret = endpoint_of(owner, kind=LINES, from_the_beginning=True, authorization="Splunk 1234")
    store_secret(owner)
    receiver.status = "500 Internal Server Error"
    until_done()
    receiver.status = "200 OK"
    clock.pass_by(seconds=6)
    until_done()
    bodies = [body.splitlines(keepends=True) for _, body in receiver.got[1:]]
    assert receiver.got[0][1] == receiver.got[1][1]
    entries = list(AuditEvent.objects.filter(organization_id=owner.organization.pk).order_by("sequence"))
    assert "".join(line for body in bodies for line in body[:-1]) == "".join(map(as_line, entries))
    head = json.loads(bodies[-1][-1])["head"]
    assert (head["sequence"], head["chain"]) == (entries[-1].sequence, bytes(entries[-1].chain).hex())
    assert {headers["authorization"] for headers, _ in receiver.got} == {"Splunk 1234"}
    assert all(VALUE not in body for _, body in receiver.got)
    assert all("v1," in headers["webhook-signature"] for headers, _ in receiver.got) and secret.startswith("whsec_")
    AlertEndpoint.objects.get(audit_sequence=entries[-1].sequence)


def test_otlp_has_a_record_for_each_entry(owner, receiver, endpoint_of, until_done):
    endpoint, _ = endpoint_of(owner, kind=OTLP)
    store_secret(owner)
    trail_of = AuditEvent.objects.filter(organization_id=owner.organization.pk).order_by("sequence")
    send_test(actor=owner, endpoint_id=endpoint.pk)
    until_done()
    (headers, _), (_, body) = receiver.got
    assert headers["content-type"] == "application/json"
    (logs,) = json.loads(body)["resourceLogs"]
    resource = {one["key"]: one["value"] for one in logs["resource"]["attributes"]}
    records = logs["scopeLogs"][0]["logRecords"]
    assert len(records) == trail_of.count()
    assert resource["coffer.audit.head.sequence"] == {"intValue": str(trail_of.last().sequence)}
    assert records[-1]["body"]["stringValue"] == "Created secret crm.apiKey"
    assert int(records[-1]["timeUnixNano"]) // 10**9 == int(trail_of.last().created_at.timestamp())


def test_header_goes_only_to_the_address_it_was_entered_for(owner, receiver, endpoint_of, until_done):
    endpoint, _ = endpoint_of(owner, kind=LINES, authorization="Splunk 1234")
    elsewhere = EndpointFields(LINES, address="https://evil.example/x")
    with pytest.raises(Invalid) as refused:
        change_endpoint(actor=owner, endpoint_id=endpoint.pk, fields=elsewhere)
    assert [error.field for error in refused.value.errors] == ["authorization"]
    AlertEndpoint.objects.update(url=f"{receiver.url}/other")  # somebody writes to the database
    store_secret(owner)
    until_done()
    assert receiver.got == []
    endpoint.refresh_from_db()
    assert endpoint.problem == "secret_unreadable"
    assert b"Splunk" not in b"".join(bytes(row.sealed) for row in SealedText.objects.all())
