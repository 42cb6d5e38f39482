"""Codes by mail, forgotten and changed passwords."""

import pytest
from django.core import mail
from django.test import Client

from accounts.models import AuditEvent, User
from tests.support.sign_in import add_totp, sign_in, totp_code
from tests.support.web.sign_in_forms import EMAIL, PASSWORD, code_in, is_in, password_in

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


# Codes by mail instead of the password


def test_signing_in_with_a_mailed_code(mara):
    client = Client()
    client.post("/signin/code/", {"email": EMAIL})
    assert client.post("/signin/code/confirm/", {"code": code_in(mail.outbox[0])}).status_code == 302
    assert is_in(client)


def test_a_mailed_code_is_no_second_factor(mara):
    add_totp(mara)
    client = Client()
    client.post("/signin/code/", {"email": EMAIL})
    assert client.post("/signin/code/confirm/", {"code": code_in(mail.outbox[0])})["Location"] == "/signin/second/"
    assert not is_in(client)


def test_a_code_of_another_browser_does_nothing(mara):
    Client().post("/signin/code/", {"email": EMAIL})
    thief = Client()
    thief.post("/signin/code/", {"email": EMAIL})
    thief.post("/signin/code/confirm/", {"code": code_in(mail.outbox[0])})
    assert not is_in(thief)


# A forgotten password


def reset_password(client: Client, new: str = "another horse battery staple"):
    client.post("/password/", {"email": EMAIL})
    client.post("/password/code/", {"code": code_in(mail.outbox[-1])})
    return client.post("/password/new/", {"password1": new, "password2": new})


def test_a_new_password_ends_every_session_and_signs_nobody_in(mara, organization):
    before = sign_in(Client(), mara)
    organization.memberships.create(user=mara, role="member")
    client = Client()
    assert reset_password(client)["Location"] == "/password/done/"
    assert not is_in(client)
    assert not is_in(before)
    password_in(client, password="another horse battery staple")
    assert is_in(client)
    assert set(AuditEvent.objects.values_list("event", flat=True)) == {"member.password_changed", "member.signed_in"}


def test_a_new_password_is_no_way_round_the_second_factor(mara):
    add_totp(mara)
    client = Client()
    reset_password(client)
    password_in(client, password="another horse battery staple")
    assert not is_in(client)
    client.post("/signin/second/", {"code": totp_code()})
    assert is_in(client)


def test_pages_of_a_reset_lead_nowhere_without_its_code(mara):
    client = Client()
    client.post("/password/", {"email": EMAIL})
    assert client.get("/password/new/")["Location"] == "/password/code/"
    assert Client().get("/password/new/")["Location"] == "/password/"


def test_changing_the_password_ends_the_other_sessions(mara):
    here, there = Client(), Client()
    password_in(here)
    password_in(there)
    new = "another horse battery staple"
    sent = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert here.post("/account/password/", sent)["Location"] == "/account/"
    assert is_in(here)
    assert not is_in(there)
    assert mail.outbox[-1].subject == "Your Coffer password was changed"


def test_changing_the_password_takes_the_old_one(mara):
    client = sign_in(Client(), mara)
    new = "another horse battery staple"
    client.post("/account/password/", {"oldpassword": "something else", "password1": new, "password2": new})
    assert User.objects.get().check_password(PASSWORD)
