"""The heads of the audit chains, written down outside the database, where its administrators cannot change them.

A document lists heads as JSON; a line of the log holds one. Both are read back to be compared with the chains.
"""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import occurrences
from accounts.audit.chain import Head
from accounts.models import AuditHead, Organization
from accounts.occurrences import Occurred

DIGEST_LENGTH = 32


class NoHeads(Exception):  # noqa: N818 - tells the operator about a file
    """The text holds no heads."""


def stored_heads() -> list[Head]:
    """Return the ends of all chains as the database states them, without verifying the chains."""
    rows = AuditHead.objects.filter(sequence__gt=0).order_by("organization_id")
    return [Head(row.organization_id, row.sequence, bytes(row.chain)) for row in rows]


def entries(heads: Iterable[Head]) -> list[dict[str, Any]]:
    """Return heads as JSON objects, with the slugs of organizations that still exist."""
    slugs = dict(Organization.objects.values_list("pk", "slug"))
    return [
        {
            "organization": str(head.organization_id),
            "slug": slugs.get(head.organization_id),
            "sequence": head.sequence,
            "chain": head.chain.hex(),
        }
        for head in heads
    ]


def tell(heads: Iterable[Head]) -> None:
    """Write an occurrence of each head of an organization that still exists, for those who keep heads elsewhere."""
    existing = set(Organization.objects.values_list("pk", flat=True))
    for head in heads:
        if head.organization_id in existing:
            data = {"sequence": head.sequence, "chain": head.chain.hex()}
            occurrences.record(head.organization_id, Occurred.AUDIT_HEAD, data, once=str(head.sequence))


def document(heads: Iterable[Head]) -> str:
    """Return a document of heads."""
    return json.dumps({"exported_at": timezone.now().isoformat(), "heads": entries(heads)}, indent=2) + "\n"


def read(text: str) -> dict[UUID, Head]:
    """Read a document, or the lines of a log; of several heads of one organization the furthest counts.

    Raises:
        NoHeads: the text is neither.
    """
    try:
        found = [_head(entry) for entry in _entries(text)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NoHeads from None
    return {head.organization_id: head for head in sorted(found, key=lambda head: head.sequence)}


def _entries(text: str) -> list[dict[str, Any]]:
    try:
        heads: list[dict[str, Any]] = json.loads(text)["heads"]
    except ValueError:
        heads = [json.loads(line[line.index("{") :]) for line in text.splitlines() if '"chain": ' in line]
        if not heads:
            raise
    return heads


def _head(entry: dict[str, Any]) -> Head:
    head = Head(UUID(entry["organization"]), int(entry["sequence"]), bytes.fromhex(entry["chain"]))
    if head.sequence < 0 or len(head.chain) != (DIGEST_LENGTH if head.sequence else 0):
        raise ValueError
    return head
