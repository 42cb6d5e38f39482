"""People are told in words, once for each state that lasts; mail at once or once a day."""

import pytest
from django.core import mail

from accounts.occurrences import Occurred, Occurrence, record
from accounts.waiting_mail import WaitingMail
from integrations.models import EndpointKind, Watch
from secrets_app.editing.deleting import delete_secret
from secrets_app.models import SecretValue
from tests.support.things import make_action, store_secret

pytestmark = pytest.mark.django_db
CRM = {"integration": {"id": "6f1c", "name": "Log call"}, "environment": "production", "code": "upstream_error"}
TO = ["a@x.example"]
FAILING, RECOVERED = Occurred.INTEGRATION_FAILING, Occurred.INTEGRATION_RECOVERED


@pytest.fixture
def happens(owner, clock, until_done):
    """An integration begins to fail, or works again, at the clock's time."""

    def happen(what, **passing):
        record(owner.organization.pk, what, CRM)
        Occurrence.objects.filter(taken_at=None).update(created_at=clock.now)
        until_done()
        clock.pass_by(**passing)
        until_done()

    return happen


def told(receiver):
    return [event["text"].partition(": ")[2] for event in receiver.events]


def test_what_flaps_is_told_once_for_each_state_that_lasts(owner, receiver, endpoint_of, happens, clock):
    endpoint_of(owner, "integration.failing", "integration.recovered", kind=EndpointKind.SLACK, after_minutes=5)
    clock.pass_by(seconds=1)
    for _ in range(3):
        happens(FAILING, minutes=2)
        happens(RECOVERED, minutes=2)
    assert receiver.got == []
    happens(FAILING, minutes=6)
    assert told(receiver) == ["Failing: Log call"]
    happens(RECOVERED, minutes=1)
    happens(FAILING, minutes=6)
    assert len(receiver.got) == 1
    happens(RECOVERED, minutes=6)
    assert told(receiver) == ["Failing: Log call", "Works again: Log call"]
    assert not Watch.objects.exists()


def test_without_a_threshold_it_is_told_at_once(owner, receiver, endpoint_of, happens, clock):
    endpoint_of(owner, "integration.failing", kind=EndpointKind.TEAMS)
    clock.pass_by(seconds=1)
    happens(FAILING, minutes=0)
    happens(RECOVERED, minutes=0)
    assert [event["attachments"][0]["content"]["body"][0]["text"] for event in receiver.events] == ["Failing: Log call"]


def test_secret_that_goes_missing_is_told_once(owner, receiver, endpoint_of, step, until_done, clock):
    endpoint_of(owner, "secret.missing")
    secret = store_secret(owner)
    make_action(owner)
    SecretValue.objects.filter(secret=secret).update(state="destroyed", sealed=None)
    for _ in range(3):
        step(sweep=True)
        until_done()
        clock.pass_by(minutes=5)
    assert [event["type"] for event in receiver.events] == ["secret.missing"]
    store_secret(owner, "crm.other")
    Watch.objects.all().delete()


def test_mail_at_once_goes_to_owners_and_admins(owner, admin, endpoint_of, until_done):
    endpoint_of(owner, "secret.created", kind=EndpointKind.EMAIL)
    store_secret(owner, "crm.apiKey")
    until_done()
    assert len(mail.outbox) == 2
    assert mail.outbox[0].subject.startswith("Secret created: crm.apiKey")
    assert not WaitingMail.objects.exists()


def test_digest_waits_for_the_morning_and_names_all(owner, endpoint_of, until_done, clock):
    endpoint_of(
        owner, "secret.created", "secret.deleted", kind=EndpointKind.EMAIL, is_digest=True, recipients=["a@x.example"]
    )
    first = store_secret(owner, "one.key")
    until_done()
    store_secret(owner, "two.key")
    delete_secret(actor=owner, secret_id=first.id)
    until_done()
    assert mail.outbox == []
    clock.pass_by(hours=24)
    until_done()
    (digest,) = mail.outbox
    assert (digest.to, digest.subject[:8]) == (TO, "3 alerts")
    assert digest.body.index("one.key") < digest.body.index("two.key")
