"""Counts of answers to the nonces of digest challenges, across processes (RFC 7616 section 3.4, `nc`)."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Organization
from integrations.models import AnsweredNonce, Integration
from integrations.sip.digest import nonce_hash

KEPT = timedelta(days=2)
"""How long a count is kept; no server accepts a nonce for longer."""


def count_answer(integration_id: UUID, nonce: str) -> int:
    """Count another answer of an integration to a nonce; return the number of answers so far.

    Concurrent callers get different numbers: the update locks the row until the number is read.
    """
    key = {"integration_id": integration_id, "nonce_hash": nonce_hash(nonce)}
    now = timezone.now()
    with transaction.atomic():
        AnsweredNonce.objects.bulk_create([AnsweredNonce(**key, last_used_at=now)], ignore_conflicts=True)
        AnsweredNonce.objects.filter(**key).update(count=F("count") + 1, last_used_at=now)
        return AnsweredNonce.objects.get(**key).count


def forget_old() -> int:
    """Delete the counts of expired nonces; return how many. Called by housekeeping."""
    return AnsweredNonce.objects.filter(last_used_at__lt=timezone.now() - KEPT).delete()[0]


def forget_all(organization: Organization) -> None:
    """Delete the counts of an organization that is being deleted."""
    mine = Integration.objects.filter(organization=organization)
    AnsweredNonce.objects.filter(integration_id__in=mine.values("pk")).delete()
