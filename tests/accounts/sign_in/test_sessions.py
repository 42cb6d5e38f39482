"""How long a session lasts, the list of sessions, and what ends with a person's account."""

import re
import time

import pytest
from allauth.usersessions.models import UserSession
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.common.browsers import browser_in_words
from accounts.models import ApiKey, AuditEvent, User
from accounts.people.people import create_person
from accounts.policy import Role
from accounts.sign_in.session_limits import BEGAN, SEEN
from config.sessions import RowKey
from tests.factories import MembershipFactory
from tests.support.sign_in import sign_in
from tests.support.things import key_for

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
HOUR, DAY = 3600, 24 * 3600


@pytest.fixture
def mara() -> User:
    return create_person(email="mara@harbor.example", name="Mara", password=PASSWORD)


def browser_of(user: User, **headers) -> Client:
    client = Client(**headers)
    client.post("/signin/", {"login": user.email, "password": PASSWORD})
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def age(client: Client, **seconds: float) -> None:
    """Make the session's times so old."""
    session = client.session
    for name, ago in seconds.items():
        session[name] = time.time() - ago
    session.save()


@pytest.mark.parametrize(
    ("seen", "began", "expected"),
    [
        (11.9 * HOUR, 12 * HOUR, True),
        (12.1 * HOUR, 13 * HOUR, False),
        (60, 6.9 * DAY, True),
        (60, 7.1 * DAY, False),
    ],
)
def test_a_session_ends_after_12_hours_without_use_and_after_7_days(mara, seen, began, expected):
    client = browser_of(mara)
    age(client, **{SEEN: seen, BEGAN: began})
    assert is_in(client) is expected
    if not expected:
        assert "You were signed out" in client.get("/signin/").content.decode()


def test_use_keeps_a_session_alive_and_is_written_down_now_and_then(mara):
    client = browser_of(mara)
    age(client, **{SEEN: 60})
    is_in(client)
    assert time.time() - client.session[SEEN] > 50
    age(client, **{SEEN: 600})
    UserSession.objects.update(last_seen_at="2026-01-01T00:00Z")
    is_in(client)
    assert time.time() - client.session[SEEN] < 50
    assert UserSession.objects.get().last_seen_at.timestamp() > time.time() - 50


def test_cookie_goes_with_the_browser(mara):
    cookie = browser_of(mara).cookies["session"]
    assert (cookie["max-age"], cookie["expires"]) == ("", "")
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_list_shows_where_somebody_is_signed_in(mara):
    firefox = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
    browser_of(mara, REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT=firefox)
    page = browser_of(mara).get("/account/sessions/").content.decode()
    for part in ("203.0.113.7", "Firefox on Windows", "This session", "Sign out everywhere else"):
        assert part in page


def test_signing_out_everywhere_else(mara):
    here, there = browser_of(mara), browser_of(mara)
    here.post("/account/sessions/")
    assert is_in(here)
    assert not is_in(there)
    assert UserSession.objects.count() == 1


def test_one_session_is_ended_alone(mara):
    MembershipFactory(user=mara)
    here, there, elsewhere = browser_of(mara), browser_of(mara), browser_of(mara)
    ends = re.findall(r"/account/sessions/\d+/end/", here.get("/account/sessions/").content.decode())
    assert len(ends) == 2
    answer = here.post(ends[0], follow=True)
    assert "Ended the session" in answer.content.decode()
    assert (is_in(here), is_in(there) + is_in(elsewhere)) == (True, 1)
    assert AuditEvent.objects.filter(event="member.session_ended").count() == 1
    assert here.post(ends[0]).status_code == 404


def test_nobody_ends_sessions_of_others(mara, outsider):
    theirs = browser_of(mara)
    stranger = sign_in(Client(), outsider)
    stranger.post("/account/sessions/")
    assert stranger.post(f"/account/sessions/{UserSession.objects.get(user=mara).pk}/end/").status_code == 404
    assert is_in(theirs)


def test_the_line_stays_when_a_proof_changes_the_key(mara):
    client = browser_of(mara)
    client.post("/proof/", {"password": PASSWORD})
    assert UserSession.objects.get().session_key == RowKey.of(client.cookies["session"].value)


def test_signing_out_empties_what_the_browser_kept(mara):
    client = browser_of(mara)
    before = client.cookies["session"].value
    assert client.post("/signout/").headers["Clear-Site-Data"] == '"cache", "storage"'
    again = Client()
    again.cookies["session"] = before
    assert not is_in(again)


def test_everything_ends_with_a_deactivated_account(owner):
    user = User.objects.get(pk=owner.id)
    user.set_password(PASSWORD)
    user.save()
    client, key = browser_of(user), key_for(owner)
    call = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    assert Client(**call).get("/api/v1/secrets").status_code == 200
    call_command("deactivate_person", email=user.email.upper())
    assert not is_in(client)
    assert Client(**call).get("/api/v1/secrets").status_code == 401
    assert not is_in(browser_of(user))
    call_command("deactivate_person", email=user.email, undo=True)
    assert not is_in(client)
    assert is_in(browser_of(user))
    assert Client(**call).get("/api/v1/secrets").status_code == 200


def test_a_key_that_was_made_on_the_server_has_no_maker(organization):
    call_command(
        "create_api_key", organization=organization.slug, name="ci", scope=["secrets.read"], environment=["staging"]
    )
    assert ApiKey.objects.get().created_by is None


def test_keys_of_a_deleted_account_stay(owner):
    """Whoever is removed from the list of people altogether left long ago; keys belong to the organization."""
    key = key_for(owner)
    MembershipFactory(organization=owner.organization, role=Role.OWNER)
    User.objects.get(pk=owner.id).delete()
    assert Client(HTTP_AUTHORIZATION=f"Bearer {key}").get("/api/v1/secrets").status_code == 200


def test_deactivating_nobody_is_an_error(db):
    with pytest.raises(CommandError, match="Nobody has an account"):
        call_command("deactivate_person", email="nobody@example.com")


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0.0.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("curl/8.14", "curl/8.14"),
        ("", "Unknown"),
    ],
)
def test_browser_in_words(user_agent, words):
    assert browser_in_words(user_agent) == words
