"""Streams the audit log as a file: CSV for spreadsheets, JSON Lines for programs."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from enum import StrEnum
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from accounts.actors import Actor
from accounts.audit import log
from accounts.audit.log import AuditFilters
from accounts.audit.wording import visible
from accounts.common.database import in_database
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
FORMULA = set("=+-@\t\r\n|%＝＋－＠")  # noqa: RUF001 - full-width signs start a formula in some spreadsheets too


class Format(StrEnum):
    """The two file formats; the value is the file name extension."""

    CSV = "csv"
    JSON_LINES = "jsonl"

    @property
    def content_type(self) -> str:
        return "text/csv; charset=utf-8; header=present" if self is Format.CSV else "application/x-ndjson"


def event_out(event: AuditEvent) -> dict[str, Any]:
    """Return one event as the API presents it."""
    return {
        "id": event.id,
        "sequence": event.sequence,
        "event": event.event,
        "outcome": event.outcome,
        "actor": {"kind": event.actor_kind, "id": event.actor_id, "name": event.actor_label},
        "target": {"kind": event.target_kind, "id": event.target_id, "name": event.target_label},
        "environment": event.environment or None,
        "address": event.address,
        "data": event.data,
        "created_at": event.created_at,
        "chain": bytes(event.chain).hex(),
    }


def streamed(request: HttpRequest, actor: Actor, filters: AuditFilters, file_format: Format) -> StreamingHttpResponse:
    """Return a streaming response with everything that matches, newest first.

    Raises:
        PermissionDenied: the actor may not read the log.
    """
    log.matching(actor, filters)  # checks the permission now, not in the middle of the response
    chunks = _chunks(actor, filters, file_format)
    content = _from_database(chunks) if isinstance(request, ASGIRequest) else chunks
    return StreamingHttpResponse(
        content,
        content_type=file_format.content_type,
        headers={"Content-Disposition": f'attachment; filename="audit-{actor.organization.slug}.{file_format.value}"'},
    )


def cell(text: str) -> str:
    """Return a text that a spreadsheet shows but does not evaluate.

    Control characters are escaped, and a text that would start a formula is prefixed with `'`.
    """
    return visible(f"'{text}" if text.lstrip(" ")[:1] in FORMULA and text.strip(" ") else text)


def _chunks(actor: Actor, filters: AuditFilters, file_format: Format) -> Iterator[bytes]:
    write: Callable[[list[AuditEvent]], str] = _csv if file_format is Format.CSV else _json_lines
    if file_format is Format.CSV:
        yield _rows([COLUMNS]).encode()
    for events in log.batches(actor, filters):
        yield write(events).encode()


async def _from_database(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the chunks, each read in a database thread.

    Django would otherwise read all of them into memory before an asynchronous server sends the first.
    """
    while (chunk := await in_database(next, chunks, None)) is not None:
        yield chunk


def _csv(events: list[AuditEvent]) -> str:
    return _rows([[cell(text) for text in _texts(event)] for event in events])


def _rows(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


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


def _json_lines(events: list[AuditEvent]) -> str:
    return "".join(f"{json.dumps(_plain(event_out(event)))}\n" for event in events)


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with ids and times as strings."""
    actor, target = event["actor"], event["target"]
    return event | {
        "id": str(event["id"]),
        "actor": actor | {"id": str(actor["id"]) if actor["id"] else None},
        "target": target | {"id": str(target["id"]) if target["id"] else None},
        "created_at": event["created_at"].isoformat(),
    }
