"""Single sign-on, against a real provider on loopback."""

import html
import re
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.access.step_up import ProofKind, accepted_proofs
from accounts.models import AuditEvent, User
from accounts.people.people import create_person
from config.single_sign_on import providers
from tests import factories
from tests.peers.oidc import CLIENT_ID, CLIENT_SECRET, serving
from tests.support.sign_in import add_totp, sign_in, totp_code

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

EMAIL = "mara@harbor.example"
START = "/signin/with/sso/"


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, not followed."""

    def redirect_request(self, *args):
        return None


@pytest.fixture
def provider(settings):
    cache.clear()
    person = {"sub": "42", "email": EMAIL, "email_verified": True, "name": "Mara Lindqvist"}
    with serving(person) as server:
        settings.SOCIALACCOUNT_PROVIDERS = providers(
            issuer=server.issuer, name="Harbor", client_id=CLIENT_ID, secret=CLIENT_SECRET
        )
        settings.OIDC_SIGN_UP = True
        yield server


@pytest.fixture
def mara() -> User:
    return create_person(email=EMAIL, name="Mara", password="correct horse battery staple")


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def leave(client: Client, **sent) -> str:
    """Start; where the page of ours leads."""
    page = client.post(START, sent).content.decode()
    return html.unescape(re.search(r'content="0;url=([^"]+)"', page)[1])


def come_back(client: Client, address: str):
    """What the provider answers, brought back to us."""
    try:
        urllib.request.build_opener(Stay).open(address)
    except urllib.error.HTTPError as answer:
        back = urlsplit(answer.headers["Location"])
        answer.close()
        return client.get(f"{back.path}?{back.query}")
    raise AssertionError("The provider did not lead back.")


def go(client: Client, **sent):
    return come_back(client, leave(client, **sent))


def test_person_whom_the_provider_vouches_for_gets_an_account(provider):
    client = Client()
    assert go(client)["Location"] == "/"
    assert is_in(client)
    user = User.objects.get()
    assert (user.email, user.name, user.has_usable_password()) == (EMAIL, "Mara Lindqvist", False)
    assert EmailAddress.objects.get().verified
    assert not SocialToken.objects.exists()
    go(Client())
    assert User.objects.count() == 1


def test_the_code_is_bound_to_who_asked_for_it(provider):
    go(Client())
    assert provider.asked[0]["code_challenge_method"] == "S256"
    assert provider.asked[0]["redirect_uri"] == "http://testserver/signin/with/sso/back/"


def test_an_answer_that_nobody_asked_for_is_refused(provider):
    address = leave(Client())
    victim = Client()
    come_back(victim, address)
    assert not is_in(victim)
    assert not User.objects.exists()


def test_strangers_of_the_provider_get_in_only_where_the_operator_says_so(provider, settings):
    settings.OIDC_SIGN_UP = False
    create_person(email="first@example.com", name="", password="correct horse battery staple")
    client = Client()
    assert "By invitation" in go(client).content.decode()
    assert not is_in(client)
    assert User.objects.count() == 1


def test_the_same_address_is_no_way_into_an_account(provider, mara):
    client = Client()
    go(client)
    assert not is_in(client)
    assert not SocialAccount.objects.exists()
    assert [message.subject for message in mail.outbox] in ([], ["You already have a Coffer account"])


def test_an_address_that_the_provider_did_not_check_is_checked_here(provider):
    provider.person["email_verified"] = False
    client = Client()
    assert go(client)["Location"] == "/signup/code/"
    assert not is_in(client)


def test_connecting_takes_a_proof_and_then_signs_in(provider, mara, organization):
    organization.memberships.create(user=mara, role="member")
    client = sign_in(Client(), mara, proven=False)
    for answer in (client.get(f"{START}?process=connect"), client.get("/account/connections/")):
        assert urlsplit(answer["Location"]).path == "/proof/"
    assert client.post(START, {"process": "connect"}).status_code == 403
    client = sign_in(Client(), mara)
    assert go(client, process="connect")["Location"] == "/account/connections/"
    assert SocialAccount.objects.get().user == mara
    assert mail.outbox[-1].subject == "Single sign-on was connected to your Coffer account"
    assert "Single sign-on with Harbor was connected" in mail.outbox[-1].body
    assert AuditEvent.objects.get().event == "member.single_sign_on_connected"
    elsewhere = Client()
    go(elsewhere)
    assert is_in(elsewhere)


def test_a_connection_without_its_entry_in_the_log_was_not_made(provider, mara, organization, monkeypatch):
    organization.memberships.create(user=mara, role="member")
    client = sign_in(Client(), mara)
    address = leave(client, process="connect")

    def fail(self, *args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(AuditEvent, "save", fail)
    with pytest.raises(RuntimeError):
        come_back(client, address)
    assert not SocialAccount.objects.exists()
    assert not mail.outbox


def test_disconnecting(provider, mara):
    factories.SocialAccountFactory(user=mara, uid="42")
    client = sign_in(Client(), mara)
    assert "Disconnect" in client.get("/account/connections/").content.decode()
    client.post("/account/connections/", {"account": SocialAccount.objects.get().pk})
    assert not SocialAccount.objects.exists()


def test_the_second_factor_is_asked_for_all_the_same(provider, mara):
    factories.SocialAccountFactory(user=mara, uid="42")
    add_totp(mara)
    client = Client()
    assert go(client)["Location"] == "/signin/second/"
    assert not is_in(client)
    client.post("/signin/second/", {"code": totp_code()})
    assert is_in(client)


def test_single_sign_on_is_no_proof(provider):
    client = Client()
    go(client)
    assert "proven_at" not in client.session
    assert accepted_proofs(User.objects.get()) == {ProofKind.MAIL}
    assert client.get("/account/app/")["Location"].startswith("/proof/")


def test_who_was_deactivated_does_not_come_in_this_way(provider, mara):
    factories.SocialAccountFactory(user=mara, uid="42")
    User.objects.update(is_active=False)
    client = Client()
    assert go(client)["Location"] == "/signin/inactive/"
    assert not is_in(client)


def test_an_error_of_the_provider_is_a_page(provider):
    client = Client()
    leave(client)
    page = client.get("/signin/with/sso/back/?error=server_error&error_description=<script>alert(1)</script>")
    assert "Single sign-on did not work" in page.content.decode()
    assert "alert(1)" not in page.content.decode()


def test_sign_in_page_offers_it_only_where_it_is_set_up(provider, settings):
    assert "Sign in with Harbor" in Client().get("/signin/").content.decode()
    settings.SOCIALACCOUNT_PROVIDERS = {}
    assert "Sign in with" not in Client().get("/signin/").content.decode()
