"""How often each nonce of a digest challenge was answered, across processes (RFC 7616 section 3.4, `nc`)."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Organization
from integrations.models import AnsweredNonce, Integration
from integrations.sip.digest import nonce_hash

KEPT = timedelta(days=2)
"""Longer than any server takes a nonce: afterwards its count may begin again."""


def count_answer(integration_id: UUID, nonce: str) -> int:
    """Count one more answer of an integration to a nonce; no two calls for the same pair get the same number.

    The update holds the row until the number is read, so whoever else answers the same nonce now waits for it.
    """
    key = {"integration_id": integration_id, "nonce_hash": nonce_hash(nonce)}
    now = timezone.now()
    with transaction.atomic():
        AnsweredNonce.objects.bulk_create([AnsweredNonce(**key, last_used_at=now)], ignore_conflicts=True)
        AnsweredNonce.objects.filter(**key).update(count=F("count") + 1, last_used_at=now)
        return AnsweredNonce.objects.get(**key).count


def forget_old() -> int:
    """Remove nonces that nobody takes any more; how many. For housekeeping."""
    return AnsweredNonce.objects.filter(last_used_at__lt=timezone.now() - KEPT).delete()[0]


def forget_all(organization: Organization) -> None:
    """Remove those of an organization that is about to go."""
    mine = Integration.objects.filter(organization=organization)
    AnsweredNonce.objects.filter(integration_id__in=mine.values("pk")).delete()
