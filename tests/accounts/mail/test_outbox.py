"""Mail over a real server: taken, refused and sent again; and what people see where there is no mail server."""

import io
import re

import pytest
from django.core.mail.backends.smtp import EmailBackend
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse_lazy
from django.utils import timezone

from accounts.mail import outbox
from accounts.mail.sending import Email, send_after_commit
from accounts.models import Invitation, User
from accounts.people import mail_again
from accounts.people.invitations import find_by_token
from accounts.people.mail_again import Sent, send_due
from accounts.waiting_mail import WaitingMail
from tests.support.sign_in import sign_in
from tests.support.smtp import mail_server
from tests.support.staff import staff_browser

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]
SMTP = "django.core.mail.backends.smtp.EmailBackend"
CONSOLE = "accounts.mail.console_backend.EmailBackend"
EMAIL = Email("a@x.example", "Hello", ["One."])
RESET = reverse_lazy("account_reset_password")
ADD_INVITATION = reverse_lazy("admin:accounts_invitation_add")
LINK = re.compile(r"/invitations/([\w-]{43})/")


@pytest.fixture
def server(settings):
    with mail_server() as running:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST = SMTP, "127.0.0.1"
        settings.EMAIL_PORT = running.server_address[1]
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = None
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield running


def all_due():
    WaitingMail.objects.exclude(next_at=None).update(next_at=timezone.now())


def test_refused_mail_waits_and_arrives_once(server):
    server.refuses = "RCPT"
    send_after_commit([EMAIL], about="test")
    waiting = WaitingMail.objects.get()
    assert (waiting.to, waiting.paragraphs, waiting.attempts) == ("a@x.example", ["One."], 1)
    assert send_due() == Sent(0, 0)  # not due yet
    all_due()
    assert send_due() == Sent(0, 1)
    server.refuses = ""
    all_due()
    assert (send_due(), send_due()) == (Sent(1, 0), Sent(0, 0))
    assert len(server.taken) == 1
    assert not WaitingMail.objects.exists()


def test_invitation_is_tried_again_with_a_new_link_that_is_never_stored(server, as_owner, owner):
    server.refuses = "DATA"
    page = as_owner.post(
        "/o/harbor-clinics/members/invite/", {"emails": "noor@x.example", "role": "member"}, follow=True
    )
    assert (
        "The mail server did not accept the invitation of noor@x.example. Coffer tries again" in page.content.decode()
    )
    waiting, invited = WaitingMail.objects.get(), Invitation.objects.get()
    assert (waiting.invitation_id, waiting.paragraphs) == (invited.pk, [])
    server.refuses = ""
    all_due()
    assert send_due() == Sent(1, 0)
    (token,) = LINK.findall(server.taken[0].replace("=\n", ""))
    assert find_by_token(token).pk == invited.pk
    assert Invitation.objects.get().sent_at
    assert Invitation.objects.get().expires_at == invited.expires_at


def test_a_server_that_cannot_be_reached_is_asked_once_and_no_link_changes(server, settings, as_owner, monkeypatch):
    server.refuses = "DATA"
    as_owner.post("/o/harbor-clinics/members/invite/", {"emails": "noor@x.example", "role": "member"})
    outbox.keep([EMAIL] * 3, about="test")
    all_due()
    before = Invitation.objects.get().digest
    asked, opened = [], EmailBackend.open
    monkeypatch.setattr(EmailBackend, "open", lambda self: asked.append(self) or opened(self))
    settings.EMAIL_PORT = 9
    assert send_due() == Sent(0, 4)
    assert len(asked) == 1
    assert {(mail.attempts, mail.problem) for mail in WaitingMail.objects.all()} == {(2, "ConnectionRefusedError")}
    assert Invitation.objects.get().digest == before


def test_attempts_end_and_staff_see_what_failed(server):
    server.refuses = "MAIL"
    send_after_commit([EMAIL], about="test")
    for _ in outbox.WAITS:
        all_due()
        send_due()
    waiting = WaitingMail.objects.get()
    assert (waiting.next_at, waiting.attempts, waiting.problem) == (None, 6, "SMTPSenderRefused")
    assert send_due() == Sent(0, 0)
    WaitingMail.objects.update(created_at=timezone.now() - outbox.KEPT)
    assert outbox.forget_failed() == 1


def test_two_processes_make_an_attempt_once(server):
    outbox.keep([EMAIL], about="test")
    all_due()
    waiting = WaitingMail.objects.get()
    assert [outbox.claim(waiting, timezone.now()) for _ in range(2)] == [True, False]


def test_refused_sign_in_mail_is_a_sentence_whatever_the_address_is(server, settings, client, owner):
    for refuses in ("MAIL", "RCPT", "DATA", "connections"):
        server.refuses = refuses
        settings.EMAIL_PORT = 9 if refuses == "connections" else settings.EMAIL_PORT
        page = client.post(RESET, {"email": "nobody@x.example"}, follow=True)
        assert page.status_code == 200
        assert "The mail server did not take the mail." in page.content.decode(), refuses


def test_doctor_sends_a_test_mail_and_explains_a_refusal(server):
    out = io.StringIO()
    call_command("doctor", mail="ops@x.example", stdout=out)
    assert "to ops@x.example: The mail server 127.0.0.1 took it" in out.getvalue()
    assert "Mail from Coffer arrives." in server.taken[0]
    for refuses, reason in {
        "RCPT": "refuses the recipient",
        "MAIL": "Set COFFER_FROM_EMAIL",
        "DATA": "refuses the mail",
    }.items():
        server.refuses = refuses
        with pytest.raises(CommandError, match="Wrong: 1"):
            call_command("doctor", mail="ops@x.example", stdout=out)
        assert reason in out.getvalue()


def invite(browser):
    form = {"emails": "noor@x.example", "role": "member"}
    return browser.post("/o/harbor-clinics/members/invite/", form, follow=True).content.decode()


def test_without_a_mail_server_the_owner_gets_the_link(settings, as_owner, owner):
    settings.EMAIL_BACKEND = CONSOLE
    page = invite(as_owner)
    (token,) = LINK.findall(page)
    assert "Coffer sends no mail here. Hand this link to noor@x.example yourself" in page
    assert find_by_token(token).email == "noor@x.example"
    assert Invitation.objects.get().sent_at is None
    assert not LINK.findall(as_owner.get("/o/harbor-clinics/members/").content.decode())  # shown once


def test_without_a_mail_server_an_admin_gets_no_link(settings, admin, owner):

    settings.EMAIL_BACKEND = CONSOLE
    page = invite(sign_in(Client(), admin))
    assert "Ask an owner to send the invitation again and hand it over." in page
    assert not LINK.findall(page)


def test_without_a_mail_server_the_page_of_a_code_says_so(settings, client, owner):
    settings.EMAIL_BACKEND = CONSOLE
    page = client.post(RESET, {"email": "somebody@x.example"}, follow=True).content.decode()
    assert "This installation sends no mail" in page
    assert "We sent" not in page


def test_module_sends_only_what_is_claimed(monkeypatch, server):
    outbox.keep([EMAIL], about="test")
    all_due()
    monkeypatch.setattr(mail_again.outbox, "claim", lambda *_: False)
    assert send_due() == Sent(0, 0)
    assert server.taken == []


def test_without_a_mail_server_staff_get_the_link_of_an_organization_without_an_owner(settings, organization):
    settings.EMAIL_BACKEND = CONSOLE
    form = {"organization": organization.pk, "email": "first@x.example", "role": "admin"}
    page = staff_browser().post(ADD_INVITATION, form, follow=True).content.decode()
    assert "Coffer sends no mail here. Hand this link to first@x.example yourself" in page
    (token,) = LINK.findall(page)
    assert find_by_token(token).email == "first@x.example"


def test_without_a_mail_server_staff_get_no_link_where_an_owner_decides(settings, owner):
    settings.EMAIL_BACKEND = CONSOLE
    form = {"organization": owner.organization.pk, "email": "more@x.example", "role": "admin"}
    page = staff_browser().post(ADD_INVITATION, form, follow=True).content.decode()
    assert Invitation.objects.get().email == "more@x.example"
    assert not LINK.findall(page)


def test_page_of_a_proof_says_whether_a_code_is_sent(settings, owner):
    """Somebody who signs in at a provider alone proves by a code."""
    person = User.objects.get(pk=owner.id)
    person.set_unusable_password()
    person.save()
    browser = sign_in(Client(), owner)
    page = browser.get("/proof/").content.decode()
    assert f"We send a code to {person.email}." in page
    settings.EMAIL_BACKEND = CONSOLE
    page = browser.get("/proof/").content.decode()
    assert f"This installation sends no mail: the code for {person.email} is printed where Coffer runs" in page
    assert "We send" not in page
