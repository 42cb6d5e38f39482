"""Switching an account off and on, by the operator: the way to stop a person in every organization at once.

Signed in or not, they are out from that moment on; memberships stay for the day the account is switched on again. An
organization may be left without an owner who can sign in: stopping somebody comes first.
"""

from django.db import transaction

from accounts import audit
from accounts.actors import actor_for_command
from accounts.errors import NotFound
from accounts.models import ApiKey, Membership, User
from accounts.services.api_keys import keys_made_by, revoke_keys_made_by
from accounts.services.organizations import as_target, withdraw_invitations_of
from accounts.services.sessions import end_sessions


def deactivate(*, email: str, command: str, revoke_keys: bool = False) -> list[ApiKey]:
    """Switch an account off and end its sessions; each organization of the person has it in its log.

    API keys are the organizations' and stay.

    Args:
        command: the management command that is named in the logs.
        revoke_keys: also end the keys that the person made.

    Returns:
        the keys that the person made and that still work.

    Raises:
        NotFound: no such account.
    """
    working = []
    with transaction.atomic():
        user = _lock(email)
        _save(user, is_active=False)
        end_sessions(user)
        for membership in _memberships(user):
            actor = actor_for_command(membership.organization, command)
            told = withdraw_invitations_of(user, keeps=None, organization=membership.organization)
            if revoke_keys:
                told["keys_revoked"] = [key.name for key in revoke_keys_made_by(actor=actor, user_id=user.id)]
            audit.record(audit.Event.MEMBER_DEACTIVATED, actor=actor, target=as_target(user), **told)
            working += keys_made_by(actor=actor, user_id=user.id)
    return working


def reactivate(*, email: str, command: str) -> None:
    """Switch an account on again.

    Raises:
        NotFound: no such account.
    """
    with transaction.atomic():
        user = _lock(email)
        _save(user, is_active=True)
        for membership in _memberships(user):
            actor = actor_for_command(membership.organization, command)
            audit.record(audit.Event.MEMBER_REACTIVATED, actor=actor, target=as_target(user))


def _lock(email: str) -> User:
    user = User.objects.select_for_update().filter(email=User.objects.normalize_email(email)).first()
    if user is None:
        raise NotFound("No account has this address.")
    return user


def _save(user: User, *, is_active: bool) -> None:
    user.is_active = is_active
    user.save(update_fields=["is_active"])


def _memberships(user: User) -> list[Membership]:
    """In one order, so that two of these acts at once do not wait for each other's logs in a circle."""
    return list(user.memberships.select_related("organization").order_by("organization"))
