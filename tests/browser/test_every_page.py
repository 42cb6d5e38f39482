"""Every page, for owner, member and stranger, in light, dark and at 390 px: axe, sideways scroll, complaints."""

from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.utils import timezone

from accounts.access.agent_sessions import start_session
from accounts.access.api_keys import create_api_key, revoke_api_key
from accounts.access.callers import actor_of_key
from accounts.actors import actor_for_member
from accounts.audit import refused_attempts
from accounts.audit.trail import Event
from accounts.common.environments import Environment
from accounts.errors import PermissionDenied
from accounts.models import ApiKey, Invitation, Organization, User
from accounts.people.invitations import invite
from accounts.people.people import create_person
from accounts.policy import Role, Scope
from integrations.editing.integrations import create_integration
from secrets_app.editing.secrets import create_secret, set_enabled
from secrets_app.plaintext import Plaintext
from secrets_app.requests.answering import ask, dismiss
from secrets_app.rotation import rotation
from tests.factories import InvitationFactory, MembershipFactory
from tests.support.invited import token_in
from tests.support.sign_in import add_totp
from tests.support.staff import staff_browser
from tests.support.things import TOOL, approve_shown, show_tools
from tests.support.web.browser_pages import (
    PASSWORD,
    add_authenticator,
    add_passkey,
    each_look,
    horizontal_overflow,
    problems,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def make_keys(owner, integration_id):
    """A key of every state; the one that works."""
    bounds = {"actor": owner, "environments": [Environment.PRODUCTION]}
    ending = timezone.now() + timedelta(days=3)
    create_api_key(**bounds, name="siem-export", scopes=[Scope.AUDIT_READ], expires_at=ending)
    old, _ = create_api_key(**bounds, name="old-dialer", scopes=Scope, max_per_minute=600)
    revoke_api_key(actor=owner, key_id=old.id)
    expired, _ = create_api_key(**bounds, name="expired-dialer", scopes=[Scope.RUN])
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    only = [integration_id, uuid4()]
    key, text = create_api_key(**bounds, name="voice-runtime", scopes=[Scope.RUN], integrations=only)
    start_session(actor=actor_of_key(text.text, address="203.0.113.40", user_agent="node"), name="call-4711")
    return key


def make_requests(owner, member):
    """A request of every state, of which one waits; an attempt that was refused."""
    bounds = {"environments": [Environment.PRODUCTION], "why": "Eligibility checks of the reception agent"}
    made = [ask(actor=member, name=f"insurance.apiKey{number}", **bounds) for number in range(3)]
    dismiss(actor=owner, request_id=made[1].id, reason="Use crm.apiKey, it opens the same system")
    create_secret(actor=owner, name=made[2].name)
    secret = refused_attempts.AttemptTarget(made[1].id, "crm.apiKey")
    tried = refused_attempts.RefusedAttempt(member, Event.SECRET_DELETED, secret)
    refused_attempts.record_refusal(tried, PermissionDenied("This needs the permission secrets.write."))
    return made[0]


def make_people(owner):
    """An admin who made an API key, and invitations of every state; the admin's membership."""
    colleague = MembershipFactory(organization=owner.organization, role=Role.ADMIN, user__name="Tomás Ferreira")
    create_api_key(
        actor=actor_for_member(colleague), name="dialer", scopes=[Scope.RUN], environments=[Environment.STAGING]
    )
    invite(actor=owner, emails=["noor@harbor.example", "over@harbor.example"], role=Role.ADMIN)
    Invitation.objects.filter(email="over@harbor.example").update(sent_at=None, expires_at=timezone.now())
    InvitationFactory(organization=owner.organization, invited_by="Rosa (staff)", awaits_owner=True)
    return colleague


@pytest.fixture
def content(owner, member) -> dict[str, str]:
    """One of everything; the ids that addresses need."""
    values = {environment: Plaintext(f"value-of-{environment}-0815") for environment in Environment}
    used = create_secret(actor=owner, name="crm.apiKey", values=values, allowed_domains=["api.example.com"])
    unused = create_secret(actor=owner, name="weather_api_key", description="Not rolled out yet")
    set_enabled(actor=owner, secret_id=unused.id, enabled=False)
    connector = create_integration(
        actor=owner,
        kind="auth_connector",
        name="CRM bearer token",
        environments=list(Environment),
        config={"type": "bearer", "token": "{secrets.crm.apiKey}"},
    )
    action = create_integration(
        actor=owner,
        kind="api_action",
        name="Look up patient",
        description="Finds a patient",
        environments=[Environment.STAGING, Environment.PRODUCTION],
        config={
            "base_url": "https://other.example.com",
            "auth_connector": str(connector.id),
            "method": "POST",
            "path": "/{params.clinic}",
            "headers": [{"name": "X-Token", "value": "{secrets.billing.token}"}],
            "body": {"type": "json", "content": '{"phone": "{params.phone}"}'},
            "parameters": {
                "type": "object",
                "properties": {"clinic": {"type": "string", "enum": ["a", "b"]}, "phone": {"type": "string"}},
                "required": ["clinic", "phone"],
            },
        },
    )
    calendar = create_integration(
        actor=owner,
        kind="calcom",
        name="Reception calendar",
        environments=[Environment.PRODUCTION],
        config={"api_key": "{secrets.crm.apiKey}", "event_type_id": 42, "time_zone": "Europe/Berlin"},
    )
    trunk = create_integration(
        actor=owner,
        kind="sip_trunk",
        name="Primary trunk",
        environments=[Environment.STAGING, Environment.PRODUCTION],
        config={
            "host": "sip.carrier.example",
            "username": "harbor-clinics-01",
            "password": "{secrets.crm.apiKey}",
            "realm": "carrier.example",
            "register": True,
            "numbers": ["+49 40 5550 0100"],
        },
    )
    server = create_integration(
        actor=owner,
        kind="mcp_server",
        name="CRM tools",
        environments=[Environment.STAGING],
        config={"url": "https://mcp.example.com/v1", "query": [{"name": "key", "value": "{secrets.crm.apiKey}"}]},
    )
    tool = TOOL | {"name": "contacts.search"}
    approve_shown(owner, server, tool, TOOL | {"name": "contacts.get"})
    show_tools(owner, server, tool | {"description": "Finds people. Read the manual first."}, TOOL)
    for environment in (Environment.PRODUCTION, Environment.STAGING):
        place = {"actor": owner, "secret_id": used.id, "environment": environment}
        rotation.stage(**place, value=Plaintext("a-new-value-0815"))
        if environment is Environment.PRODUCTION:
            rotation.promote(**place, approve=lambda staged: [])
    made = {"used": used, "unused": unused, "connector": connector, "action": action}
    made |= {"key": make_keys(owner, connector.id), "request": make_requests(owner, member)}
    made |= {"colleague": make_people(owner)}
    made |= {"calendar": calendar, "trunk": trunk, "server": server, "tool": action.agent_tools.get()}
    return {name: str(thing.id) for name, thing in made.items()}


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
    "integrations/{calendar}/",
    "integrations/{trunk}/",
    "integrations/new/mcp_server/",
    "integrations/{server}/",
    "integrations/{calendar}/agent-tools/",
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
        if wrong := problems(page):
            found[address] = wrong
    return found


def inside(site, paths, content):
    return [f"{site}/o/harbor-clinics/{path.format(**content)}" for path in paths]


def test_pages_of_an_owner(sign_in, owner, site, content):
    page = sign_in(owner)
    assert walk(page, inside(site, OWNER_PAGES, content)) == {}


def test_pages_of_a_member(sign_in, member, site, content):
    page = sign_in(member)
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
    cookie = staff_browser().cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": site}])
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
    page = sign_in(owner)
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
    fresh = sign_in(owner).context.new_page()  # its refusals are meant, so its console is not judged
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
    page = sign_in(owner)
    context = page.context
    fresh = context.new_page()  # its 404 is meant, so its console is not judged
    fresh.goto(f"{site}/o/harbor-clinics/{path}")
    assert fresh.get_by_role("heading", name="Nothing here").is_visible()
    assert problems(fresh) == []


def test_the_page_for_a_role_that_is_not_enough(sign_in, member, site, content):
    fresh = sign_in(member).context.new_page()
    fresh.goto(f"{site}/o/harbor-clinics/secrets/{content['used']}/edit/")
    assert fresh.get_by_role("heading", name="Not allowed").is_visible()
    assert problems(fresh) == []
