"""The outbox by two processes at once, on PostgreSQL with real threads."""

from collections import Counter

import pytest
from django.utils import timezone

from accounts.mail import outbox
from accounts.mail.sending import Email
from accounts.people.mail_again import send_due
from accounts.waiting_mail import WaitingMail

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_each_mail_is_sent_once_by_whoever_claims_it(together, mailoutbox):
    outbox.keep([Email(f"p{number}@x.example", "Hello", ["One."]) for number in range(40)], about="test")
    WaitingMail.objects.update(next_at=timezone.now())
    assert together(send_due, send_due, send_due) == [None] * 3
    sent = Counter(mail.to[0] for mail in mailoutbox)
    assert (len(sent), set(sent.values())) == (40, {1})
    assert not WaitingMail.objects.exists()


def test_one_attempt_is_claimed_by_one(together):
    outbox.keep([Email("a@x.example", "Hello", ["One."])], about="test")
    won = []
    for number in range(20):
        WaitingMail.objects.update(attempts=1, next_at=timezone.now())
        mail = WaitingMail.objects.get()
        together(*[lambda mail=mail: won.append(outbox.claim(mail, timezone.now()))] * 4)
        assert won.count(True) == number + 1
