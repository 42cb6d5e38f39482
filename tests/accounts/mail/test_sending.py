"""The mails that Coffer writes: when they go, what they say, and what a mail server can do to the act (nothing)."""

import logging

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.locmem import EmailBackend as InMemory
from django.core.management import call_command
from django.db import transaction
from django.test import TestCase

from accounts.access.api_keys import create_api_key
from accounts.common.environments import Environment
from accounts.mail import sending as mail
from accounts.mail.sending import Email
from accounts.models import Membership, User
from accounts.people.invitations import accept
from accounts.people.organizations import add_member, change_role
from accounts.policy import Role, Scope
from config import settings as settings_file
from tests import factories
from tests.support.invited import invited

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

EMAIL = Email("a@x.example", "Hello", ["One.", "Two."])


def address_of(actor):
    return User.objects.get(pk=actor.id).email


@pytest.fixture
def sending():
    """Runs an act; its mails are sent as if the transaction were over."""

    def run(act):
        with TestCase.captureOnCommitCallbacks(execute=True):
            act()
        return django_mail.outbox

    return run


def test_mail_is_plain_text_with_its_links_from_the_settings(sending, settings, rf):
    settings.SITE_URL = "https://coffer.example"
    (message,) = sending(lambda: mail.send_after_commit([EMAIL], about="test"))
    assert message.body == (
        "One.\n\nTwo.\n\n-- \nThis e-mail was sent by Coffer at https://coffer.example. Replies are not read.\n"
    )
    assert (message.to, message.content_subtype, message.from_email) == (
        ["a@x.example"],
        "plain",
        settings.DEFAULT_FROM_EMAIL,
    )
    assert mail.link("members", "harbor") == "https://coffer.example/o/harbor/members/"


def test_nothing_is_sent_when_the_act_is_undone(sending):
    def undone():
        with transaction.atomic():
            mail.send_after_commit([EMAIL], about="test")
            transaction.set_rollback(True)

    assert sending(undone) == []


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_mail_is_sent(settings, monkeypatch):
    seen = []
    monkeypatch.setattr(
        InMemory, "send_messages", lambda self, messages: seen.append(transaction.get_connection().in_atomic_block)
    )
    with transaction.atomic():
        mail.send_after_commit([EMAIL], about="test")
        assert seen == []
    assert seen == [False]


def test_mail_server_that_is_down_is_logged_without_the_address(sending, settings, caplog):
    caplog.set_level(logging.DEBUG)
    settings.EMAIL_BACKEND = "tests.support.mail_backends.Unreachable"
    told = []
    sending(lambda: mail.send_after_commit([EMAIL], about="test", then=told.append))
    assert told == [[]]
    assert "E-mail not sent: 1, test (ConnectionRefusedError)." in caplog.text
    assert "x.example" not in caplog.text


def test_one_refused_address_keeps_no_other_mail_back(sending, settings, caplog):
    caplog.set_level(logging.DEBUG)
    settings.EMAIL_BACKEND = "tests.support.mail_backends.RefusesUnknown"
    emails = [Email("unknown@x.example", "Hello", []), EMAIL]
    told = []
    sending(lambda: mail.send_after_commit(emails, about="test", then=told.append))
    assert told == [[EMAIL]]
    assert "unknown@" not in caplog.text


@pytest.mark.parametrize("field", ["to", "subject"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\0"])
def test_line_break_in_a_header_is_refused(field, end):
    with pytest.raises(ValueError, match="single line"):
        Email(**{"to": "a@x.example", "subject": "Hello", "paragraphs": [], field: f"a@x.example{end}Bcc: b@x.example"})


def test_name_with_a_line_break_stays_one_line():
    assert mail.quoted("Harbor\r\nBcc: b@x.example") == '"Harbor\\r\\nBcc: b@x.example"'


def test_invitation_has_the_link_and_nothing_else_of_the_token(owner, settings):
    _, token = invited(owner)
    (message,) = django_mail.outbox
    assert message.body.count(token) == 1
    assert f"{settings.SITE_URL}/invitations/{token}/" in message.body
    assert token not in message.subject
    assert message.to == ["noor@harbor.example"]


OWNER_MADE = {
    "added": lambda owner, user: add_member(actor=owner, user=user, role=Role.OWNER),
    "changed": lambda owner, user: change_role(
        actor=owner,
        membership_id=factories.MembershipFactory(organization=owner.organization, user=user).id,
        role=Role.OWNER,
    ),
    "accepted": lambda owner, user: accept(token=invited(owner, user.email, Role.OWNER)[1], user=user),
}


@pytest.mark.parametrize("way", OWNER_MADE)
def test_owners_are_told_of_a_new_one(owner, admin, sending, way):
    user = factories.UserFactory(email="new@x.example")
    sent = [message for message in sending(lambda: OWNER_MADE[way](owner, user)) if "owner" in message.subject]
    assert sorted(message.to[0] for message in sent) == sorted([address_of(owner), "new@x.example"])
    assert '"new@x.example" is now an owner' in sent[0].body


def test_other_roles_are_no_news(owner, sending):
    user = factories.UserFactory()
    assert sending(lambda: add_member(actor=owner, user=user, role=Role.ADMIN)) == []


def test_owners_are_told_of_an_api_key_without_its_text(owner, admin, organization, sending):
    gone = factories.MembershipFactory(organization=organization, role=Role.OWNER, user__is_active=False)
    made = []
    (message,) = sending(
        lambda: made.append(
            create_api_key(
                actor=admin,
                name="voice-runtime",
                scopes=[Scope.RUN],
                environments=[Environment.PRODUCTION],
            )
        )
    )
    key, text = made[0]
    assert message.to == [address_of(owner)] != [gone.user.email]
    assert "voice-runtime" in message.body
    assert admin.label in message.body
    assert "Environments: Production." in message.body
    assert text.text not in message.body
    assert key.prefix not in message.body


def test_answer_of_a_command_stays_alone_on_standard_output(organization, owner, settings, capsys):
    settings.EMAIL_BACKEND = "accounts.mail.console_backend.EmailBackend"
    with TestCase.captureOnCommitCallbacks(execute=True):
        call_command(
            "create_api_key",
            "--organization",
            organization.slug,
            "--name",
            "agent",
            "--scope",
            "run",
            "--environment",
            "staging",
        )
    printed = capsys.readouterr()
    assert printed.out.startswith("cof_")
    assert printed.out.count("\n") == 1
    assert "New API key" in printed.err


def test_console_is_the_default_and_a_server_is_an_address():
    from environ import Env

    assert settings_file.EMAIL_TIMEOUT <= 10
    server = Env.email_url_config("smtp+tls://user:password@mail.example:587")
    assert (server["EMAIL_BACKEND"], server["EMAIL_HOST"], server["EMAIL_USE_TLS"]) == (
        "django.core.mail.backends.smtp.EmailBackend",
        "mail.example",
        True,
    )
    assert Membership.objects.count() == 0
