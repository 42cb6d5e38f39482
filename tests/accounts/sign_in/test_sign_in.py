"""Signing up, signing in, lock-out, a forgotten password: what works, and what is never told."""

import re
import time
from pathlib import Path

import allauth
import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import call_command
from django.template.loader import get_template
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone

from accounts.models import AuditEvent, SeenSignIn, User
from accounts.people.people import CONFIRMED_WITHIN, create_person, forget_unconfirmed
from accounts.sign_in.seen_sign_ins import FORGOTTEN_AFTER, forget_old_sign_ins
from accounts.web import urls_sign_in
from config import settings as product
from tests.support.sign_in import add_totp, sign_in, totp_code
from tests.support.web.sign_in_forms import EMAIL, PASSWORD, CountingHasher, code_in, is_in, password_in

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


@pytest.fixture
def anybody(settings):
    settings.SIGN_UP = "anybody"


def sign_up(client: Client, email: str = EMAIL):
    return client.post("/signup/", {"email": email, "password1": PASSWORD, "name": "Mara"})


def test_signing_up_takes_the_mailed_code(anybody):
    client = Client()
    assert sign_up(client)["Location"] == "/signup/code/"
    assert not is_in(client)
    assert client.post("/signup/code/", {"code": code_in(mail.outbox[0])}).status_code == 302
    assert is_in(client)
    assert User.objects.get().name == "Mara"
    assert EmailAddress.objects.get().verified


def test_a_code_is_tried_three_times(anybody):
    client = Client()
    sign_up(client)
    for _ in range(3):
        client.post("/signup/code/", {"code": "WRONG1"})
    client.post("/signup/code/", {"code": code_in(mail.outbox[0])})
    assert not is_in(client)


def test_who_has_not_entered_the_code_cannot_sign_in(anybody):
    sign_up(Client())
    client = Client()
    password_in(client)
    assert not is_in(client)


@pytest.mark.parametrize(
    ("setting", "somebody_is_there", "expected"),
    [("invited", False, True), ("invited", True, False), ("anybody", True, True), ("nobody", False, False)],
)
def test_who_may_sign_up(settings, setting, somebody_is_there, expected):
    settings.SIGN_UP = setting
    if somebody_is_there:
        create_person(email="first@example.com", name="", password=PASSWORD)
    client = Client()
    assert ("Create one" in client.get("/signin/").content.decode()) is expected
    sign_up(client)
    assert User.objects.filter(email=EMAIL).exists() is expected


def test_who_mistypes_the_first_address_can_try_again():
    sign_up(Client(), "mistyped@harbor.example")
    client = Client()
    sign_up(client)
    client.post("/signup/code/", {"code": code_in(mail.outbox[-1])})
    assert is_in(client)
    assert "Create one" not in Client().get("/signin/").content.decode()


@pytest.mark.parametrize("password", ["short", "password1234", "mara@harbor.example"])
def test_weak_password_is_refused(anybody, password):
    answer = Client().post("/signup/", {"email": EMAIL, "password1": password})
    assert "The account was not created" in answer.content.decode()
    assert not User.objects.exists()


def test_password_of_the_operator_signs_in_without_a_code(mara):
    client = Client()
    assert password_in(client)["Location"] == "/"
    assert is_in(client)


@pytest.mark.parametrize("typed", [EMAIL, EMAIL.upper(), f" {EMAIL} "])
def test_case_and_spaces_of_the_address_do_not_matter(mara, typed):
    client = Client()
    password_in(client, typed)
    assert is_in(client)


def test_session_gets_a_new_key_at_sign_in(mara):
    client = Client()
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = client.cookies["session"].value
    password_in(client)
    assert client.cookies["session"].value != before


def test_signing_in_leads_on_but_never_elsewhere(mara):
    assert password_in(Client(), next="/organizations/new/")["Location"] == "/organizations/new/"
    assert password_in(Client(), next="https://evil.example/")["Location"] == "/"


def test_accounts_that_nobody_confirmed_are_forgotten(anybody, mara):
    sign_up(Client(), "squatter@harbor.example")
    old = timezone.now() - 2 * CONFIRMED_WITHIN
    assert forget_unconfirmed() == 0
    User.objects.update(date_joined=old)
    assert forget_unconfirmed() == 1
    assert User.objects.get() == mara


def test_starting_again_forgets_who_was_half_in(mara):
    add_totp(mara)
    client = Client()
    password_in(client)
    assert client.get("/signin/")["Location"] == "/signin/second/"
    assert client.post("/signout/", {"next": "/signin/"})["Location"] == "/signin/"
    assert client.get("/signin/").status_code == 200


# Nothing tells whether somebody has an account


def seen_of(answer):
    """What somebody at the keyboard sees, without what differs each time."""
    text = re.sub(r'(csrfmiddlewaretoken" value=")\w+', r"\1", answer.content.decode())
    return answer.status_code, answer.get("Location"), text.replace("nobody@harbor.example", EMAIL)


WAYS_TO_ASK = {
    "sign in": lambda client, email: client.post("/signin/", {"login": email, "password": "a wrong password"}),
    "sign up": lambda client, email: client.post("/signup/", {"email": email, "password1": PASSWORD}, follow=True),
    "code": lambda client, email: client.post("/signin/code/", {"email": email}, follow=True),
    "wrong code": lambda client, email: (
        client.post("/signin/code/", {"email": email}),
        client.post("/signin/code/confirm/", {"code": "WRONG1"}, follow=True),
    )[1],
    "forgotten": lambda client, email: client.post("/password/", {"email": email}, follow=True),
    "forgotten, wrong code": lambda client, email: (
        client.post("/password/", {"email": email}),
        client.post("/password/code/", {"code": "WRONG1"}, follow=True),
    )[1],
}


@pytest.mark.parametrize("way", WAYS_TO_ASK)
def test_known_and_unknown_addresses_get_the_same_answer(anybody, mara, way):
    known = WAYS_TO_ASK[way](Client(), EMAIL)
    unknown = WAYS_TO_ASK[way](Client(), "nobody@harbor.example")
    assert seen_of(known) == seen_of(unknown)


@pytest.mark.parametrize("way", ["sign up", "code", "forgotten"])
def test_both_kinds_of_answer_send_one_mail(anybody, mara, way):
    WAYS_TO_ASK[way](Client(), EMAIL)
    WAYS_TO_ASK[way](Client(), "nobody@harbor.example")
    assert [message.to for message in mail.outbox] == [[EMAIL], ["nobody@harbor.example"]]


def test_an_unknown_address_costs_as_many_password_hashes(mara, settings):
    settings.PASSWORD_HASHERS = ["tests.support.web.sign_in_forms.CountingHasher"]
    mara.set_password(PASSWORD)
    mara.save()
    counted = []
    for email in (EMAIL, "nobody@harbor.example"):
        CountingHasher.made = 0
        password_in(Client(), email, "a wrong password")
        counted.append(CountingHasher.made)
    assert counted == [1, 1]


# Lock-out


def test_guessing_a_password_locks_the_account_for_a_while(mara):
    for number in range(5):
        password_in(Client(REMOTE_ADDR=f"203.0.113.{number}"), password=f"wrong {number}")
    client = Client(REMOTE_ADDR="203.0.113.99")
    answer = password_in(client)
    assert not is_in(client)
    assert "Too many failed login attempts" in answer.content.decode()


def test_writing_the_address_another_way_is_no_way_round(mara):
    for number, typed in enumerate([EMAIL, EMAIL.upper(), f" {EMAIL}", f"{EMAIL} ", "Mara@Harbor.example"]):
        password_in(Client(REMOTE_ADDR=f"203.0.113.{number}"), typed, "wrong password")
    client = Client(REMOTE_ADDR="203.0.113.99")
    password_in(client)
    assert not is_in(client)


def test_guessing_from_one_address_ends_with_429(mara):
    client = Client()
    found = [password_in(client, f"person{n}@example.com", "wrong password").status_code for n in range(31)]
    assert found[-1] == 429
    assert Client().post("/signin/", {}).status_code == 429


def test_forwarded_header_is_no_other_address(mara):
    for n in range(31):
        last = Client().post(
            "/signin/", {"login": f"p{n}@example.com", "password": "x"}, headers={"X-Forwarded-For": f"198.51.100.{n}"}
        )
    assert last.status_code == 429


def test_limits_are_kept_where_every_process_sees_them(mara):
    """Two caches that share nothing but the database, as two worker processes do."""
    shared = {"BACKEND": "config.caches.JsonDatabaseCache", "LOCATION": "coffer_cache"}
    with override_settings(CACHES={"default": shared}):
        call_command("createcachetable", verbosity=0)
    for number in range(6):
        with override_settings(CACHES={"default": shared}):
            client = Client(REMOTE_ADDR=f"203.0.113.{number}")
            password_in(client, password="wrong password" if number < 5 else PASSWORD)
    assert not is_in(client)


def test_guessing_second_factors_ends(mara):
    add_totp(mara)
    client = Client()
    password_in(client)
    for _ in range(5):
        client.post("/signin/second/", {"code": "000000"})
    answer = client.post("/signin/second/", {"code": totp_code()})
    assert not is_in(client)
    assert "Too many" in answer.content.decode()


# Mail


def test_links_in_mail_name_the_operators_address(anybody, mara, settings):
    settings.SITE_URL = "https://coffer.example.com"
    settings.ALLOWED_HOSTS = ["coffer.example.com", "elsewhere.example"]
    client = Client(headers={"Host": "elsewhere.example"})
    sign_up(client)
    client.post("/password/", {"email": "nobody@harbor.example"})
    for message in mail.outbox:
        assert "https://coffer.example.com" in message.body
        assert "elsewhere.example" not in message.body


def test_a_sign_in_from_elsewhere_is_told(mara):
    places = [
        ("203.0.113.1", "Firefox"),
        ("203.0.113.1", "Firefox"),
        ("203.0.113.2", "Firefox"),
        ("203.0.113.2", "Lynx"),
    ]
    told = []
    for address, browser in places:
        mail.outbox.clear()
        password_in(Client(REMOTE_ADDR=address, headers={"User-Agent": browser}))
        told.append([message.subject for message in mail.outbox])
    assert told == [[], [], ["New sign-in to Coffer"], ["New sign-in to Coffer"]]
    assert "203.0.113.2" in mail.outbox[0].body
    assert "Lynx" in mail.outbox[0].body


def test_places_are_kept_as_hashes_and_forgotten(mara):
    password_in(Client(REMOTE_ADDR="203.0.113.1", headers={"User-Agent": "Firefox"}))
    assert "203.0.113.1" not in str(list(SeenSignIn.objects.values()))
    assert forget_old_sign_ins() == 0
    SeenSignIn.objects.update(seen_at=SeenSignIn.objects.get().seen_at - 2 * FORGOTTEN_AFTER)
    assert forget_old_sign_ins() == 1


def test_no_mail_carries_a_line_of_somebody_elses_making(anybody):
    Client().post("/signup/", {"email": "a@x.example\nBcc: b@x.example", "password1": PASSWORD})
    assert not mail.outbox


def test_changing_the_address_takes_a_code_to_the_new_one(mara, organization):
    organization.memberships.create(user=mara, role="member")
    client = sign_in(Client(), mara)
    client.post("/account/email/", {"action_add": "1", "email": "new@harbor.example"})
    assert User.objects.get().email == EMAIL
    sent = next(message for message in mail.outbox if message.to == ["new@harbor.example"])
    client.post("/signup/code/", {"code": code_in(sent)})
    assert User.objects.get().email == "new@harbor.example"
    assert [EMAIL] in [message.to for message in mail.outbox]
    event = AuditEvent.objects.get()
    assert (event.event, event.data) == (
        "member.email_changed",
        {"email": "new@harbor.example", "email_before": EMAIL},
    )


def test_the_django_admin_signs_in_through_the_same_page(mara):
    answer = Client().get("/admin/login/?next=/admin/")
    assert answer["Location"].startswith("/signin/")
    assert Client().post("/admin/login/", {"username": EMAIL, "password": PASSWORD}).status_code == 302


def test_unix_socket_has_one_address_for_limits(mara):
    from accounts.sign_in.adapter import AccountAdapter

    request = RequestFactory(REMOTE_ADDR="").get("/")
    assert AccountAdapter(request).get_client_ip(request) == "0.0.0.0"


def test_timestamp_of_a_mail_is_utc(mara):
    password_in(Client(REMOTE_ADDR="203.0.113.1"))
    password_in(Client(REMOTE_ADDR="203.0.113.2"))
    assert time.strftime("%Y-%m-%d", time.gmtime()) in mail.outbox[0].body


OURS = product.BASE_DIR / "templates"
LIBRARY = Path(allauth.__file__).parent / "templates"


def test_every_page_is_in_our_style():
    views = [pattern.callback for pattern in urls_sign_in.urlpatterns]
    names = {view.view_class.template_name for view in views if hasattr(view, "view_class")}
    theirs = {name for name in names - {None} if not get_template(name).origin.name.startswith(str(OURS))}
    assert len(names) > 15
    assert theirs == set()


@pytest.mark.parametrize("kind", ["account/email", "mfa/email", "socialaccount/email", "account/messages"])
def test_every_mail_and_notice_is_in_our_words(kind):
    names = {path.relative_to(LIBRARY).as_posix() for path in (LIBRARY / kind).glob("*.txt")}
    theirs = {name for name in names if not (OURS / name).exists() and "phone" not in name and "reset_key" not in name}
    assert theirs == set()
