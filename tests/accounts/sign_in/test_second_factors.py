"""Authenticator apps, recovery codes, passkeys: how they are kept, that a code works once, and what is told of them."""

import json
import re

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.people.people import create_person
from config.second_factors import SecondFactorAdapter
from secrets_app.models import OrganizationKey
from secrets_app.sealing import keyring, seeds
from tests import factories
from tests.support.browser_sessions import stored_sessions
from tests.support.sign_in import (
    SEED,
    add_totp,
    sign_in,
    totp_code,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def mara() -> User:
    return create_person(email="mara@harbor.example", name="Mara", password=PASSWORD)


@pytest.fixture
def tomas() -> User:
    return create_person(email="tomas@harbor.example", name="Tomás", password=PASSWORD)


@pytest.fixture
def client(mara) -> Client:
    """Mara's browser, with a recent proof."""
    return sign_in(Client(), mara)


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def half_in(user: User) -> Client:
    """A browser that has given the password."""
    client = Client()
    client.post("/signin/", {"login": user.email, "password": PASSWORD})
    return client


def set_up_app(client: Client) -> str:
    """Through the pages; the seed."""
    page = client.get("/account/app/").content.decode()
    seed = re.search(r"selectable\">([A-Z2-7]{32})<", page)[1]
    assert client.post("/account/app/", {"code": totp_code(seed)})["Location"] == "/account/recovery-codes/"
    return seed


def codes_on(client: Client) -> list[str]:
    return re.findall(r"<li>(\d{8})</li>", client.get("/account/recovery-codes/").content.decode())


def everything_stored() -> str:
    sessions = [str(session) for session in stored_sessions()]
    return str(list(Authenticator.objects.values())) + " ".join(sessions)


def test_setting_up_an_app_gives_recovery_codes_once(client, mara):
    set_up_app(client)
    assert len(codes_on(client)) == 10
    assert codes_on(client) == []
    assert "10 of 10 are left" in client.get("/account/recovery-codes/").content.decode()
    browser = half_in(mara)
    assert not is_in(browser)


def test_a_wrong_code_sets_nothing_up(client):
    client.get("/account/app/")
    assert client.post("/account/app/", {"code": "000000"}).status_code == 200
    assert not Authenticator.objects.exists()


def test_seeds_are_nowhere_in_clear(client):
    page = client.get("/account/app/").content.decode()
    waiting = re.search(r"selectable\">([A-Z2-7]{32})<", page)[1]
    assert waiting not in everything_stored()
    seed = set_up_app(client)
    codes = codes_on(client)
    stored = everything_stored()
    assert not [found for found in (seed, waiting, *codes) if found in stored]
    sealed = Authenticator.objects.get(type="totp").data["secret"]
    assert seeds.open_seed(User.objects.get().pk, sealed) == seed
    assert OrganizationKey.objects.get().organization is None


def test_a_seed_copied_to_another_person_does_not_open(mara, tomas):
    add_totp(mara)
    add_totp(tomas)
    data = Authenticator.objects.get(user=tomas).data
    Authenticator.objects.filter(user=mara).update(data=data)
    client = half_in(mara)
    answer = client.post("/signin/second/", {"code": totp_code()})
    assert answer.status_code == 409
    assert "This second factor cannot be used" in answer.content.decode()
    assert SEED not in answer.content.decode()
    assert not is_in(client)


@pytest.mark.parametrize("data", [{"secret": SEED}, {"secret": ""}, {"secret": "not base64!"}])
def test_a_seed_that_was_not_sealed_here_is_refused(mara, data):
    Authenticator.objects.create(user=mara, type="totp", data=data)
    client = half_in(mara)
    assert client.post("/signin/second/", {"code": totp_code()}).status_code == 409
    assert not is_in(client)


def test_a_lost_key_is_an_error_and_no_way_in(mara):
    add_totp(mara)
    OrganizationKey.objects.update(master_key_id="gone")
    client = half_in(mara)
    assert client.post("/signin/second/", {"code": totp_code()}).status_code == 409
    assert not is_in(client)
    assert keyring.lost_keys()


@pytest.mark.parametrize("key", ["missing", "lost"])
def test_the_page_of_an_app_makes_no_key_and_says_who_does(client, key):
    keys = OrganizationKey.objects.all()
    keys.delete() if key == "missing" else keys.update(master_key_id="gone")
    before = list(keys.values())
    answer = client.get("/account/app/")
    assert answer.status_code == 409
    assert "manage.py migrate" in answer.content.decode()
    assert list(keys.values()) == before
    call_command("migrate", verbosity=0)
    call_command("keys", repair=True)
    set_up_app(client)


def test_a_waiting_seed_that_does_not_open_any_more_is_replaced(client):
    client.get("/account/app/")
    OrganizationKey.objects.update(master_key_id="gone")
    call_command("keys", repair=True)
    set_up_app(client)


def test_a_code_works_once(mara):
    add_totp(mara)
    code = totp_code()
    first = half_in(mara)
    first.post("/signin/second/", {"code": code})
    assert is_in(first)
    for again in (code, f" {code} ", f"{code[:3]} {code[3:]}"):
        client = half_in(mara)
        client.post("/signin/second/", {"code": again})
        assert not is_in(client)


def test_a_recovery_code_works_once(client, mara):
    set_up_app(client)
    code = codes_on(client)[3]
    first, second = half_in(mara), half_in(mara)
    first.post("/signin/second/", {"code": f"{code[:4]} {code[4:]}"})
    assert is_in(first)
    second.post("/signin/second/", {"code": code})
    assert not is_in(second)
    assert "9 left" in client.get("/account/").content.decode()


def test_signing_in_with_a_second_factor_is_a_proof(mara):
    add_totp(mara)
    client = half_in(mara)
    client.post("/signin/second/", {"code": totp_code()})
    assert client.get("/account/app/remove/").status_code == 200


def test_a_password_alone_opens_no_second_factor_page(mara):
    add_totp(mara)
    client = half_in(mara)
    assert client.get("/account/app/remove/")["Location"].startswith("/signin/")


@pytest.mark.django_db(transaction=True)
def test_changes_are_told_by_mail_and_in_the_log_of_each_organization(client, mara):
    for _ in range(2):
        factories.MembershipFactory(user=mara)
    set_up_app(client)
    client.post("/account/app/remove/")
    told = [event.event for event in AuditEvent.objects.order_by("organization_id", "sequence")]
    assert told == 2 * [
        "member.second_factor_added",
        "member.recovery_codes_made",
        "member.second_factor_removed",
    ]
    event = AuditEvent.objects.filter(event="member.second_factor_added").first()
    assert (event.data, event.address, event.target_label) == ({"factor": "authenticator app"}, "127.0.0.1", mara.email)
    assert {message.subject for message in mail.outbox} == {
        "An authenticator app was added to your Coffer account",
        "The authenticator app was removed from your Coffer account",
    }


def test_a_factor_without_its_entry_in_the_log_was_not_added(client, mara, monkeypatch):
    factories.MembershipFactory(user=mara)
    page = client.get("/account/app/").content.decode()
    seed = re.search(r"selectable\">([A-Z2-7]{32})<", page)[1]

    def fail(self, *args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(AuditEvent, "save", fail)
    with pytest.raises(RuntimeError):
        client.post("/account/app/", {"code": totp_code(seed)})
    assert not Authenticator.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_mail_about_an_act_leaves_when_the_act_is_done(client, mara, monkeypatch):
    """Also the mail that allauth sends in the middle of it; and none leaves about what did not happen."""
    passkey = factories.AuthenticatorFactory(user=mara, passkey=True)
    open_transactions = []
    monkeypatch.setattr(
        "django.core.mail.backends.locmem.EmailBackend.send_messages",
        lambda self, messages: open_transactions.append(connection.in_atomic_block),
    )
    client.post(f"/account/passkeys/{passkey.pk}/remove/")
    assert open_transactions == [False]
    factories.MembershipFactory(user=mara)
    passkey = factories.AuthenticatorFactory(user=mara, passkey=True)

    def fail(self, *args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(AuditEvent, "save", fail)
    with pytest.raises(RuntimeError):
        client.post(f"/account/passkeys/{passkey.pk}/remove/")
    assert len(open_transactions) == 1
    assert Authenticator.objects.filter(pk=passkey.pk).exists()


def test_deleting_a_person_tells_no_log_of_their_factors(mara, organization):
    add_totp(mara)
    mara.delete()
    assert not AuditEvent.objects.filter(event="member.second_factor_removed").exists()


BROKEN = [
    "",
    "null",
    "[]",
    '"text"',
    "{}",
    "17",
    '{"response": {}}',
    '{"response": {"userHandle": "AAAA"}}',
    '{"response": {"userHandle": null}}',
    '{"response": []}',
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"userHandle": "%%%"}}',
    "not json",
    json.dumps({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {
        "clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AAAA", "userHandle": "AAAA"}}),
]  # fmt: skip


@pytest.mark.parametrize("credential", BROKEN)
def test_a_malformed_passkey_is_refused_in_words(client, mara, credential):
    anybody = Client()
    anybody.get("/signin/passkey/", headers={"Accept": "application/json"})
    assert anybody.post("/signin/passkey/", {"credential": credential}).status_code == 302
    assert not is_in(anybody)
    client.get("/account/passkeys/new/")
    assert client.post("/account/passkeys/new/", {"name": "key", "credential": credential}).status_code == 200
    add_totp(mara)
    half = half_in(mara)
    half.get("/signin/second/")
    assert half.post("/signin/second/", {"credential": credential}).status_code == 200
    assert not is_in(half)


def test_somebody_elses_passkey_is_not_there(client, tomas):
    theirs = factories.AuthenticatorFactory(user=tomas, passkey=True)
    for path in (f"/account/passkeys/{theirs.pk}/", f"/account/passkeys/{theirs.pk}/remove/"):
        assert client.get(path).status_code == 404
        assert client.post(path, {"name": "mine"}).status_code == 404
    assert Authenticator.objects.get().data == {"name": "key"}


def test_passkeys_belong_to_the_operators_address(settings):
    settings.SITE_URL = "https://coffer.example.com"
    assert SecondFactorAdapter().get_public_key_credential_rp_entity() == {"id": "coffer.example.com", "name": "Coffer"}
