"""Streams runs as a file: CSV for spreadsheets, JSON Lines for programs. Neither holds a body, a header or a value."""

import json
from collections.abc import Iterator

from django.http import HttpRequest, StreamingHttpResponse
from ninja.responses import NinjaJSONEncoder

from accounts.actors import Actor
from accounts.api.files import Format, cell, csv_rows, streamed_file
from accounts.policy import Permission
from integrations.api.run_schemas import run_details_out
from integrations.broker.ledger import STEPS
from integrations.models import Run
from integrations.runs import reading
from integrations.runs.reading import RunFilters

COLUMNS = [
    "id", "started_at", "integration_id", "integration_name", "kind", "operation", "note", "environment", "caller_kind",
    "caller_id", "principal_id", "caller", "outcome", "code", "host", "address", "status", "answer_bytes",
    "sent_bytes", "first_byte_ms", "duration_ms", "request_id", "secrets", *(f"{step}_ms" for step in STEPS),
]  # fmt: skip


def streamed(request: HttpRequest, actor: Actor, filters: RunFilters, file_format: Format) -> StreamingHttpResponse:
    """Return a streaming response with every run that matches, newest first.

    Raises:
        PermissionDenied: the actor may not read runs.
    """
    actor.check(Permission.RUNS_READ)  # now, not in the middle of the response
    chunks = _chunks(actor, filters, file_format)
    return streamed_file(request, f"runs-{actor.organization.slug}", file_format, chunks)


def _chunks(actor: Actor, filters: RunFilters, file_format: Format) -> Iterator[bytes]:
    if file_format is Format.CSV:
        yield csv_rows([COLUMNS])
    for runs in reading.batches(actor, filters):
        if file_format is Format.CSV:
            yield csv_rows([[cell(text) for text in _texts(run)] for run in runs])
        else:
            yield "".join(f"{json.dumps(run_details_out(run), cls=NinjaJSONEncoder)}\n" for run in runs).encode()


def _texts(run: Run) -> list[str]:
    """Return the columns of a run; a secret is its name and version."""
    out = run_details_out(run)
    integration, steps = out["integration"], run.steps
    secrets = ", ".join(f"{used['name']} {used['version']}" for used in out["secrets"])
    flat = out | {
        "started_at": run.started_at.isoformat(),
        "integration_id": integration["id"],
        "integration_name": integration["name"],
        "kind": integration["kind"],
        "secrets": secrets,
        **{f"{step}_ms": steps.get(step) for step in STEPS},
    }
    return ["" if flat[name] is None else str(flat[name]) for name in COLUMNS]
