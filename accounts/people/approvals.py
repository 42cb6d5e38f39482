"""Approving an invitation that staff made: nobody becomes a member by being staff (docs/people.md, "Invitations")."""

from uuid import UUID

from django.db import transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.errors import NotFound
from accounts.models import Invitation
from accounts.people.invitations import NO_SUCH, give_token, lock_invitation, send_links
from accounts.policy import Permission


def approve(*, actor: Actor, invitation_id: UUID) -> Invitation:
    """Approve an invitation that staff made. The invited person gets a link that works for a week.

    Raises:
        NotFound: it was declined, or belongs to another organization, or waits for nobody.
        PermissionDenied: the actor is not an owner.
    """
    actor.check(Permission.OWNERS_MANAGE)
    with transaction.atomic():
        actor, invitation = lock_invitation(actor, invitation_id)
        actor.check(Permission.OWNERS_MANAGE)
        if not invitation.awaits_owner:
            raise NotFound(NO_SUCH)
        token = give_token(invitation)
        invitation.awaits_owner = False
        invitation.save()
        trail.record(
            trail.Event.INVITATION_APPROVED,
            actor=actor,
            target=invitation,
            role=invitation.role,
            invited_by=invitation.invited_by,
        )
        send_links([(invitation, token)])
    return invitation
