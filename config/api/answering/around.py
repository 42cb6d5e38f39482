"""Around every operation: what a request asks for besides it, and what an answer says besides its body."""

import functools
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import NinjaAPI
from ninja.operation import Operation

from accounts.access.idempotency import HEADER
from accounts.common.database import in_database
from accounts.errors import Refusal
from config.api.answering import dry_runs, entity_tags
from config.api.answering.dry_runs import DryRun
from config.api.answering.idempotency import OnceOnly
from config.api.answering.locations import add_location
from config.api.answering.rules import has_dry_run, reads, takes_idempotency_key

Run = Callable[..., Any]


def wrap_operations(api: NinjaAPI) -> None:
    """Wrap the operations of an API whose routers are complete."""
    routers = list(api._get_bound_routers())  # noqa: SLF001 - ninja has no other way to all operations
    found = {
        f"/{router.prefix}/{path}".replace("//", "/").rstrip("/"): view.operations
        for router in routers
        for path, view in router.path_operations.items()
    }
    readers = {path: each for path, operations in found.items() for each in operations if reads(each)}
    for path, operations in found.items():
        for operation in operations:
            operation.run = _wrapped(operation, _reader_of(path, readers))  # type: ignore[method-assign]


def _reader_of(path: str, readers: dict[str, Operation]) -> Operation | None:
    """Return the operation that reads the one thing at an address, or the thing that the address is below."""
    above = [place for place in readers if place.endswith("}") and f"{path}/".startswith(f"{place}/")]
    return readers[max(above, key=len)] if above else None


def _wrapped(operation: Operation, reader: Operation | None) -> Run:
    run: Run = operation.run
    if operation.is_async and reads(operation):
        return _reading_later(operation, run)
    if operation.is_async:
        return _once(run) if takes_idempotency_key(operation) else run
    if reads(operation):
        return _reading(operation, run)

    @functools.wraps(run)
    def change(request: Any, **url_parts: Any) -> HttpResponseBase:
        if has_dry_run(operation) and dry_runs.is_wanted(request):
            return DryRun(request, reader, url_parts).answer(lambda: run(request, **url_parts))
        if takes_idempotency_key(operation) and HEADER in request.headers:
            response = _carried_out_once(operation, OnceOnly(request), lambda: run(request, **url_parts))
        else:
            response = run(request, **url_parts)
        add_location(operation, response)
        entity_tags.add_version(operation, response)
        return response

    return change


def _reading(operation: Operation, run: Run) -> Run:
    @functools.wraps(run)
    def read(request: HttpRequest, **url_parts: Any) -> HttpResponseBase:
        return entity_tags.with_tag(operation, request, run(request, **url_parts))

    return read


def _reading_later(operation: Operation, run: Run) -> Run:
    @functools.wraps(run)
    async def read(request: HttpRequest, **url_parts: Any) -> HttpResponseBase:
        return entity_tags.with_tag(operation, request, await run(request, **url_parts))

    return read


def _carried_out_once(operation: Operation, once: OnceOnly, run: Callable[[], HttpResponse]) -> HttpResponse:
    """Carry out an act and keep its answer, in one transaction."""
    try:
        with transaction.atomic():
            response = run()
            once.finish(response)
            return response
    except Refusal as refusal:
        return operation.api.on_exception(once.request, refusal)


def _once(run: Run) -> Run:
    """Wrap a run, which holds no transaction while it calls an upstream."""

    @functools.wraps(run)
    async def carry_out(request: Any, **url_parts: Any) -> HttpResponseBase:
        if HEADER not in request.headers:
            return await run(request, **url_parts)
        once = OnceOnly(request)
        response = await run(request, **url_parts)
        await in_database(once.finish_run, response)
        return response

    return carry_out
