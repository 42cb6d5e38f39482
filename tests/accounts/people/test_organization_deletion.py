"""Deleting an organization: everything of it goes, nothing of another one does, and its log stays."""

import pytest
from django.db import models

from accounts.access.api_keys import create_api_key
from accounts.audit import chain, refused_attempts
from accounts.audit.refused_attempts import AttemptTarget, RefusedAttempt
from accounts.audit.trail import Event
from accounts.common.environments import Environment
from accounts.errors import Invalid, PermissionDenied
from accounts.models import AuditEvent, AuditHead, Membership, Organization, RetiredSlug
from accounts.people.organization_deletion import delete_organization, deletion_counts
from accounts.people.organizations import create_organization
from accounts.policy import Role, Scope
from integrations.broker import ledger, retention
from integrations.broker.memory.nonces import count_answer
from integrations.models import AnsweredNonce, Run
from secrets_app.models import OrganizationKey, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.requests.answering import ask
from secrets_app.rotation import reminders, rotation
from secrets_app.sealing import keyring
from secrets_app.sealing.keyring import CannotOpen
from tests import factories
from tests.support.databases.rows import all_rows
from tests.support.invited import invited
from tests.support.things import (
    approve_shown,
    key_for,
    make_action,
    make_connector,
    make_import_of,
    make_mcp_server,
    store_secret,
)

pytestmark = pytest.mark.django_db

STAGING = Environment.STAGING
STAYS = {"AuditEvent", "AuditHead", "User", "RetiredSlug"}


def furnish(actor):
    """One row of every kind that belongs to an organization."""
    secret = store_secret(actor, rotate_every_days=30)
    place = {"actor": actor, "secret_id": secret.id, "environment": STAGING}
    rotation.stage(**place, value=Plaintext("another-value"))
    rotation.promote(**place, approve=lambda staged: [])
    rotation.stage(**place, value=Plaintext("a-third-value"))
    connector = make_connector(actor)
    action = make_action(actor, uses="", auth_connector=str(connector.id))
    make_action(actor, "Waits", uses="not.yet")
    server = make_mcp_server(actor)
    approve_shown(actor, server)
    value = SecretValue.objects.current().select_related("secret").filter(secret=secret).first()
    start = ledger.RunStart(actor=actor, integration=action, environment=STAGING, operation="call", values=[value])
    ledger.begin_all([start])
    count_answer(action.id, "nonce")
    key_for(actor)
    invited(actor, f"somebody@{actor.organization.slug}.example")
    factories.RotationCheckFactory(value=secret.values.get(state="staged"))
    factories.RotationReminderFactory(secret=secret)
    factories.SealedTextFactory(organization=actor.organization)
    factories.IdempotentRequestFactory(organization=actor.organization)
    make_import_of(actor)
    endpoint = factories.AlertEndpointFactory(organization=actor.organization)
    factories.DeliveryTryFactory(delivery__endpoint=endpoint)
    factories.WatchFactory(endpoint=endpoint)
    factories.OccurrenceFactory(organization=actor.organization)
    factories.ApprovalFactory(organization=actor.organization)
    factories.CallCounterFactory(organization=actor.organization)
    factories.RunCountFactory(organization=actor.organization)
    factories.CallerCountFactory(organization=actor.organization)
    factories.RunsCountedFactory(organization=actor.organization)
    factories.IntegrationStateFactory(integration=action)
    factories.HiddenFirstStepsFactory(organization=actor.organization)
    ask(actor=actor, name="wanted", environments=[STAGING], why="For the new agent")
    refused = RefusedAttempt(actor, Event.SECRET_CHANGED, AttemptTarget(secret.id, secret.name))
    refused_attempts.record_refusal(refused, PermissionDenied("This needs the permission secrets.write."))


@pytest.fixture
def two(owner, admin, outsider):
    """What is there before the second organization is furnished, and it."""
    furnish(outsider)
    before = all_rows()
    furnish(owner)
    return before, owner


def test_furnished_organization_has_a_row_of_every_kind(two):
    empty = {name for name, rows in all_rows().items() if not rows}
    assert (
        empty - {"RetiredSlug", "SeenSignIn", "MaskStamp", "ToolStamp", "WaitingMail"} == set()
    )  # PostgreSQL makes the stamp at the commit


def test_everything_goes_and_nothing_of_another_organization(two, owner, admin):
    before, _ = two
    delete_organization(actor=owner, typed="Harbor Clinics")
    after = all_rows()
    gone = {"Organization", "Membership"}
    assert {name: rows for name, rows in after.items() if name not in STAYS | gone} == {
        name: rows for name, rows in before.items() if name not in STAYS | gone
    }
    assert not Organization.objects.filter(slug="harbor-clinics").exists()
    assert not Membership.objects.filter(user__in=[owner.id, admin.id]).exists()


def test_every_foreign_key_to_an_organization_cascades():
    """A new model is part of the organization, or this says so."""
    ends = {
        (relation.related_model.__name__, relation.on_delete)
        for relation in Organization._meta.get_fields(include_hidden=True)
        if relation.is_relation and relation.auto_created
    }
    assert {name for name, on_delete in ends if on_delete is not models.CASCADE} == set()


def test_data_keys_are_destroyed(two, owner):
    key = OrganizationKey.objects.get(organization=owner.organization)
    kept = SecretValue.objects.select_related("secret", "data_key").get(
        secret__organization=owner.organization, state="staged"
    )
    assert keyring.unseal(kept).expose() == "a-third-value"
    delete_organization(actor=owner, typed="Harbor Clinics")
    assert not OrganizationKey.objects.filter(pk=key.pk).exists()
    kept.data_key.wrapped, kept.data_key.state = None, "destroyed"
    with pytest.raises(CannotOpen):
        keyring.unseal(kept)


def test_log_stays_intact_and_ends_with_the_deletion(two, owner):
    delete_organization(actor=owner, typed="Harbor Clinics")
    log = AuditEvent.objects.filter(organization_id=owner.organization.id)
    last = log.latest("sequence")
    assert (last.event, last.actor_id, last.target_label, last.data) == (
        "organization.deleted",
        owner.id,
        "Harbor Clinics",
        {"slug": "harbor-clinics"},
    )
    assert chain.verify(owner.organization.id).findings == []
    assert AuditHead.objects.get(organization_id=owner.organization.id).sequence == log.count()


def test_address_is_never_given_again(owner):
    delete_organization(actor=owner, typed="Harbor Clinics")
    again = create_organization(user=factories.UserFactory(), name="Harbor Clinics")
    assert again.slug == "harbor-clinics-2"
    assert RetiredSlug.objects.get().organization_id == owner.organization.id


def test_what_goes_is_counted(two, owner):
    assert deletion_counts(owner.organization) == [
        ("Secrets", 1),
        ("Integrations", 6),
        ("API keys", 1),
        ("Alerts and webhooks", 1),
        ("Runs on record", 1),
        ("People who lose access", 2),
    ]


def test_reminders_and_housekeeping_go_on_without_it(two, owner):
    delete_organization(actor=owner, typed="Harbor Clinics")
    assert reminders.remind() == 0
    assert retention.forget_old() == 0
    assert Run.objects.count() == AnsweredNonce.objects.count() == 1


@pytest.mark.parametrize("who", [role.value for role in Role if role is not Role.OWNER])
def test_others_delete_nothing(request, owner, who):
    before = all_rows()
    with pytest.raises(PermissionDenied):
        delete_organization(actor=request.getfixturevalue(who), typed="Harbor Clinics")
    assert len(all_rows()["Organization"]) == len(before["Organization"])


@pytest.mark.parametrize("typed", ["", "harbor clinics", "Harbor Clinics ", "harbor-clinics"])
def test_another_name_deletes_nothing(owner, typed):
    before = all_rows()
    with pytest.raises(Invalid):
        delete_organization(actor=owner, typed=typed)
    assert all_rows() == before


def test_key_of_a_deleted_organization_is_refused(owner, client):
    _, text = create_api_key(actor=owner, name="k", scopes=[Scope.SECRETS_READ], environments=list(Environment))
    ask = {"HTTP_AUTHORIZATION": f"Bearer {text.text}"}
    assert client.get("/api/v1/secrets", **ask).status_code == 200
    delete_organization(actor=owner, typed="Harbor Clinics")
    assert client.get("/api/v1/secrets", **ask).status_code == 401
