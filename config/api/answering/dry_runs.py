"""Dry runs: what an operation would change. It is carried out in a transaction that is rolled back.

With the transaction go the audit events, and everything that waits for a commit: mail, webhooks, streams. A refusal is
that of the act itself, and is recorded like it.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Schema
from ninja.operation import Operation
from ninja.responses import NinjaJSONEncoder
from pydantic import Field, TypeAdapter

from accounts.access.idempotency import HEADER, check_key
from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import DRY_RUN
from accounts.actors import Actor
from accounts.audit import log
from accounts.common.environments import Environment
from accounts.common.fields import write_json
from accounts.errors import NotFound
from accounts.models import AuditEvent

ONCE = {"token", "signing_secret"}
"""Members of answers that are good for nothing after a dry run."""
NOT_TOLD = {"updated_at", "updated_by"}
"""Fields that every change sets."""


class ChangedThingOut(Schema):
    """What an act is about, with its name at that time."""

    kind: str
    id: UUID | None
    name: str


class ActOut(Schema):
    """An act that the audit log would have recorded. `data` holds details such as the names of changed fields."""

    event: str
    target: ChangedThingOut
    environment: Environment | None
    data: dict[str, Any]


class FieldChangeOut(Schema):
    """A field that would be another one; null is a field that is not there."""

    field: str
    before: Any
    after: Any


class DryRunOut(Schema):
    """What would change. No value is part of it: a new one shows by its version."""

    acts: list[ActOut] = Field(description="In order, with those that follow from others.")
    changes: list[FieldChangeOut] = Field(description="Of what is at this address.")


class DryRunAnswerOut(Schema):
    """The answer of a dry run whose operation has no body in its answer."""

    dry_run: DryRunOut


def is_wanted(request: HttpRequest) -> bool:
    """Whether a request asks for a dry run. `route_permissions` refuses what is neither true nor false."""
    return request.GET.getlist(DRY_RUN) == ["true"]


class DryRun:
    """One dry run.

    Attributes:
        reading: the operation that reads what is at the address; None if none does.
        url_parts: the parts of the address.
    """

    def __init__(self, request: CofferRequest, reading: Operation | None, url_parts: Mapping[str, Any]) -> None:
        self._request, self._reading, self._url_parts = request, reading, url_parts
        self._before: Any = None
        self._position = 0
        request.before_act = self._begin

    def answer(self, run: Callable[[], HttpResponse]) -> HttpResponse:
        """Run the operation, and answer what it would have changed. A refusal stays what it is."""
        with transaction.atomic():
            response = run()
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                return response
            told = self._told()
            transaction.set_rollback(True)
        document = json.loads(response.content) if response.content else {}
        document |= {name: "" for name in ONCE & document.keys() if document[name]}
        text = write_json(document | {DRY_RUN: told})
        return HttpResponse(text, content_type="application/json; charset=utf-8")

    def _begin(self, actor: Actor) -> None:
        if HEADER in self._request.headers:
            check_key(self._request.headers[HEADER])
        self._before, self._position = self._read(), log.position(actor)

    def _told(self) -> dict[str, Any]:
        after = self._read()
        return {
            "acts": [_act(event) for event in log.events_after(self._request.auth, self._position)],
            "changes": list(_changes("", self._before, after)) if self._before and after else [],
        }

    def _read(self) -> Any:
        """Return what is at the address now, as JSON; None if nothing is."""
        if self._reading is None:
            return None
        read = inspect.unwrap(self._reading.view_func)
        declared = inspect.signature(read).parameters
        parts = {
            name: TypeAdapter(declared[name].annotation).validate_python(part)
            for name, part in self._url_parts.items()
            if name in declared
        }
        try:
            found = read(self._request, **parts)
        except NotFound:
            return None
        return json.loads(write_json(found, default=NinjaJSONEncoder().default))


def _act(event: AuditEvent) -> dict[str, Any]:
    target_id = str(event.target_id) if event.target_id else None
    return {
        "event": event.event,
        "target": {"kind": event.target_kind, "id": target_id, "name": event.target_label},
        "environment": event.environment or None,
        "data": event.data,
    }


def _changes(field: str, before: Any, after: Any) -> Iterator[dict[str, Any]]:
    """Yield the fields that differ, each with its path, such as `environments.staging.version`."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        if before != after:
            yield {"field": field, "before": before, "after": after}
        return
    for name in sorted((before.keys() | after.keys()) - NOT_TOLD):
        yield from _changes(f"{field}.{name}".lstrip("."), before.get(name), after.get(name))
