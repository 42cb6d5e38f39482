"""Acts that ask again who is there: which ones, when they ask, and what counts as proof."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.access.checks import routes
from accounts.access.route_permissions import permission_of
from accounts.access.step_up import ACCEPT_FOR, ASK_AFTER, Proof, ProofKind, accepted_proofs, record_sign_in_proof
from accounts.models import User
from secrets_app.models import SecretValue
from tests import factories
from tests.support.databases.undone import failures
from tests.support.sign_in import (
    add_totp,
    set_proof,
    sign_in,
    totp_code,
)
from tests.support.things import VALUE
from tests.support.web.access_table import (
    AGENTS,
    API_KEYS,
    INTEGRATION,
    MEMBERS,
    ROTATE,
    SECRET,
    SECRETS,
    TABLE,
    address,
    ids_of,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db, pytest.mark.usefixtures("inline")]

PASSWORD = "correct horse battery staple"

# Every route that asks, and how. A route that asks and is not here, or the other way round, fails.
ACTS = {
    SECRET + "edit/": Proof.PAGE,
    SECRETS + "import/": Proof.PAGE,
    ROTATE: Proof.PAGE,
    ROTATE + "<str:environment>/promote/": Proof.PAGE,
    ROTATE + "<str:environment>/rollback/": Proof.ACT,
    AGENTS + "connect/": Proof.PAGE,
    API_KEYS + "new/": Proof.PAGE,
    API_KEYS + "<uuid:key_id>/budget/": Proof.PAGE,
    INTEGRATION + "budget/": Proof.PAGE,
    INTEGRATION + "rules/": Proof.PAGE,
    "o/<slug:slug>/start/": Proof.ACT,
    API_KEYS + "<uuid:key_id>/lift/": Proof.ACT,
    "o/<slug:slug>/alerts/new/<str:kind>/": Proof.PAGE,
    "o/<slug:slug>/webhooks/<uuid:endpoint_id>/choose/<int:number>/": Proof.ACT,
    "o/<slug:slug>/webhooks/<uuid:endpoint_id>/edit/": Proof.PAGE,
    "o/<slug:slug>/webhooks/<uuid:endpoint_id>/resume/": Proof.ACT,
    "o/<slug:slug>/webhooks/<uuid:endpoint_id>/secret/": Proof.PAGE,
    MEMBERS + "invite/": Proof.PAGE,
    MEMBERS + "<uuid:membership_id>/role/": Proof.PAGE,
    "o/<slug:slug>/invitations/<uuid:invitation_id>/approve/": Proof.ACT,
    "o/<slug:slug>/settings/": Proof.PAGE,
    "o/<slug:slug>/settings/delete/": Proof.PAGE,
    "o/<slug:slug>/audit/csv/": Proof.ACT,
    "o/<slug:slug>/runs/csv/": Proof.ACT,
    "o/<slug:slug>/runs/jsonl/": Proof.ACT,
    "o/<slug:slug>/audit/jsonl/": Proof.ACT,
    "account/email/": Proof.PAGE,
    "account/password/set/": Proof.PAGE,
    "account/app/": Proof.PAGE,
    "account/app/remove/": Proof.PAGE,
    "account/recovery-codes/": Proof.PAGE,
    "account/recovery-codes/new/": Proof.PAGE,
    "account/passkeys/new/": Proof.PAGE,
    "account/passkeys/<int:pk>/": Proof.PAGE,
    "account/passkeys/<int:pk>/remove/": Proof.PAGE,
    "account/connections/": Proof.PAGE,
}
METHODS = [(method, pattern) for method, pattern in TABLE if pattern in ACTS]


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def person(owner) -> User:
    """The owner, with a password."""
    user = User.objects.get(pk=owner.id)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def unproven(person) -> Client:
    """Signed in, without any proof."""
    return sign_in(Client(), person, proven=False)


def prove(client: Client, **sent):
    return client.post("/proof/", sent)


def test_the_table_names_every_act_that_asks():
    found = {
        pattern: permission_of(view).proof for pattern, view, staff in routes() if permission_of(view) and not staff
    }
    assert {pattern: proof for pattern, proof in found.items() if proof} == ACTS


def test_act_without_a_proof_is_refused(owner, unproven):
    ids = ids_of(owner)

    def is_refused(case):
        method, pattern = case
        answer = unproven.generic(method, address(pattern, ids))
        if method == "POST" and ACTS[pattern] is Proof.PAGE:
            assert answer.status_code == 403
            assert "Confirm it is you first" in answer.content.decode()
        elif answer.status_code != 405:
            assert urlsplit(answer["Location"]).path == "/proof/"

    assert failures(METHODS, is_refused) == {}


def test_htmx_is_led_to_the_proof(owner, unproven):
    ids = ids_of(owner)
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/o/harbor-clinics/secrets/?q=crm"}

    def is_led(case):
        method, pattern = case
        answer = unproven.generic(method, address(pattern, ids), headers=headers)
        if answer.status_code != 405:
            way = urlsplit(answer["HX-Redirect"])
            assert way.path == "/proof/"
            assert parse_qs(way.query) == {"next": ["/o/harbor-clinics/secrets/?q=crm"], "again": ["1"]}

    assert failures(METHODS, is_led) == {}


def test_a_page_asks_after_five_minutes_and_its_form_is_taken_for_twenty(owner, unproven):
    path = address(API_KEYS + "new/", ids_of(owner))
    set_proof(unproven, seconds_ago=ASK_AFTER.total_seconds() - 5)
    assert unproven.get(path).status_code == 200
    set_proof(unproven, seconds_ago=ASK_AFTER.total_seconds() + 5)
    assert unproven.get(path).status_code == 302
    set_proof(unproven, seconds_ago=ACCEPT_FOR.total_seconds() - 5)
    assert unproven.post(path).status_code == 422
    set_proof(unproven, seconds_ago=ACCEPT_FOR.total_seconds() + 5)
    assert unproven.post(path).status_code == 403


def test_a_button_takes_a_proof_of_twenty_minutes(owner, unproven):
    path = address("o/<slug:slug>/audit/csv/", ids_of(owner))
    set_proof(unproven, seconds_ago=ACCEPT_FOR.total_seconds() - 5)
    assert unproven.get(path).status_code == 200
    set_proof(unproven, seconds_ago=ACCEPT_FOR.total_seconds() + 5)
    assert unproven.get(path).status_code == 302


def test_proof_from_the_future_is_none(owner, unproven):
    set_proof(unproven, seconds_ago=-60)
    assert unproven.get(address(API_KEYS + "new/", ids_of(owner))).status_code == 302


def test_refused_form_keeps_nothing_of_the_value(owner, unproven):
    before = list(SecretValue.objects.values_list("pk", "version"))
    path = address(SECRET + "edit/", ids_of(owner))
    answer = unproven.post(path, {"name": "crm.apiKey", "value": "a-value-that-was-typed", "mode": "shared"})
    assert answer.status_code == 403
    assert "a-value-that-was-typed" not in answer.content.decode() + str(dict(unproven.session))
    assert set(before) <= set(SecretValue.objects.values_list("pk", "version"))
    assert VALUE not in answer.content.decode()


def test_who_may_not_is_told_so_and_not_asked(owner, member, outsider):
    path = address(API_KEYS + "new/", ids_of(owner))
    assert sign_in(Client(), member, proven=False).get(path).status_code == 403
    assert sign_in(Client(), outsider, proven=False).get(path).status_code == 404


def test_the_whole_way_there_and_back(owner, unproven):
    path = address(API_KEYS + "new/", ids_of(owner))
    asked = unproven.get(path, follow=True)
    assert 'name="password"' in asked.content.decode()
    back = prove(unproven, password=PASSWORD, next=path)
    assert back["Location"] == path
    assert unproven.get(path).status_code == 200


def test_a_button_leads_back_to_its_page_and_says_so(owner, unproven):
    path = address("o/<slug:slug>/audit/", ids_of(owner))
    answer = unproven.get(path + "csv/", headers={"Referer": f"http://testserver{path}?event=secret.created"})
    wanted = parse_qs(urlsplit(answer["Location"]).query)
    assert wanted == {"next": [f"{path}?event=secret.created"], "again": ["1"]}
    page = unproven.post("/proof/", {"password": PASSWORD, "next": path, "again": "1"}, follow=True)
    assert "Press the button again" in page.content.decode()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/x",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/\\evil.example",
        "http:///evil.example",
        "http://testserver//evil.example/x",
        "http://testserver/\\evil.example",
        "http://testserver",
    ],
)
def test_proof_leads_nowhere_else(unproven, elsewhere):
    assert prove(unproven, password=PASSWORD, next=elsewhere)["Location"] == "/"
    assert "evil" not in unproven.get("/proof/", {"next": elsewhere}).content.decode()


def test_a_wrong_password_is_no_proof(unproven):
    assert prove(unproven, password="something else entirely").status_code == 422
    assert unproven.get("/proof/").status_code == 200
    assert "proven_at" not in unproven.session


def test_guessing_ends(unproven):
    found = [prove(unproven, password=f"wrong password {n}").status_code for n in range(11)]
    assert found[-1] == 429
    assert prove(unproven, password=PASSWORD).status_code == 429


def test_proof_changes_the_key_of_the_session(unproven):
    before = unproven.cookies["session"].value
    prove(unproven, password=PASSWORD)
    assert unproven.cookies["session"].value != before
    old = Client()
    old.cookies["session"] = before
    assert old.get("/proof/").status_code == 302


def test_a_second_factor_is_asked_for_instead_of_the_password(person, unproven):
    add_totp(person)
    assert accepted_proofs(person) == {ProofKind.CODE}
    assert prove(unproven, password=PASSWORD).status_code == 422
    assert prove(unproven, code=totp_code()).status_code == 302
    assert "proven_at" in unproven.session


def test_a_code_is_a_proof_once(person, unproven):
    add_totp(person)
    code = totp_code()
    assert prove(unproven, code=code).status_code == 302
    for again in (code, f" {code}", f"{code[:3]} {code[3:]}", f"{code[:3]}-{code[3:]}"):
        assert prove(unproven, code=again).status_code == 422


def test_a_passkey_is_asked_for_where_there_is_one(person):
    factories.AuthenticatorFactory(user=person, passkey=True)
    assert accepted_proofs(person) == {ProofKind.PASSKEY}
    factories.AuthenticatorFactory(user=person, recovery_codes=True)
    assert accepted_proofs(person) == {ProofKind.PASSKEY, ProofKind.CODE}


def test_person_of_single_sign_on_gets_a_code_by_mail(person, unproven):
    person.set_unusable_password()
    person.save()
    client = sign_in(Client(), person, proven=False)
    assert accepted_proofs(person) == {ProofKind.MAIL}
    assert "Send a code" in client.get("/proof/").content.decode()
    assert not mail.outbox
    prove(client, send="1")
    code = re.search(r"\b\d{6}\b", mail.outbox[0].body)[0]
    assert mail.outbox[0].to == [person.email]
    assert code not in str(dict(client.session))
    assert prove(client, mailed_code="000000" if code != "000000" else "111111").status_code == 422
    assert prove(client, mailed_code=code).status_code == 302
    assert prove(client, mailed_code=code).status_code == 422


def test_a_mailed_code_ends_after_five_attempts_and_ten_minutes(person):
    person.set_unusable_password()
    person.save()
    client = sign_in(Client(), person, proven=False)
    prove(client, send="1")
    code = re.search(r"\b\d{6}\b", mail.outbox[0].body)[0]
    session = client.session
    session["proof_code"] = {**session["proof_code"], "attempts": 5}
    session.save()
    assert prove(client, mailed_code=code).status_code == 422
    session["proof_code"] = {**session["proof_code"], "attempts": 0, "at": time.time() - 601}
    session.save()
    assert prove(client, mailed_code=code).status_code == 422


def test_mailed_code_is_for_nobody_with_a_password(unproven):
    prove(unproven, send="1")
    assert not mail.outbox


def test_a_password_given_long_ago_is_no_proof_now(person, unproven):
    """Somebody gave the password, stopped there, and comes in hours later by another way."""
    old = time.time() - 7200
    request = RequestFactory().get("/")
    request.session = unproven.session
    request.session["account_authentication_methods"] = [
        {"method": "password", "at": old},
        {"method": "socialaccount", "at": time.time()},
    ]
    request.session["account_authentication_methods_user"] = str(person.pk)
    record_sign_in_proof(request, person)
    assert request.session["proven_at"] == old


def test_signing_in_with_a_mailed_code_counts_where_there_is_nothing_else(person):
    person.set_unusable_password()
    person.save()
    client = Client()
    client.post("/signin/code/", {"email": person.email})
    code = re.search(r"^[A-Z0-9-]{6,9}$", mail.outbox[0].body, re.MULTILINE)[0]
    client.post("/signin/code/confirm/", {"code": code})
    assert "proven_at" in client.session


def test_signing_in_with_a_mailed_code_does_not_count_beside_a_password(person):
    client = Client()
    client.post("/signin/code/", {"email": person.email})
    code = re.search(r"^[A-Z0-9-]{6,9}$", mail.outbox[0].body, re.MULTILINE)[0]
    client.post("/signin/code/confirm/", {"code": code})
    assert client.get("/account/").status_code == 200
    assert "proven_at" not in client.session


def test_signing_in_with_the_password_counts_where_it_is_all_there_is(owner, person, organization):
    client = Client()
    client.post("/signin/", {"login": person.email, "password": PASSWORD})
    assert client.get(address(API_KEYS + "new/", ids_of(owner))).status_code == 200
