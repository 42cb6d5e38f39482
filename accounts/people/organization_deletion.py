"""Deletes an organization with everything that belongs to it, including its data keys. Its audit log stays.

The log is append-only and outlives the organization; its last event names the person who deleted it. Only staff can
still see it, and `manage.py verify_audit` continues to check it (docs/audit.md). The slug is never used again.
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
    "alert_endpoints": "Alerts and webhooks",
    "runs": "Runs on record",
    "memberships": "People who lose access",
}
"""The labels of what is counted, by the name of the relation. Other apps declare some of the relations."""


def deletion_counts(organization: Organization) -> list[tuple[str, int]]:
    """Return how many objects of each kind are deleted with the organization, as pairs of label and number."""
    known = {relation.related_name for relation in Organization._meta.related_objects}
    return [(words, getattr(organization, name).count()) for name, words in COUNTED.items() if name in known]


def delete_organization(*, actor: Actor, typed: str) -> None:
    """Delete the actor's organization permanently.

    Args:
        typed: the name of the organization as the person typed it.

    Raises:
        PermissionDenied: the actor is not an owner.
        Invalid: the typed name is a different one.
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
        # Delete its own row first: the trigger that keeps the last owner checks whether the organization exists.
        rows = Organization.objects.filter(pk=organization.pk)
        rows._raw_delete(rows.db)  # noqa: SLF001 - `delete` would delete related rows first
        organization.delete()
