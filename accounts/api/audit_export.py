"""The audit log as a file: CSV for spreadsheets, JSON Lines for programs; streamed, some events at a time."""

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
from accounts.audit.log import Filters
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
FORMULA = set("=+-@\t\r\n|%＝＋－＠")  # noqa: RUF001 - the wide ones start a formula in some spreadsheets too


class Format(StrEnum):
    """The two kinds of file; the value is the ending of its name."""

    CSV = "csv"
    JSON_LINES = "jsonl"

    @property
    def content_type(self) -> str:
        """The media type."""
        return "text/csv; charset=utf-8; header=present" if self is Format.CSV else "application/x-ndjson"


def event_out(event: AuditEvent) -> dict[str, Any]:
    """One event, as the API gives it."""
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


def streamed(request: HttpRequest, actor: Actor, filters: Filters, wanted: Format) -> StreamingHttpResponse:
    """Everything that matches, newest first.

    Raises:
        PermissionDenied: the actor may not read the log.
    """
    log.matching(actor, filters)  # refuses here, not in the middle of the answer
    chunks = _chunks(actor, filters, wanted)
    content = _from_database(chunks) if isinstance(request, ASGIRequest) else chunks
    return StreamingHttpResponse(
        content,
        content_type=wanted.content_type,
        headers={"Content-Disposition": f'attachment; filename="audit-{actor.organization.slug}.{wanted.value}"'},
    )


def cell(text: str) -> str:
    """A text that a spreadsheet shows and does not run: control characters written out, a formula behind `'`."""
    return visible(f"'{text}" if text.lstrip(" ")[:1] in FORMULA and text.strip(" ") else text)


def _chunks(actor: Actor, filters: Filters, wanted: Format) -> Iterator[bytes]:
    write: Callable[[list[AuditEvent]], str] = _csv if wanted is Format.CSV else _json_lines
    if wanted is Format.CSV:
        yield _rows([COLUMNS]).encode()
    for events in log.batches(actor, filters):
        yield write(events).encode()


async def _from_database(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks, each read in a database thread: a server that is asynchronous would hold them all at once."""
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


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """The same with ids and times as texts."""
    actor, target = told["actor"], told["target"]
    return told | {
        "id": str(told["id"]),
        "actor": actor | {"id": str(actor["id"]) if actor["id"] else None},
        "target": target | {"id": str(target["id"]) if target["id"] else None},
        "created_at": told["created_at"].isoformat(),
    }
