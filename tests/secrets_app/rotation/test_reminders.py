"""The mail that says that a rotation is due: to whom, once for each secret and due date."""

from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.models import User
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import RotationReminder, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import reminders
from secrets_app.rotation.reminders import remind
from tests.support.things import VALUE, store_secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def due(owner, admin, member, outsider):
    """A secret whose values are 40 days old, to be rotated every 30."""
    secret = store_secret(owner, rotate_every_days=30)
    SecretValue.objects.filter(secret=secret).update(created_at=timezone.now() - timedelta(days=40))
    return secret


def addresses(*actors):
    return sorted(User.objects.get(pk=actor.id).email for actor in actors)


def test_owners_and_admins_are_told_once(due, owner, admin, capsys):
    for _ in range(2):
        call_command("housekeeping")
    assert sorted(message.to[0] for message in mail.outbox) == addresses(owner, admin)
    first = mail.outbox[0]
    assert first.subject == 'Rotation due in "Harbor Clinics" on Coffer'
    assert '"crm.apiKey", since ' in first.body
    assert "/o/harbor-clinics/secrets/hygiene/" in first.body
    assert VALUE not in first.body
    assert "Reminders of due rotations: 1." in capsys.readouterr().out


def test_next_due_date_is_told_again(due, owner, admin):
    remind()
    changes = SecretChanges(values=dict.fromkeys(Environment, Plaintext("another-value")))
    update_secret(actor=owner, secret_id=due.id, changes=changes)
    assert remind() == 0
    SecretValue.objects.filter(secret=due).update(created_at=timezone.now() - timedelta(days=31))
    assert remind() == 1
    assert len(mail.outbox) == 4
    assert RotationReminder.objects.count() == 2


def test_what_is_not_due_or_never_due_is_not_told(owner):
    store_secret(owner, "young", rotate_every_days=30)
    old = store_secret(owner, "old")
    SecretValue.objects.filter(secret=old).update(created_at=timezone.now() - timedelta(days=4000))
    store_secret(owner, "empty", environments=[], rotate_every_days=1)
    assert remind() == 0
    assert mail.outbox == []


def test_many_secrets_are_one_mail_that_names_some(owner, monkeypatch):
    monkeypatch.setattr(reminders, "NAMED_AT_MOST", 2)
    for name in ("a", "b", "c"):
        store_secret(owner, f"key_{name}", rotate_every_days=30)
    SecretValue.objects.update(created_at=timezone.now() - timedelta(days=40))
    assert remind() == 3
    (message,) = mail.outbox
    assert "key_b" in message.body
    assert "key_c" not in message.body
    assert "and 1 more" in message.body


def test_mail_server_that_is_down_is_tried_again_next_time(due, owner, admin, settings):
    settings.EMAIL_BACKEND = "tests.support.mail_backends.Unreachable"
    assert remind() == 0
    assert not RotationReminder.objects.exists()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert remind() == 1
    assert len(mail.outbox) == 2


def test_organization_in_which_nobody_can_rotate_waits(due, owner, admin):
    User.objects.update(is_active=False)
    assert remind() == 0
    User.objects.update(is_active=True)
    assert remind() == 1
