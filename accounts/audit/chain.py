"""Whether the audit trail is what was written: every hash computed again, from the first event to the head.

The chain shows an edit and a gap. Somebody who can write to the database can also cut off the end, or compute the whole
chain anew; both show only against a head that was exported before and is kept elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.audit.trail import chain_hash
from accounts.models import AuditEvent, AuditHead

MAX_FINDINGS = 20
"""Findings of one organization that are told; the rest is counted."""
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one organization's chain at some time."""

    organization_id: UUID
    sequence: int
    chain: bytes


@dataclass(slots=True)
class Verdict:
    """What was found in one organization's chain; `head` is its end as it was read."""

    head: Head
    findings: list[str] = field(default_factory=list)
    omitted: int = 0

    def find(self, text: str) -> None:
        """Add a finding, or count it."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(text)
        else:
            self.omitted += 1


def organizations() -> set[UUID]:
    """Every organization that has or should have events, those that are deleted by now too."""
    events = AuditEvent.objects.order_by().values_list("organization_id", flat=True).distinct()
    return {*events, *AuditHead.objects.values_list("organization_id", flat=True)}


def verify(organization_id: UUID, *, exported: Head | None = None) -> Verdict:
    """Read one organization's events in order. What is written meanwhile does no harm.

    Args:
        exported: a head that was noted earlier; the chain has to go through it.
    """
    known = [("its head", head)] if (head := _head(organization_id)) else []
    if exported:
        known.append(("the exported head", exported))
    verdict = Verdict(Head(organization_id, 0, b""))
    found = _follow(verdict, {head.sequence for _, head in known})
    last = verdict.head.sequence
    for word, head in known:
        if head.sequence > last:
            verdict.find(f"The log was cut off: it ends at entry {last}, but {word} says {head.sequence}.")
        elif head.sequence in found and found[head.sequence] != head.chain:
            verdict.find(f"Entry {head.sequence} is not the one that {word} names: the log was written anew.")
    now = _head(organization_id)
    if last and (now is None or now.sequence < last):
        verdict.find(f"The log goes on to entry {last}, but its head says {now.sequence if now else 0}.")
    return verdict


def _follow(verdict: Verdict, wanted: set[int]) -> dict[int, bytes]:
    """Walk along the chain, moving the verdict's head; the hashes that were stored at the wanted numbers."""
    kept, organization_id = {0: b""}, verdict.head.organization_id
    for event in _readable(verdict, organization_id):
        expected, previous = verdict.head.sequence + 1, verdict.head.chain
        stored = bytes(event.chain)
        if event.sequence != expected:
            verdict.find(f"Missing: {_range(expected, event.sequence - 1)}.")
        elif stored != chain_hash(previous, event):
            verdict.find(f"Entry {event.sequence} was changed, or does not follow the one before it.")
        if event.sequence in wanted:
            kept[event.sequence] = stored
        verdict.head = Head(organization_id, event.sequence, stored)
    return kept


def _readable(verdict: Verdict, organization_id: UUID) -> Iterator[Any]:
    """The events in order, up to one that is not even readable as an event."""
    events = AuditEvent.objects.filter(organization_id=organization_id).order_by("sequence")
    try:
        yield from events.iterator(chunk_size=CHUNK)
    except (ValueError, TypeError):
        verdict.find(f"An entry after {verdict.head.sequence} was changed and cannot be read; nothing behind it was.")


def _head(organization_id: UUID) -> Head | None:
    row = AuditHead.objects.filter(pk=organization_id).first()
    return Head(organization_id, row.sequence, bytes(row.chain)) if row else None


def _range(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first} to {last}"
