"""What the link of an invitation leads to: signed in or not, with its address or another, and when it does not work."""

import logging
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.test import Client, TestCase

from accounts.models import Invitation, Membership, User
from accounts.policy import Role
from tests import factories
from tests.support.databases.rows import all_rows
from tests.support.invited import invited
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db

NOOR = "noor@harbor.example"
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def link(owner):
    return f"/invitations/{invited(owner, NOOR, Role.ADMIN)[1]}/"


def html(response):
    return response.content.decode()


def new_account(client, link, name="Noor Haddad", password=PASSWORD):
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post(f"{link}account/", {"name": name, "password": password}, follow=True)


def test_new_person_makes_an_account_and_is_in(link, client):
    answer = new_account(client, link)
    assert answer.redirect_chain[-1][0] == "/o/harbor-clinics/secrets/"
    assert answer.status_code == 200
    assert "Noor Haddad" in html(answer)
    assert Membership.objects.get(user__email=NOOR).role == "admin"
    assert User.objects.get(email=NOOR).emailaddress_set.get().verified


def test_person_with_an_account_signs_in_and_accepts(link, client):
    user = factories.UserFactory(email=NOOR, password=PASSWORD)
    signin = f"/signin/?next={quote(link, safe='')}"
    assert f'href="{signin}"' in html(client.get(link))
    back = client.post(signin, {"login": NOOR, "password": PASSWORD, "next": link})
    assert back.url == link
    assert "Accept the invitation" in html(client.get(link))
    answer = client.post(f"{link}accept/", follow=True)
    assert "You now belong to Harbor Clinics" in html(answer)
    assert user.memberships.get().role == "admin"


def test_looking_at_the_link_writes_nothing(link, client, django_assert_num_queries):
    before = all_rows()
    for person in (client, sign_in(Client(), factories.UserFactory(email=NOOR))):
        person.get(link)
    after = all_rows()
    assert {name: rows for name, rows in after.items() if name != "User"} == {
        name: rows for name, rows in before.items() if name != "User"
    }
    assert not client.session.keys()


def test_person_with_another_address_is_told_and_does_not_join(link):
    client = sign_in(Client(), factories.UserFactory(email="somebody@else.example"))
    page = html(client.get(link))
    assert "You are signed in as somebody@else.example" in page
    assert "Accept the invitation" not in page
    answer = client.post(f"{link}accept/")
    assert answer.status_code == 403
    assert Membership.objects.count() == 1


def test_signed_in_person_makes_no_second_account(link):
    client = sign_in(Client(), factories.UserFactory(email="somebody@else.example"))
    assert client.post(f"{link}account/", {"name": "x", "password": PASSWORD}).url == link
    assert not User.objects.filter(email=NOOR).exists()


@pytest.mark.parametrize("why", ["unknown", "withdrawn", "over", "used"])
def test_links_that_do_not_work_are_one_and_the_same_page(link, client, why):
    if why == "withdrawn":
        Invitation.objects.all().delete()
    if why == "over":
        Invitation.objects.update(expires_at="2026-01-01T00:00:00Z")
    if why == "used":
        new_account(Client(), link)
    address = link if why != "unknown" else f"/invitations/{'a' * 43}/"
    answers = [client.get(address), new_account(client, address)]
    assert [answer.status_code for answer in answers] == [404, 404]
    page = html(answers[0])
    assert "This invitation does not work" in page
    assert "Harbor" not in page
    assert page == html(client.get("/invitations/whatever/"))


def test_accepting_a_link_that_does_not_work_is_the_same_page(client):
    signed_in = sign_in(Client(), factories.UserFactory())
    answer = signed_in.post("/invitations/whatever/accept/")
    assert answer.status_code == 404
    assert "does not work" in html(answer)


def test_weak_password_is_refused_and_the_name_comes_back(link, client):
    answer = new_account(client, link, name="Noor <b>", password="short")
    assert answer.status_code == 422
    assert "Noor &lt;b&gt;" in html(answer)
    assert "short" not in html(answer).partition("<form")[2].partition("This password")[0]
    assert not User.objects.filter(email=NOOR).exists()


def test_no_account_is_made_where_the_operator_makes_them(link, client, settings):
    settings.SIGN_UP = "nobody"
    page = html(client.get(link))
    assert "Sign in to accept" in page
    assert "Create an account" not in page
    answer = new_account(client, link)
    assert answer.status_code == 403
    assert "Ask for one" in html(answer)
    assert not User.objects.filter(email=NOOR).exists()


def test_account_that_exists_is_not_taken_over(link, client):
    user = factories.UserFactory(email=NOOR, password=PASSWORD)
    answer = new_account(client, link, password="another password 0815")
    user.refresh_from_db()
    assert answer.status_code == 422
    assert user.check_password(PASSWORD)
    assert not user.memberships.exists()


def test_member_is_told_so(link, organization):
    user = factories.UserFactory(email=NOOR)
    factories.MembershipFactory(organization=organization, user=user)
    answer = sign_in(Client(), user).post(f"{link}accept/")
    assert answer.status_code == 422
    assert "You already belong to this organization" in html(answer)


def test_page_of_the_link_is_kept_nowhere(link, client):
    answer = client.get(link)
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_token_is_in_no_log(owner, client, caplog):
    caplog.set_level(logging.INFO)
    _, token = invited(owner, NOOR)
    link, stranger = f"/invitations/{token}/", sign_in(Client(), factories.UserFactory())
    strict = Client(enforce_csrf_checks=True)
    refused = [
        stranger.post(f"{link}accept/"),
        client.get(f"{link}accept/"),
        new_account(client, link, password="short"),
        strict.post(f"{link}account/"),
    ]
    new_account(client, link)
    refused.append(client.get(link))
    assert [answer.status_code for answer in refused] == [403, 302, 422, 403, 404]
    written = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert [line for line in written if "invitations/<str:token>/" in line]
    assert [line for line in written if token in line] == []
