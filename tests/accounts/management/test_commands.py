"""`manage.py create_api_key`, `revoke_api_key` and `create_member`, and what housekeeping forgets of sessions."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.access.agent_sessions import start_session
from accounts.access.callers import actor_of_key
from accounts.common.environments import Environment
from accounts.models import ApiKey, AuditEvent, Membership, User
from accounts.policy import Permission

pytestmark = pytest.mark.django_db

KEY = ["create_api_key", "--name", "agent", "--scope", "run", "--environment", "staging", "--organization"]
MEMBER = ["create_member", "--email", " Ada@Example.com", "--name", "Ada", "--organization"]


def test_key_is_printed_alone_and_works(organization, capsys):
    call_command(*KEY, organization.slug, "--scope", "secrets.read", "--environment", "production")
    printed = capsys.readouterr().out
    actor = actor_of_key(printed.strip(), address=None)
    assert printed == printed.strip() + "\n"
    assert actor.environments == {Environment.STAGING, Environment.PRODUCTION}
    assert actor.permissions == {Permission.INTEGRATIONS_RUN, Permission.SECRETS_BROWSE, Permission.SECRETS_READ}


def test_key_can_be_limited_to_integrations(organization, capsys):
    wanted = "0b8f6a0e-5d2c-4a53-9d24-4d8a2d5a8d11"
    call_command(*KEY, organization.slug, "--integration", wanted)
    assert {str(item) for item in actor_of_key(capsys.readouterr().out.strip(), address=None).integrations} == {wanted}


def test_key_can_be_limited_to_secrets_that_it_sends_somewhere_new(organization, capsys):
    wanted = "0b8f6a0e-5d2c-4a53-9d24-4d8a2d5a8d11"
    call_command(*KEY, organization.slug, "--scope", "secrets.use", "--secret", wanted)
    actor = actor_of_key(capsys.readouterr().out.strip(), address=None)
    assert (actor.may_send(UUID(wanted)), actor.may_send(uuid4())) == (True, False)


def test_command_is_named_in_the_log(organization, capsys):
    call_command(*KEY, organization.slug)
    event = AuditEvent.objects.get()
    assert (event.actor_kind, event.actor_id, event.actor_label) == ("command", None, "manage.py create_api_key")


def test_prefix_of_a_session_stops_it_alone_and_that_of_a_key_everything(organization, capsys):
    call_command(*KEY, organization.slug)
    key = actor_of_key(capsys.readouterr().out.strip(), address=None)
    one, other = (start_session(actor=key, name=name)[0] for name in ("one", "other"))
    call_command("revoke_api_key", one.prefix)
    assert set(ApiKey.objects.filter(revoked_at=None).values_list("pk", flat=True)) == {key.id, other.pk}
    call_command("revoke_api_key", ApiKey.objects.get(pk=key.id).prefix)
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    with pytest.raises(CommandError, match="No API key has this prefix"):
        call_command("revoke_api_key", "cof_nothing")


def test_housekeeping_says_how_many_ended_sessions_it_deleted(organization, capsys):
    call_command(*KEY, organization.slug)
    key = actor_of_key(capsys.readouterr().out.strip(), address=None)
    session, _ = start_session(actor=key, name="one")
    ApiKey.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(days=8))
    call_command("housekeeping")
    assert "Deleted ended sessions of API keys: 1." in capsys.readouterr().out
    assert ApiKey.objects.get().pk == key.id


@pytest.mark.parametrize("command", [KEY, MEMBER])
def test_unknown_organization_is_an_error(db, command):
    with pytest.raises(CommandError, match="No organization has the slug nowhere"):
        call_command(*command, "nowhere")
    assert not ApiKey.objects.exists()
    assert not User.objects.exists()


@pytest.mark.parametrize("extra", [["--scope", "everything"], ["--environment", "live"], ["--integration", "one"]])
def test_malformed_option_is_an_error(organization, extra):
    with pytest.raises(CommandError):
        call_command(*KEY, organization.slug, *extra)
    assert not ApiKey.objects.exists()


def test_empty_key_name_is_an_error(organization):
    with pytest.raises(CommandError, match="Enter a name"):
        call_command(
            "create_api_key",
            "--name",
            " ",
            "--scope",
            "run",
            "--environment",
            "staging",
            "--organization",
            organization.slug,
        )


def test_new_member_gets_a_printed_password(organization, capsys):
    call_command(*MEMBER, organization.slug, "--role", "admin")
    user = User.objects.get()
    assert (user.email, user.name, user.is_staff) == ("ada@example.com", "Ada", False)
    assert user.check_password(capsys.readouterr().out.strip())
    assert Membership.objects.get().role == "admin"


def test_person_with_an_account_is_added_and_keeps_the_password(organization, capsys):
    User.objects.create_user("ada@example.com", "a password of hers")
    call_command(*MEMBER, organization.slug)
    assert User.objects.get().check_password("a password of hers")
    assert "already has an account" in capsys.readouterr().out
    assert Membership.objects.get().role == "member"


@pytest.mark.parametrize(
    "given", [["--email", "nobody"], ["--name", "n" * 151], ["--name", "a\0b"], ["--email", "a@" + "b" * 250 + ".com"]]
)
def test_refused_person_leaves_nothing(organization, given):
    with pytest.raises(CommandError):
        call_command(*MEMBER, organization.slug, *given)
    assert not User.objects.exists()


def test_member_twice_is_an_error(organization, capsys):
    call_command(*MEMBER, organization.slug)
    with pytest.raises(CommandError, match="already belongs to the organization"):
        call_command(*MEMBER, organization.slug)
    assert Membership.objects.count() == 1


def test_organization_is_made_with_its_owner(db, capsys):
    new = ["create_organization", "--owner", "Ada@Example.com", "--owner-name", "Ada", "--name"]
    call_command(*new, "Harbor Clinics")
    slug, password = capsys.readouterr().out.split()
    membership = Membership.objects.get(organization__slug=slug)
    assert (slug, membership.role) == ("harbor-clinics", "owner")
    assert membership.user.check_password(password)
    call_command(*new, "Second")
    assert capsys.readouterr().out == "second\n"
    for arguments in ([*new, " "], ["create_organization", "--owner", "nobody", "--name", "Third"]):
        with pytest.raises(CommandError):
            call_command(*arguments)
    assert (Membership.objects.count(), User.objects.count()) == (2, 1)
