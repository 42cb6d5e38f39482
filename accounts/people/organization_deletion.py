"""The end of an organization: everything that belongs to it goes, its data keys too. Its audit log stays.

The log is append-only and outlives what it tells of; its last event names who deleted. Nobody in the product sees it
any more but staff, and `manage.py verify_audit` goes on checking it (docs/audit.md). The address is never given again.
"""

from django.db import transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.errors import FieldError, Invalid
from accounts.models import Organization, RetiredSlug
from accounts.people.organizations import locked
from accounts.policy import Permission
from accounts.signals import organization_deleting

COUNTED = {
    "secrets": "Secrets",
    "integrations": "Integrations",
    "api_keys": "API keys",
    "runs": "Runs on record",
    "memberships": "People who lose access",
}
"""What people are told goes, by the name of the relation; apps above this one declare some of them."""


def deletion_counts(organization: Organization) -> list[tuple[str, int]]:
    """How much of each kind goes with the organization."""
    known = {relation.related_name for relation in Organization._meta.related_objects}
    return [(words, getattr(organization, name).count()) for name, words in COUNTED.items() if name in known]


def delete_organization(*, actor: Actor, typed: str) -> None:
    """Delete the actor's organization for good.

    Args:
        typed: its name, as the person typed it.

    Raises:
        PermissionDenied: owners alone may.
        Invalid: another name was typed.
    """
    actor.check(Permission.ORGANIZATION_MANAGE)
    with transaction.atomic():
        actor = locked(actor)
        actor.check(Permission.ORGANIZATION_MANAGE)
        organization = actor.organization
        if typed != organization.name:
            raise Invalid(
                "Not deleted.", errors=[FieldError("confirm", f"Type {organization.name} to delete the organization.")]
            )
        trail.record(trail.Event.ORGANIZATION_DELETED, actor=actor, target=organization, slug=organization.slug)
        RetiredSlug.objects.create(slug=organization.slug, organization_id=organization.pk)
        organization_deleting.send(sender=Organization, organization=organization)
        # Its own row first: the trigger that keeps the last owner looks whether the organization stays.
        rows = Organization.objects.filter(pk=organization.pk)
        rows._raw_delete(rows.db)  # noqa: SLF001 - `delete` begins with the rest
        organization.delete()
