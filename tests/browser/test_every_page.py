"""Every page, for owner, member and stranger, in light, dark and at 390 px: axe, sideways scroll, complaints."""

import pytest
from allauth.mfa.models import Authenticator

from accounts.models import Organization, User
from accounts.people.invitations import invite
from accounts.people.people import create_person
from accounts.policy import Role
from tests.support.invited import token_in
from tests.support.sign_in import add_totp
from tests.support.staff import staff_browser
from tests.support.web.browser_pages import (
    PASSWORD,
    add_authenticator,
    add_passkey,
    add_session,
    each_look,
    horizontal_overflow,
    problems,
    problems_in_any_order,
)
from tests.support.web.page_content import make_content

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def content(owner, member) -> dict[str, str]:
    """One of everything; the ids that addresses need."""
    return make_content(owner, member)


OWNER_PAGES = [
    "secrets/",
    "secrets/?q=nothing-has-this",
    "secrets/new/",
    "secrets/new/?name=billing.token",
    "secrets/new/?request={request}",
    "secrets/requests/",
    "secrets/requests/?state=",
    "secrets/requests/{request}/dismiss/",
    "secrets/hygiene/",
    "secrets/hygiene/?q=nothing-has-this",
    "secrets/hygiene/?finding=never-used",
    "secrets/import/",
    "secrets/{used}/",
    "secrets/{unused}/",
    "secrets/{used}/edit/",
    "secrets/{used}/values/",
    "secrets/{used}/activity/",
    "secrets/{used}/replace/",
    "secrets/{used}/delete/",
    "secrets/{used}/rotate/",
    "secrets/{unused}/rotate/?environment=production",
    "secrets/{used}/rotate/staging/",
    "secrets/{used}/rotate/staging/promote/",
    "secrets/{used}/rotate/production/window/",
    "secrets/{unused}/delete/",
    "integrations/",
    "integrations/?q=nothing-has-this",
    "integrations/readiness/",
    "integrations/readiness/?q=nothing-has-this",
    "integrations/readiness/?show=blocked&environment=production",
    "integrations/import/",
    "integrations/import/{imported}/",
    "integrations/new/api_action/",
    "integrations/new/auth_connector/",
    "integrations/new/auth_connector/?service=twilio",
    "integrations/new/api_connection/",
    "integrations/new/api_connection/?service=openai",
    "integrations/new/api_connection/?service=twilio",
    "secrets/new/?name=openai.apiKey&domains=api.openai.com",
    "integrations/new/calcom/",
    "integrations/new/sip_trunk/",
    "integrations/{action}/",
    "integrations/{connector}/",
    "integrations/{connection}/",
    "integrations/{calendar}/",
    "integrations/{trunk}/",
    "integrations/new/mcp_server/",
    "integrations/{server}/",
    "integrations/{calendar}/agent-tools/",
    "integrations/{action}/rules/",
    "integrations/unasked/",
    "integrations/{action}/agent-tools/{tool}/",
    "integrations/{server}/tools/",
    "integrations/{server}/tools/?q=nothing-has-this",
    "integrations/{action}/delete/",
    "integrations/{connector}/delete/",
    "audit/",
    "audit/?outcome=refused",
    "audit/?target=nothing-has-this",
    "audit/?event=secret.created&since=2020-01-01",
    "api-keys/",
    "api-keys/?q=nothing-has-this",
    "api-keys/new/",
    "api-keys/{key}/",
    "api-keys/{key}/sessions/",
    "api-keys/{key}/revoke/",
    "api-keys/{key}/stop/",
    "api-keys/{key}/budget/",
    "integrations/{action}/budget/",
    "stop/",
    "api-keys/{key}/runs/",
    "overview/?period=30d&environment=staging",
    "overview/",
    "runs/",
    "runs/?q=nothing-has-this",
    "runs/?status=99x",
    "runs/{run}/",
    "runs/{refused}/",
    "runs/{started}/",
    "integrations/{server}/runs/",
    "secrets/{used}/runs/",
    "alerts/",
    "alerts/new/webhook/",
    "alerts/new/slack/",
    "alerts/new/email/",
    "alerts/new/audit_otlp/",
    "webhooks/{hook}/",
    "webhooks/{hook}/?state=waiting",
    "webhooks/{hook}/edit/",
    "webhooks/{hook}/secret/",
    "webhooks/{hook}/delete/",
    "webhooks/{hook}/deliveries/{delivery}/",
    "webhooks/{channel}/",
    "approvals/",
    "approvals/decided/",
    "approvals/{held}/",
    "approvals/{over}/",
    "approvals/{held}/allow/",
    "approvals/{held}/deny/",
    "agents/connect/",
    "agents/connect/{key}/",
    "members/",
    "members/?q=nothing-has-this",
    "members/invite/",
    "members/{colleague}/role/",
    "members/{colleague}/remove/",
    "leave/",
    "settings/",
    "settings/delete/",
]
MEMBER_PAGES = [
    "secrets/",
    "secrets/?q=nothing-has-this",
    "secrets/requests/",
    "secrets/requests/?state=open",
    "secrets/requests/new/",
    "approvals/",
    "approvals/decided/",
    "approvals/{held}/",
    "integrations/",
    "leave/",
]

STAFF_PAGES = [
    "",
    "secrets_app/secret/",
    "secrets_app/secret/{used}/change/",
    "accounts/organization/{organization}/change/",
    "accounts/auditevent/?organization={organization}",
    "accounts/invitation/add/",
]


def walk(page, addresses):
    """What is wrong with each address; empty when nothing is."""
    found = {}
    for address in addresses:
        page.goto(address)
        if wrong := problems_in_any_order(page):
            found[address] = wrong
    return found


def inside(site, paths, content):
    return [f"{site}/o/harbor-clinics/{path.format(**content)}" for path in paths]


def test_pages_of_an_owner(sign_in, owner, site, content):
    page = sign_in(owner, opens="")
    assert walk(page, inside(site, OWNER_PAGES, content)) == {}


def test_pages_of_a_member(sign_in, member, site, content):
    page = sign_in(member, opens="")
    assert walk(page, inside(site, MEMBER_PAGES, content)) == {}


PAGES_OF_STRANGERS = [
    "signin/",
    "signin/code/",
    "signin/inactive/",
    "signin/cancelled/",
    "signup/",
    "password/",
    "password/done/",
]
OWN_PAGES = [
    "account/",
    "account/email/",
    "account/password/",
    "account/app/remove/",
    "account/recovery-codes/new/",
    "account/passkeys/new/",
    "account/passkeys/{passkey}/",
    "account/passkeys/{passkey}/remove/",
    "account/sessions/",
    "account/connections/",
    "proof/",
    "signout/",
]


def test_pages_of_staff(page, owner, site, content):
    """Django's pages, so without axe: nothing is refused by the content policy, and nothing is too wide."""
    add_session(page, site, staff_browser())
    for path in STAFF_PAGES:
        page.goto(f"{site}/admin/{path.format(**content, organization=owner.organization.id)}")
        for _ in each_look(page):
            assert page.get_by_text("Coffer administration").first.is_visible()
            assert horizontal_overflow(page) <= 0


def test_pages_for_strangers(page, site, db):
    assert walk(page, [f"{site}/{path}" for path in PAGES_OF_STRANGERS]) == {}
    create_person(email="first@example.com", name="", password=PASSWORD)
    assert walk(page, [f"{site}/signup/", f"{site}/signin/"]) == {}


def test_pages_of_ones_own_account(sign_in, owner, site):
    page = sign_in(owner, opens="")
    assert walk(page, [f"{site}/{path}" for path in ("account/", "account/app/", "proof/")]) == {}
    add_authenticator(page)
    add_passkey(page, site)
    add_totp(User.objects.get(pk=owner.id))
    paths = [path.format(passkey=Authenticator.objects.get(type="webauthn").pk) for path in OWN_PAGES]
    assert walk(page, [f"{site}/{path}" for path in paths]) == {}


def test_page_of_an_invitation(page, site, owner, mailoutbox):
    invite(actor=owner, emails=["noor@harbor.example"], role=Role.ADMIN)
    assert walk(page, [f"{site}/invitations/{token_in(mailoutbox[0].body)}/"]) == {}


def test_the_page_of_a_link_that_does_not_work_and_of_a_second_factor_that_is_missing(sign_in, owner, site):
    fresh = sign_in(owner, opens="").context.new_page()  # its refusals are meant, so its console is not judged
    Organization.objects.update(require_mfa=True)
    for path, heading in (
        ("invitations/x/", "This invitation does not work"),
        ("o/harbor-clinics/secrets/", "Set up a"),
    ):
        fresh.goto(f"{site}/{path}")
        assert fresh.get_by_role("heading", name=heading).is_visible()
        assert problems(fresh) == []


def test_the_description_of_the_api_is_readable(page, site, db):
    page.goto(f"{site}/api/v1/docs")
    page.get_by_text("Start a session").click()
    assert page.get_by_text("At most 1440.").is_visible()
    assert problems(page) == []


@pytest.mark.parametrize("path", ["nothing/here/", "secrets/00000000-0000-4000-8000-000000000000/edit/"])
def test_the_page_for_what_does_not_exist(browser, sign_in, owner, site, path):
    page = sign_in(owner, opens="")
    context = page.context
    fresh = context.new_page()  # its 404 is meant, so its console is not judged
    fresh.goto(f"{site}/o/harbor-clinics/{path}")
    assert fresh.get_by_role("heading", name="Nothing here").is_visible()
    assert problems(fresh) == []


def test_the_page_for_a_role_that_is_not_enough(sign_in, member, site, content):
    fresh = sign_in(member, opens="").context.new_page()
    fresh.goto(f"{site}/o/harbor-clinics/secrets/{content['used']}/edit/")
    assert fresh.get_by_role("heading", name="Not allowed").is_visible()
    assert problems(fresh) == []
