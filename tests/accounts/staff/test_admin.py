"""What staff do in the Django admin: look at nearly everything, change little, and leave a trace (docs/staff.md)."""

import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.forms.models import model_to_dict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.common.environments import Environment
from accounts.models import ApiKey, AuditEvent, Invitation, Membership, Organization, User
from accounts.policy import Role
from accounts.staff.site import COUNTED_AT_MOST
from integrations.models import Integration, Run, SecretReference
from secrets_app.models import OrganizationKey, Secret, SecretRequest, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.requests.answering import ask
from secrets_app.rotation import rotation
from tests import factories
from tests.support.canary import VALUES, leaks
from tests.support.sign_in import set_proof, sign_in
from tests.support.staff import make_staff, staff_browser
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


@pytest.fixture
def staff(db) -> Client:
    return staff_browser()


def events(organization):
    rows = AuditEvent.objects.filter(organization_id=organization.id, actor_kind="staff")
    return list(rows.order_by("sequence").values_list("event", "actor_label", "outcome"))


def page_of(model, name, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def act(client, model, action, rows):
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(page_of(model, "changelist"), form, follow=True)


def text(client, path):
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


# What works


def test_staff_disable_a_secret_and_the_organization_sees_who(staff, owner):
    secret = store_secret(owner)
    act(staff, Secret, "disable", [secret])
    secret.refresh_from_db()
    assert not secret.enabled
    assert events(owner.organization) == [("secret.disabled", "Rosa (staff)", "done")]


def test_staff_see_where_a_rotation_stands(staff, owner):
    secret = store_secret(owner)
    for environment in (Environment.STAGING, Environment.PRODUCTION):
        place = {"actor": owner, "secret_id": secret.id, "environment": environment}
        rotation.stage(**place, value=Plaintext("another-value"))
    rotation.promote(**place, approve=lambda staged: [])
    page = text(staff, page_of(Secret, "change", secret.id))
    assert "Staging: staged" in page
    assert "Production: previous value until" in page
    assert "another-value" not in page


def test_staff_see_status_values_and_references(staff, owner):
    secret = store_secret(owner, environments=[Environment.STAGING])
    make_action(owner, environments=[Environment.STAGING, Environment.PRODUCTION])
    page = text(staff, page_of(Secret, "change", secret.id))
    assert "Missing" in page
    assert "Staging: set since" in page
    assert "Production: missing" in page
    assert "Look up patient (headers.Authorization)" in page


def test_staff_see_hygiene_and_the_way_to_the_records(staff, owner):
    assert "Everything is in good order" in text(staff, page_of(Organization, "change", owner.organization.id))
    store_secret(owner)
    page = text(staff, page_of(Organization, "change", owner.organization.id))
    assert "good order" not in page
    assert f'{page_of(AuditEvent, "changelist")}?organization={owner.organization.id}"' in page
    assert f'{page_of(Run, "changelist")}?organization={owner.organization.id}"' in page


def test_staff_revoke_an_api_key(staff, owner, client):
    key = key_for(owner)
    act(staff, ApiKey, "revoke", ApiKey.objects.all())
    assert client.get("/api/v1/secrets", HTTP_AUTHORIZATION=f"Bearer {key}").status_code == 401
    assert events(owner.organization) == [("api_key.revoked", "Rosa (staff)", "done")]


def test_staff_change_and_remove_a_member(staff, owner, member):
    membership = Membership.objects.get(user=member.id)
    staff.post(page_of(Membership, "change", membership.pk), {"role": "admin"})
    membership.refresh_from_db()
    assert membership.role == Role.ADMIN
    staff.post(page_of(Membership, "delete", membership.pk), {"post": "yes"})
    assert not Membership.objects.filter(user=member.id).exists()
    assert [event for event, _, _ in events(owner.organization)] == ["member.role_changed", "member.removed"]


def test_staff_invite_and_withdraw(staff, owner, mailoutbox, django_capture_on_commit_callbacks):
    form = {"organization": owner.organization.pk, "email": "New@example.com", "role": "admin"}
    with django_capture_on_commit_callbacks(execute=True):
        staff.post(page_of(Invitation, "add"), form)
    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.role, invitation.invited_by) == ("new@example.com", "admin", "Rosa (staff)")
    staff.post(page_of(Invitation, "delete", invitation.pk), {"post": "yes"})
    assert not Invitation.objects.exists()
    assert [event for event, _, _ in events(owner.organization)] == ["invitation.created", "invitation.withdrawn"]


def test_djangos_own_history_holds_names_of_fields_alone(staff, owner, member):
    membership = Membership.objects.get(user=member.id)
    staff.post(page_of(Membership, "change", membership.pk), {"role": "admin"})
    assert LogEntry.objects.get().change_message == '[{"changed": {"fields": ["Role"]}}]'


# Who may not


def test_the_admin_is_for_staff(owner):
    client = Client()
    sign_in(client, owner)
    assert client.get("/admin/").status_code in {302, 403}


def test_staff_need_a_second_factor(owner):
    user = make_staff()
    browser = staff_browser(user)
    assert browser.get("/admin/").status_code == 200
    Authenticator.objects.filter(user=user).delete()
    for path in ("/admin/", page_of(Secret, "changelist")):
        response = browser.get(path, follow=True)
        assert response.status_code == 403
        assert "Set up a second factor first" in response.content.decode()
    secret = store_secret(owner)
    act(browser, Secret, "disable", [secret])
    secret.refresh_from_db()
    assert secret.enabled


def test_staff_who_are_switched_off_are_out(staff):
    User.objects.filter(email="root@example.com").update(is_active=False)
    assert staff.get("/admin/").status_code == 302


def test_what_changes_something_asks_for_a_recent_proof(staff, owner):
    secret = store_secret(owner)
    set_proof(staff, seconds_ago=timedelta(hours=1).total_seconds())
    assert staff.get(page_of(Secret, "changelist")).status_code == 200
    response = staff.post(page_of(Secret, "changelist"), {"action": "disable", "_selected_action": [str(secret.pk)]})
    assert response.url.startswith(reverse("proof"))
    secret.refresh_from_db()
    assert secret.enabled


@pytest.mark.parametrize("change", [{"role": "owner"}, {"role": "admin"}, {}])
def test_owners_are_the_owners_business_and_the_attempt_is_told(staff, owner, change):
    membership = Membership.objects.get(user=owner.id)
    response = staff.post(page_of(Membership, "change", membership.pk), change, follow=True)
    membership.refresh_from_db()
    assert membership.role == Role.OWNER
    assert "was changed successfully" not in response.content.decode()
    staff.post(page_of(Membership, "delete", membership.pk), {"post": "yes"})
    assert Membership.objects.filter(pk=membership.pk).exists()
    assert events(owner.organization) == [
        ("member.role_changed", "Rosa (staff)", "refused"),
        ("member.removed", "Rosa (staff)", "refused"),
    ]
    assert not LogEntry.objects.exists()


def test_nobody_is_made_an_owner(staff, owner, member):
    membership = Membership.objects.get(user=member.id)
    staff.post(page_of(Membership, "change", membership.pk), {"role": "owner"})
    staff.post(
        page_of(Invitation, "add"), {"organization": owner.organization.pk, "email": "a@example.com", "role": "owner"}
    )
    membership.refresh_from_db()
    assert membership.role == Role.MEMBER
    assert not Invitation.objects.exists()


def test_nothing_else_can_be_added_changed_or_deleted(rf):
    request = rf.get("/")
    request.user = make_staff()
    found = {
        (model._meta.model_name, verb)
        for model, page in admin.site._registry.items()
        for verb in ("add", "change", "delete")
        if getattr(page, f"has_{verb}_permission")(request)
    }
    assert found == {
        ("membership", "change"),
        ("membership", "delete"),
        ("invitation", "add"),
        ("invitation", "delete"),
    }


def test_actions_are_two(rf):
    request = rf.get("/")
    request.user = make_staff()
    found = {model.__name__: list(page.get_actions(request)) for model, page in admin.site._registry.items()}
    assert {name: actions for name, actions in found.items() if actions} == {
        "Secret": ["disable"],
        "ApiKey": ["revoke"],
    }


def test_what_is_sealed_is_not_there_at_all():
    sealed = {SecretValue, OrganizationKey, SecretReference, Authenticator, SecretRequest}
    assert not sealed & set(admin.site._registry)


def test_passwords_and_sessions_are_the_products_business(staff):
    assert staff.get("/admin/password_change/").status_code == 404
    assert staff.get("/admin/password_change/done/").status_code == 404
    assert staff.get("/admin/logout/").url == reverse("account_logout")


# Nothing that must not be there


@pytest.fixture
def everything(staff, owner, member):
    """Something of every kind, with marked values and everything that is kept instead of a secret."""
    secret = store_secret(owner, description="For the calls")
    place = {"actor": owner, "secret_id": secret.id}
    for environment, value in VALUES.items():
        rotation.stage(**place, environment=environment, value=Plaintext(value))
    rotation.promote(**place, environment=Environment.STAGING, approve=lambda staged: [])
    action = make_action(owner)
    key = key_for(owner)
    factories.RunFactory(organization=owner.organization, integration_id=action.id, integration_name=action.name)
    factories.InvitationFactory(organization=owner.organization, digest=bytes(range(200, 232)))
    ask(actor=member, name="wanted.key", environments=[Environment.STAGING], why="For the reminders")
    staff.post(page_of(Membership, "change", Membership.objects.get(user=member.id).pk), {"role": "admin"})
    return key


def sealed_things():
    """Everything that is stored in place of a secret, as text."""
    found = [bytes(value) for value in SecretValue.objects.exclude(sealed=None).values_list("sealed", flat=True)]
    found += [bytes(key) for key in OrganizationKey.objects.exclude(wrapped=None).values_list("wrapped", flat=True)]
    found += [bytes(digest) for digest in ApiKey.objects.values_list("digest", flat=True)]
    found += [bytes(digest) for digest in Invitation.objects.values_list("digest", flat=True)]
    texts = [form for each in found for form in (each.hex(), repr(each)[2:-1])]
    return texts + list(User.objects.exclude(password="").values_list("password", flat=True))


def admin_addresses():
    """Every page of every model: list, search, filters, orders, add, change, history, delete; and the rest."""
    organization = Organization.objects.get(slug="harbor-clinics").pk
    yield from ("/admin/", "/admin/jsi18n/", "/admin/accounts/", "/admin/secrets_app/", "/admin/integrations/")
    for model in admin.site._registry:
        base = page_of(model, "changelist")
        queries = ("", "?q=crm", "?q=%00", "?all=", "?o=1", "?o=-1", f"?organization={organization}&q=Mara+Lindqvist")
        queries += (f"?organization={organization}", "?organization=x", "?p=2", "?_popup=1", "?e=1", "?_facets=True")
        yield from (base + query for query in (*queries, "?enabled__exact=1", "?outcome=done", "?kind=api_action"))
        yield page_of(model, "add")
        for row in model._default_manager.all()[:2]:
            yield from (page_of(model, name, row.pk) for name in ("change", "history", "delete"))
        yield from (page_of(model, name, "1") for name in ("change", "history", "delete"))
    auto = reverse("admin:autocomplete")
    yield f"{auto}?app_label=accounts&model_name=invitation&field_name=organization&term=h"
    yield f"{auto}?app_label=secrets_app&model_name=secretvalue&field_name=secret&term=c"


def keeps_the_content_policy(response):
    page = response.content.decode()
    inline = ("<style", 'style="', "<script>", " onclick=")
    policy = response.headers["Content-Security-Policy"]
    return "default-src 'none'" in policy and not any(each in page for each in inline)


def test_crawl_of_every_page_finds_neither_a_value_nor_inline_code(staff, everything):
    answers = {path: staff.get(path) for path in admin_addresses()}
    assert {response.status_code for response in answers.values()} <= {200, 302, 403, 404}
    assert sum(response.status_code == 200 for response in answers.values()) > 80
    pages = {path: response.content for path, response in answers.items()}
    assert leaks(pages) == []
    sealed = sealed_things()
    assert len(sealed) > 10
    assert [path for path, page in pages.items() if any(each.encode() in page for each in sealed)] == []
    assert [path for path, page in pages.items() if everything.encode() in page] == []
    assert [path for path, response in answers.items() if not keeps_the_content_policy(response)] == []


def test_fields_of_every_page_are_named_one_by_one():
    assert [model for model, page in admin.site._registry.items() if not page.fields] == []


# How much it costs


def test_records_are_shown_one_organization_at_a_time(staff, owner, outsider):
    store_secret(owner)
    store_secret(outsider, "theirs.key")
    base = page_of(AuditEvent, "changelist")
    assert "crm.apiKey" not in text(staff, base)
    page = text(staff, f"{base}?organization={owner.organization.id}")
    assert "crm.apiKey" in page
    assert "theirs.key" not in page


def test_records_are_searched_for_whole_names(staff, owner):
    store_secret(owner)
    store_secret(owner, "other.key")
    base = f"{page_of(AuditEvent, 'changelist')}?organization={owner.organization.id}"
    page = text(staff, f"{base}&q=crm.apiKey")
    assert "crm.apiKey</td>" in page
    assert "other.key</td>" not in page
    assert "crm.apiKey</td>" not in text(staff, f"{base}&q=crm")
    assert "other.key</td>" in text(staff, f"{base}&q=Mara+Lindqvist")


def test_runs_are_searched_by_their_integration(staff, owner, everything):
    base = f"{page_of(Run, 'changelist')}?organization={owner.organization.id}"
    assert "API key agent" in text(staff, f"{base}&q=Look+up+patient")
    assert "API key agent" not in text(staff, f"{base}&q=Something+else")
    assert "API key agent" not in text(staff, f"{base}&outcome=failed")


@pytest.mark.parametrize("model", [Secret, AuditEvent, Integration, ApiKey, User, Run, Membership, Invitation])
def test_no_list_counts_its_whole_table_or_asks_once_for_each_row(staff, everything, owner, model):
    query = f"?organization={owner.organization.id}" if model in {AuditEvent, Run} else ""
    with CaptureQueriesContext(
        connection,
    ) as first:
        staff.get(page_of(model, "changelist") + query)
    counts = [found["sql"] for found in first.captured_queries if "COUNT(" in found["sql"]]
    assert counts
    assert all(f"LIMIT {COUNTED_AT_MOST}" in sql for sql in counts)
    for number in range(3):
        store_secret(owner, f"more.key{number}")
        make_action(owner, f"More {number}", uses="")
        key_for(owner)
        factories.MembershipFactory(organization=owner.organization)
    with CaptureQueriesContext(connection) as second:
        staff.get(page_of(model, "changelist") + query)
    assert len(second) == len(first)


def test_list_of_many_events_opens_as_fast_as_one_of_few(staff, owner):
    path = f"{page_of(AuditEvent, 'changelist')}?organization={owner.organization.id}"
    store_secret(owner)
    some = AuditEvent.objects.get()
    fields = model_to_dict(factories.AuditEventFactory.build(organization_id=some.organization_id))
    AuditEvent.objects.bulk_create(
        AuditEvent(**fields | {"sequence": number}) for number in range(2, 2 * COUNTED_AT_MOST)
    )
    started = time.monotonic()
    page = text(staff, path)
    assert time.monotonic() - started < 2
    assert f"{COUNTED_AT_MOST} audit events" in page
