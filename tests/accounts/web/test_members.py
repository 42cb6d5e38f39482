"""The members page: the list, roles, removal, leaving, and the wall that asks for a second factor."""

import pytest
from django.core import mail
from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext

from accounts.access.api_keys import create_api_key
from accounts.common.environments import ALL_ENVIRONMENTS
from accounts.models import ApiKey, Invitation, Membership, Organization, User
from accounts.people import members
from accounts.policy import Role, Scope
from tests import factories
from tests.support.invited import invited
from tests.support.sign_in import add_totp, sign_in
from tests.support.things import make_action

pytestmark = pytest.mark.django_db

PAGE = "/o/harbor-clinics/members/"
INVITATIONS = "/o/harbor-clinics/invitations/"


def at(actor, act):
    membership = Membership.objects.get(user=actor.id, organization__slug="harbor-clinics")
    return f"{PAGE}{membership.id}/{act}/"


def html(response):
    return response.content.decode()


def post(client, path, **sent):
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post(path, sent, follow=True)


def htmx(client, path):
    return html(client.get(path, headers={"HX-Request": "true"}))


# What works


def test_list_shows_people_with_role_and_second_factor(as_owner, owner, admin, member):
    add_totp(User.objects.get(pk=admin.id))
    page = html(as_owner.get(PAGE))
    assert page.index("Mara Lindqvist") < page.index("Tomás Ferreira") < page.index("Jonas Weber")
    assert page.count("Not set up") == 2
    assert page.count("Authenticator app") == 1
    assert "The only owner" in page


def test_list_is_searched_and_pages(as_owner, owner, organization, monkeypatch):
    for number in range(3):
        factories.MembershipFactory(organization=organization, user__email=f"x{number}@z.example", user__name="")
    monkeypatch.setattr(members.members, "__kwdefaults__", {"cursor": "", "limit": 2})
    first = as_owner.get(PAGE, {"q": "z.example"})
    assert "x0@z.example" in html(first)
    assert "x2@z.example" not in html(first)
    second = html(as_owner.get(first.context["next_url"]))
    assert "x2@z.example" in second
    assert "x0@z.example" not in second
    assert htmx(as_owner, f"{PAGE}?q=nobody").count("Nobody matches") == 1


def test_page_costs_the_same_for_one_and_for_many(as_owner, organization, django_assert_num_queries):
    as_owner.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        as_owner.get(PAGE)
    for _ in range(5):
        factories.MembershipFactory(organization=organization)
    with django_assert_num_queries(len(few)):
        as_owner.get(PAGE)


def test_role_is_changed_in_a_dialog(as_owner, member):
    assert "data-autoshow" in htmx(as_owner, at(member, "role"))
    answer = post(as_owner, at(member, "role"), role="admin")
    assert "Jonas Weber is now an admin" in html(answer)
    assert Membership.objects.get(user=member.id).role == "admin"


def test_admin_is_offered_no_owner(owner, admin, member):
    page = htmx(sign_in(Client(), admin), at(member, "role"))
    assert ('value="admin"' in page, 'value="owner"' in page) == (True, False)


def test_keys_of_who_is_removed_are_named_and_revoked(as_owner, owner, admin):
    create_api_key(actor=admin, name="voice-runtime", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)
    assert "voice-runtime" in htmx(as_owner, at(admin, "remove"))
    assert "Removed Tomás Ferreira" in html(post(as_owner, at(admin, "remove"), revoke_keys="on"))
    assert ApiKey.objects.get().revoked_at


def test_people_are_invited_sent_again_and_withdrawn(as_owner, owner):
    answer = post(as_owner, f"{PAGE}invite/", emails="a@x.example, b@x.example\r\nc@x.example", role="admin")
    assert "Invited 3 people" in html(answer)
    assert len(mail.outbox) == 3
    first, second, third = Invitation.objects.order_by("email")
    assert "has just been sent" in html(post(as_owner, f"{INVITATIONS}{first.id}/renew/"))
    Invitation.objects.update(sent_at=None)
    assert "Not sent" in html(as_owner.get(PAGE))
    assert "Sent again to b@x.example" in html(post(as_owner, f"{INVITATIONS}{second.id}/renew/"))
    assert "Withdrew the invitation of c@x.example" in html(post(as_owner, f"{INVITATIONS}{third.id}/withdraw/"))
    assert "c@x.example" not in html(as_owner.get(PAGE)).partition("Open invitations")[2]


def test_page_says_that_a_mail_was_not_sent(as_owner, settings):
    settings.EMAIL_BACKEND = "tests.support.mail_backends.Unreachable"
    answer = html(post(as_owner, f"{PAGE}invite/", emails="a@x.example", role="member"))
    assert "did not accept the invitation of a@x.example" in answer
    assert "Not sent" in answer


def test_member_leaves_from_the_menu(as_member, member):
    assert "Leave Harbor Clinics" in html(as_member.get("/o/harbor-clinics/secrets/"))
    assert "Leave Harbor Clinics?" in htmx(as_member, "/o/harbor-clinics/leave/")
    assert "You left Harbor Clinics" in html(post(as_member, "/o/harbor-clinics/leave/"))
    assert not Membership.objects.filter(user=member.id).exists()


def test_owner_who_steps_down_lands_where_they_may_be(as_owner, owner, organization):
    factories.MembershipFactory(organization=organization, role=Role.OWNER)
    answer = post(as_owner, at(owner, "role"), role="member")
    assert answer.redirect_chain == [("/o/harbor-clinics/secrets/", 303)]
    assert answer.status_code == 200


# Who may not


def test_member_sees_neither_the_list_nor_the_way_there(as_member, member):
    assert PAGE not in html(as_member.get("/o/harbor-clinics/secrets/"))
    assert as_member.get(PAGE).status_code == 403


@pytest.mark.parametrize("act", ["role", "remove"])
def test_admin_manages_no_owner(owner, admin, act):
    client = sign_in(Client(), admin)
    assert client.get(at(owner, act)).status_code == 403
    assert client.post(at(owner, act), {"role": "member"}).status_code == 403
    assert f"{at(owner, act)}" not in html(client.get(PAGE))


def test_admin_makes_no_owner(owner, admin, member):
    client = sign_in(Client(), admin)
    assert client.post(at(member, "role"), {"role": "owner"}).status_code == 403
    assert client.post(f"{PAGE}invite/", {"emails": "a@x.example", "role": "owner"}).status_code == 403
    assert Membership.objects.filter(role="owner").count() == 1
    assert not Invitation.objects.exists()


# Malformed


def test_last_owner_is_told_the_way_out(as_owner, owner):
    answer = as_owner.post(at(owner, "role"), {"role": "member"})
    assert answer.status_code == 422
    assert "Make somebody else an owner first" in html(answer)
    assert "Make somebody else an owner first" in html(as_owner.post("/o/harbor-clinics/leave/"))


@pytest.mark.parametrize("role", ["", "boss", "OWNER"])
def test_unknown_role_is_refused(as_owner, member, role):
    assert as_owner.post(at(member, "role"), {"role": role}).status_code == 422
    answer = as_owner.post(f"{PAGE}invite/", {"emails": "a@x.example", "role": role})
    assert answer.status_code == 422
    assert "a@x.example" in html(answer)


def test_refused_addresses_come_back_in_the_form(as_owner, member):
    answer = as_owner.post(f"{PAGE}invite/", {"emails": "a@x.example\n<b>", "role": "member"})
    assert answer.status_code == 422
    assert "&lt;b&gt;" in html(answer)
    assert "not an e-mail address" in html(answer)


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"cursor": "WyI5IiwgIngiXQ"}, {"invited": "x"}])
def test_cursor_of_another_list_is_refused(as_owner, query):
    assert as_owner.get(PAGE, query).status_code == 422


# A second factor of everybody


@pytest.fixture
def walled(owner):
    Organization.objects.update(require_mfa=True)


def test_whoever_has_no_second_factor_sees_the_way_to_one_and_nothing_else(walled, as_owner, as_member):
    for client in (as_owner, as_member):
        answer = client.get("/o/harbor-clinics/secrets/")
        assert answer.status_code == 403
        assert "Set up a second factor first" in html(answer)
        assert 'href="/account/"' in html(answer)
    assert as_owner.post("/o/harbor-clinics/secrets/new/", {"name": "a"}).status_code == 403


def test_wall_does_not_say_how_many_secrets_need_attention(walled, as_owner, owner):
    make_action(owner, uses="not.yet")
    assert 'id="nav-missing" hidden' in html(as_owner.get("/o/harbor-clinics/secrets/"))
    Organization.objects.update(require_mfa=False)
    assert 'title="1 missing"' in html(as_owner.get("/o/harbor-clinics/secrets/"))


def test_second_factor_opens_the_organization(walled, as_member, member):
    add_totp(User.objects.get(pk=member.id))
    assert as_member.get("/o/harbor-clinics/secrets/").status_code == 200


def test_leaving_and_other_organizations_work_without(walled, as_member, member, outsider):
    Organization.objects.filter(pk=outsider.organization.pk).update(require_mfa=False)
    factories.MembershipFactory(organization=outsider.organization, user_id=member.id, user=None)
    slug = outsider.organization.slug
    assert as_member.get(f"/o/{slug}/secrets/").status_code == 200
    assert as_member.get("/o/harbor-clinics/leave/").status_code == 200
    assert as_member.post("/o/harbor-clinics/leave/").status_code == 303


def test_wall_tells_a_stranger_nothing(walled, as_outsider):
    assert as_outsider.get("/o/harbor-clinics/secrets/").status_code == 404


def test_api_keys_are_not_asked(walled, owner, client):
    _, text = create_api_key(actor=owner, name="k", scopes=[Scope.SECRETS_READ], environments=ALL_ENVIRONMENTS)
    answer = client.get("/api/v1/secrets", HTTP_AUTHORIZATION=f"Bearer {text.text}")
    assert answer.status_code == 200


def test_invitations_page_by_page(as_owner, owner, monkeypatch):
    for letter in "abc":
        invited(owner, f"{letter}@x.example")
    monkeypatch.setattr(members.invitations, "__kwdefaults__", {"cursor": "", "limit": 2})
    first = as_owner.get(PAGE)
    assert [row.email for row in first.context["invitations"]] == ["a@x.example", "b@x.example"]
    second = as_owner.get(first.context["later_invitations_url"])
    assert [row.email for row in second.context["invitations"]] == ["c@x.example"]
    assert "First invitations" in html(second)
