"""Streams the audit log as a file: CSV for spreadsheets, JSON Lines for programs."""

import json
from collections.abc import Iterator

from django.http import HttpRequest, StreamingHttpResponse

from accounts.actors import Actor
from accounts.api.files import Format, cell, csv_rows, streamed_file
from accounts.audit import log
from accounts.audit.lines import as_line
from accounts.audit.log import AuditFilters
from accounts.models import AuditEvent

COLUMNS = [
    "sequence",
    "created_at",
    "event",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_name",
    "target_kind",
    "target_id",
    "target_name",
    "environment",
    "address",
    "data",
    "chain",
]


def streamed(request: HttpRequest, actor: Actor, filters: AuditFilters, file_format: Format) -> StreamingHttpResponse:
    """Return a streaming response with everything that matches, newest first.

    Raises:
        PermissionDenied: the actor may not read the log.
    """
    log.matching(actor, filters)  # checks the permission now, not in the middle of the response
    return streamed_file(request, f"audit-{actor.organization.slug}", file_format, _chunks(actor, filters, file_format))


def _chunks(actor: Actor, filters: AuditFilters, file_format: Format) -> Iterator[bytes]:
    if file_format is Format.CSV:
        yield csv_rows([COLUMNS])
    for events in log.batches(actor, filters):
        yield _csv(events) if file_format is Format.CSV else _json_lines(events)


def _csv(events: list[AuditEvent]) -> bytes:
    return csv_rows([[cell(text) for text in _texts(event)] for event in events])


def _texts(event: AuditEvent) -> list[str]:
    return [
        str(event.sequence),
        event.created_at.isoformat(),
        event.event,
        event.outcome,
        event.actor_kind,
        str(event.actor_id or ""),
        event.actor_label,
        event.target_kind,
        str(event.target_id or ""),
        event.target_label,
        event.environment,
        event.address or "",
        json.dumps(event.data, ensure_ascii=False),
        bytes(event.chain).hex(),
    ]


def _json_lines(events: list[AuditEvent]) -> bytes:
    return "".join(map(as_line, events)).encode()
