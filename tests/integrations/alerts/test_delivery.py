"""Signed webhooks: what is told, in which order, what happens when a receiver fails, and who may be told."""

from datetime import timedelta

import pytest
from django.core import mail
from standardwebhooks import WebhookVerificationError

from accounts.errors import Invalid
from accounts.models import AuditEvent
from accounts.occurrences import Occurred, record
from accounts.waiting_mail import WaitingMail
from integrations.alerts.choices import EndpointFields
from integrations.alerts.endpoints import (
    change_endpoint,
    create_endpoint,
    pause_endpoint,
    replace_secret,
    resume_endpoint,
    send_again,
    send_test,
)
from integrations.models import AlertEndpoint, Delivery, DeliveryTry, EndpointKind
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import SealedText
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db


def types(receiver):
    return [event["type"] for event in receiver.events]


def test_chosen_acts_and_occurrences_arrive_signed_and_in_order(owner, receiver, endpoint_of, until_done):
    _, secret = endpoint_of(owner, "secret.created", "secret.changed", "run.refused_domain")
    stored = store_secret(owner, "crm.apiKey")
    update_secret(actor=owner, secret_id=stored.id, changes=SecretChanges(description="new"))
    data = {"integration": {"id": str(stored.id), "name": "Log call"}, "host": "evil.example"}
    record(owner.organization.pk, Occurred.RUN_REFUSED_DOMAIN, data)
    store_secret(owner, "not.told").delete()
    until_done()
    events = receiver.verified(secret)
    assert [event["type"] for event in events] == [
        "secret.created", "secret.changed", "run.refused_domain", "secret.created"
    ]  # fmt: skip
    first = events[0]["data"]
    assert first["secret"] == {"id": str(stored.id), "name": "crm.apiKey"}
    assert first["organization"]["slug"] == "harbor-clinics"
    assert first["link"].endswith(f"/secrets/{stored.id}/")
    assert events[2]["data"]["host"] == "evil.example"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 4
    assert all("never-kept" not in str(row) for row in DeliveryTry.objects.values())
    assert until_done() == 0
    with pytest.raises(WebhookVerificationError):
        receiver.verified("whsec_YW5vdGhlci1zZWNyZXQtb2YtMzItYnl0ZXM=")


def test_receiver_that_fails_for_an_hour_gets_everything_in_order(owner, receiver, endpoint_of, until_done, clock):
    clock.pass_by(minutes=-91)
    endpoint, secret = endpoint_of(owner, "secret.created")
    receiver.status = "503 Service Unavailable"
    names = [f"service{number}.key" for number in range(5)]
    for name in names:
        store_secret(owner, name)
        until_done()
        clock.pass_by(minutes=12)
    endpoint.refresh_from_db()
    assert (endpoint.problem, endpoint.paused) == ("503", "")
    assert {event["data"]["secret"]["name"] for event in receiver.events} == {names[0]}  # the next waits for it
    failed, receiver.status = len(receiver.got), "204 No Content"
    receiver.got.clear()
    clock.pass_by(minutes=31)
    until_done()
    assert [event["data"]["secret"]["name"] for event in receiver.verified(secret)] == names
    assert (failed, DeliveryTry.objects.exclude(code="").count()) == (failed, failed)
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.problem) == (0, None, "")


def test_after_a_day_it_is_paused_and_the_owners_are_told_and_resuming_delivers_what_was_kept(
    owner, receiver, endpoint_of, until_done, clock
):
    clock.pass_by(hours=-30)
    endpoint, secret = endpoint_of(owner, "secret.created")
    store_secret(owner, "first.key")
    receiver.status = "500 Internal Server Error"
    for _ in range(30):
        until_done()
        clock.pass_by(hours=1)
    endpoint.refresh_from_db()
    assert endpoint.paused == "failures"
    (told,) = mail.outbox
    assert told.subject.startswith('Deliveries to "127.0.0.1')
    assert f"/webhooks/{endpoint.pk}/" in told.body
    assert not WaitingMail.objects.exists()
    assert AuditEvent.objects.filter(event="endpoint.paused").count() == 1
    tried = len(receiver.got)
    store_secret(owner, "second.key")
    until_done()
    assert len(receiver.got) == tried
    receiver.status = "200 OK"
    receiver.got.clear()
    resume_endpoint(actor=owner, endpoint_id=endpoint.pk)
    until_done()
    assert [event["data"]["secret"]["name"] for event in receiver.verified(secret)] == ["first.key", "second.key"]


def test_receiver_that_is_gone_is_paused_at_once(owner, receiver, endpoint_of, until_done):
    endpoint, _ = endpoint_of(owner, "secret.created")
    receiver.status = "410 Gone"
    send_test(actor=owner, endpoint_id=endpoint.pk)
    until_done()
    endpoint.refresh_from_db()
    assert (endpoint.paused, len(receiver.got)) == ("gone", 1)


def test_replaced_secret_signs_along_for_a_day(owner, receiver, endpoint_of, until_done, clock):
    endpoint, old = endpoint_of(owner, "secret.created")
    _, new = replace_secret(actor=owner, endpoint_id=endpoint.pk)
    send_test(actor=owner, endpoint_id=endpoint.pk)
    until_done()
    assert [event["type"] for event in receiver.verified(old) + receiver.verified(new)] == ["test", "test"]
    AlertEndpoint.objects.update(signing_before_until=clock.now - timedelta(seconds=1))
    receiver.got.clear()
    send_test(actor=owner, endpoint_id=endpoint.pk)
    until_done()
    assert len(receiver.verified(new)) == 1
    with pytest.raises(WebhookVerificationError):
        receiver.verified(old)
    sealed = b"".join(bytes(row.sealed) for row in SealedText.objects.all())
    assert old.encode() not in sealed and new.encode() not in sealed


def test_event_is_sent_again_with_the_same_id_and_bytes(owner, receiver, endpoint_of, until_done):
    endpoint, _ = endpoint_of(owner, "secret.created")
    store_secret(owner)
    until_done()
    delivery = Delivery.objects.get()
    send_again(actor=owner, endpoint_id=endpoint.pk, delivery_id=delivery.pk)
    until_done()
    (first, body), (second, again) = receiver.got
    assert (first["webhook-id"], body) == (second["webhook-id"], again)
    assert delivery.tries.count() == 2


def test_paused_endpoint_keeps_and_a_deleted_organization_tells_nobody(owner, receiver, endpoint_of, until_done):
    endpoint, _ = endpoint_of(owner, "secret.created")
    pause_endpoint(actor=owner, endpoint_id=endpoint.pk)
    store_secret(owner)
    until_done()
    assert (receiver.got, Delivery.objects.count()) == ([], 1)


BAD = {
    "no address": {"address": ""},
    "a private address": {"address": "https://10.0.0.1/hook"},
    "a query": {"address": "https://hooks.example.com/x?token=1"},
    "user and password": {"address": "https://a:b@hooks.example.com/x"},
    "no event": {"events": ()},
    "unknown event": {"events": ("secret.read",)},
    "too long a threshold": {"after_minutes": 2000},
    "a bad recipient": {"kind": EndpointKind.EMAIL, "address": "", "recipients": ("nobody",)},
    "events of a stream": {"kind": EndpointKind.AUDIT_LINES},
}


@pytest.mark.parametrize("case", BAD)
def test_malformed_endpoint_is_refused(owner, case):
    fields = {"kind": EndpointKind.WEBHOOK, "address": "https://hooks.example.com/x", "events": ("secret.created",)}
    with pytest.raises(Invalid):
        create_endpoint(actor=owner, fields=EndpointFields(**{**fields, **BAD[case]}))
    assert not AlertEndpoint.objects.exists()


def test_change_is_recorded_by_its_fields(owner, endpoint_of):
    endpoint, _ = endpoint_of(owner, "secret.created")
    fields = EndpointFields(EndpointKind.WEBHOOK, name="Ops", events=("secret.deleted",), address=endpoint.url)
    changed = change_endpoint(actor=owner, endpoint_id=endpoint.pk, fields=fields, version=1)
    assert (changed.version, changed.events) == (2, ["secret.deleted"])
    entry = AuditEvent.objects.get(event="endpoint.changed")
    assert (entry.target_label, entry.data["fields"]) == ("Ops", ["address", "events", "name"])
