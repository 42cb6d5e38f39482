"""Verification of the audit log: recomputes every hash, from the first event to the head.

The chain reveals an edit and a gap, and nobody can compute it without the master key. Somebody who can write to the
database can still cut off the end; that is revealed only by a head that was exported earlier and is kept elsewhere.
"""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from accounts.audit import chain_keys
from accounts.audit.trail import chain_hash
from accounts.models import AuditEvent, AuditHead

MAX_FINDINGS = 20
"""Findings of one organization that are listed; further ones are only counted."""
CHUNK = 1000
UPGRADE = "Run `manage.py upgrade_values` after an upgrade; if that was done, the log was rewritten."


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one organization's chain at some time."""

    organization_id: UUID
    sequence: int
    chain: bytes


@dataclass(slots=True)
class Verdict:
    """The findings in one organization's chain; `head` is its end as it was read, `is_keyed` whether it has a key."""

    head: Head
    is_keyed: bool = False
    findings: list[str] = field(default_factory=list)
    omitted: int = 0

    def find(self, text: str) -> None:
        """Add a finding, or only count it if there are many already."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(text)
        else:
            self.omitted += 1


def organizations() -> set[UUID]:
    """Return every organization that has or should have events, including deleted ones."""
    events = AuditEvent.objects.order_by().values_list("organization_id", flat=True).distinct()
    return {*events, *AuditHead.objects.values_list("organization_id", flat=True)}


def verify(organization_id: UUID, *, exported: Head | None = None, before_upgrade: bool = False) -> Verdict:
    """Read one organization's events in order and return the findings. Events written meanwhile do not disturb it.

    Args:
        exported: a head that was exported earlier; the chain has to pass through it.
        before_upgrade: a log without any key is no finding.
    """
    known = [("its head", head)] if (head := _head(organization_id)) else []
    if exported:
        known.append(("the exported head", exported))
    verdict = Verdict(Head(organization_id, 0, b""))
    found = _follow(verdict, {head.sequence for _, head in known})
    _compare(verdict, known, found)
    last = verdict.head.sequence
    if last and not verdict.is_keyed and not before_upgrade:
        verdict.find(f"Nothing protects the end of the log: no entry has a key. {UPGRADE}")
    stated = _head(organization_id) or Head(organization_id, 0, b"")
    if stated.sequence < last:
        verdict.find(f"The log continues to entry {last}, but its head says {stated.sequence}.")
    return verdict


def _compare(verdict: Verdict, known: list[tuple[str, Head]], found: dict[int, bytes]) -> None:
    """Compare the chain with heads that are known from elsewhere, each with its name in findings."""
    last = verdict.head.sequence
    for word, head in known:
        if head.sequence > last:
            verdict.find(f"The log was cut off: it ends at entry {last}, but {word} says {head.sequence}.")
        elif found.get(head.sequence, head.chain) != head.chain:
            verdict.find(f"Entry {head.sequence} does not match {word}: the log was rewritten.")


def _follow(verdict: Verdict, wanted: set[int]) -> dict[int, bytes]:
    """Walk along the chain and move the verdict's head.

    Returns:
        The stored hashes at the wanted sequence numbers.
    """
    kept, organization_id = {0: b""}, verdict.head.organization_id
    find_key = cache(chain_keys.find)
    for event in _readable(verdict, organization_id):
        expected = verdict.head.sequence + 1
        if event.sequence != expected:
            verdict.find(f"Missing: {_range(expected, event.sequence - 1)}.")
        elif problem := _problem(event, verdict, find_key):
            verdict.find(problem)
        if event.sequence in wanted:
            kept[event.sequence] = bytes(event.chain)
        verdict.head = Head(organization_id, event.sequence, bytes(event.chain))
        verdict.is_keyed = verdict.is_keyed or event.key_id is not None
    return kept


def _problem(event: AuditEvent, verdict: Verdict, find_key: Callable[[UUID, UUID], bytes | None]) -> str:
    """Return what is wrong with an event that follows the verdict's head, or an empty text."""
    key = find_key(event.key_id, event.organization_id) if event.key_id else None
    if event.key_id is None and verdict.is_keyed:
        return f"Entry {event.sequence} has no key, although entries before it have one."
    if event.key_id and key is None:
        return f"Entry {event.sequence} cannot be checked: its key {event.key_id} does not open."
    if not hmac.compare_digest(bytes(event.chain), chain_hash(verdict.head.chain, event, key)):
        return f"Entry {event.sequence} was changed or does not follow the previous entry."
    return ""


def _readable(verdict: Verdict, organization_id: UUID) -> Iterator[Any]:
    """Yield the events in order, up to the first that cannot be read as an event."""
    events = AuditEvent.objects.filter(organization_id=organization_id).order_by("sequence")
    try:
        yield from events.iterator(chunk_size=CHUNK)
    except (ValueError, TypeError):
        verdict.find(
            f"An entry after {verdict.head.sequence} cannot be read. The entries that follow were not checked."
        )


def _head(organization_id: UUID) -> Head | None:
    row = AuditHead.objects.filter(pk=organization_id).first()
    return Head(organization_id, row.sequence, bytes(row.chain)) if row else None


def _range(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first} to {last}"
