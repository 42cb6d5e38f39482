"""Two bare ASGI callables for the benchmark of resolving: one resolves a secret, the other reads its row and no more.

`uvicorn tests.benchmarks.resolving.resolved:resolve` or `:row`, with RESOLVED_ORGANIZATION, RESOLVED_NAME and
FLOOR_DATABASE in the environment, and the settings of the benchmark.
"""

import asyncio
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import django
import psycopg

django.setup()

from accounts.actors import Actor, actor_for_command  # noqa: E402 - these need the settings
from accounts.common.database import Batches  # noqa: E402
from accounts.common.environments import Environment  # noqa: E402
from accounts.models import Organization  # noqa: E402
from secrets_app.sealing import resolver  # noqa: E402

ORGANIZATION, NAME = UUID(os.environ["RESOLVED_ORGANIZATION"]), os.environ["RESOLVED_NAME"]
WANTED = Organization(pk=ORGANIZATION), [NAME], Environment.STAGING
ROW = """
    SELECT value.sealed, key.wrapped, secret.enabled, secret.allowed_domains
    FROM secrets_app_secretvalue value
    JOIN secrets_app_secret secret ON secret.id = value.secret_id
    JOIN secrets_app_organizationkey key ON key.id = value.data_key_id
    WHERE secret.organization_id = %s AND secret.name = %s AND value.environment = %s AND value.state = 'current'
"""

_pool = ThreadPoolExecutor(8)
_own = threading.local()


def _resolve_all(actors: Sequence[Actor]) -> list[int]:
    found = resolver.find(*WANTED)
    return [len(resolver.open_values(found, actor=actor)[NAME].expose()) for actor in actors]


_batches = Batches(_resolve_all)
_actor = actor_for_command(Organization(pk=ORGANIZATION), "bench")


def _read() -> int:
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(os.environ["FLOOR_DATABASE"], autocommit=True)
    row = _own.connection.execute(ROW, (ORGANIZATION, NAME, "staging")).fetchone()
    return len(row[0])


async def resolve(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the value's row and open it."""
    await _answered(scope, receive, send, lambda: _batches.ask(_actor))


async def row(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the row in a long-lived thread."""
    await _answered(scope, receive, send, lambda: asyncio.get_running_loop().run_in_executor(_pool, _read))


async def _answered(scope: dict[str, Any], receive: Any, send: Any, work: Any) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = b"done" if await work() else b"nothing"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
