"""A tool call at `/mcp` against the same run by the API, in organizations of 1 to 10,000 integrations.

One server with one worker answers all of them, with a fast upstream. The ways take turns in every round; medians are
compared, each with the run by the API in the same organization.
"""

import json
import os
import sys
from contextlib import ExitStack

from django.db import connections

from accounts.actors import Actor, actor_for_member
from accounts.common.environments import Environment
from accounts.models import Membership, User
from accounts.people.organizations import create_organization
from accounts.policy import Scope
from integrations.models import AgentTool, Integration
from tests.benchmarks.broker import EXPECTED, HEADER, KEY_LIMIT, VALUE
from tests.benchmarks.competing import Cell, Competitor, postmaster, uvicorn
from tests.benchmarks.processes import free_port, serving
from tests.support.things import key_for, make_action, store_secret

SIZES = (1, 1_000, 10_000)
CONNECTIONS = (64, 1)
ROUNDS = int(os.environ.get("ROUNDS", "5"))
BATCH = 1_000
RUN, MODERN, LEGACY, LIST = "run by API", "call, 2026-07-28", "call, 2025-11-25", "list of tools"
VERSION = "io.modelcontextprotocol/protocolVersion"


def measure() -> list[dict[str, object]]:
    """Each way in each organization at each number of connections, and its ratio to the run by the API."""
    upstream, port = free_port(), free_port()
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.benchmarks.upstream", str(upstream)]
        stack.enter_context(serving(command, upstream, {"EXPECTED": HEADER}))
        pid = stack.enter_context(serving(uvicorn("config.asgi:application", port), port))
        ways = {size: _ways(size, f"http://127.0.0.1:{upstream}", port, (pid, postmaster())) for size in SIZES}
        connections.close_all()
        cells = {
            (size, number, way.name): Cell(way, "fast", number, '"name":"look_up"' if way.name == LIST else EXPECTED)
            for size, found in ways.items()
            for number in CONNECTIONS
            for way in found
        }
        for cell in cells.values():
            cell.warm_up()
        for _ in range(ROUNDS):
            for cell in cells.values():
                cell.measure()
    return [_row(size, cell, cells[size, cell.connections, RUN]) for (size, _, _), cell in cells.items()]


def _row(size: int, cell: Cell, run: Cell) -> dict[str, object]:
    return {
        "integrations": size,
        "connections": cell.connections,
        "way": cell.competitor.name,
        "per_second": round(cell.median("per_second")),
        "cpu_ms": round(cell.median("cpu_ms"), 2),
        "cpu_of_run": round(cell.median("cpu_ms") / run.median("cpu_ms"), 2),
        "p50_ms": round(cell.median("p50_ms"), 1),
        "p50_of_run": round(cell.median("p50_ms") / run.median("p50_ms"), 2),
        "failed": round(sum(found["failed"] for found in cell.rounds)),
    }


def _ways(size: int, base_url: str, port: int, processes: tuple[int, ...]) -> list[Competitor]:
    """The ways to one action of an organization of this size."""
    owner = _owner(size)
    store_secret(owner, value=VALUE)
    action = make_action(owner, "Look up", base_url=base_url, path="/fast", environments=[Environment.STAGING])
    _fill(owner, action, size - 1)
    key = key_for(owner, Scope.RUN, environments=[Environment.STAGING], max_concurrent=KEY_LIMIT)
    api, agents = (f"http://127.0.0.1:{port}{path}" for path in (f"/api/v1/integrations/{action.id}/run", "/mcp"))
    signed = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
    modern = {**signed, "Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "look_up"}
    meta = {"_meta": {VERSION: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}
    listing = {**signed, "Mcp-Protocol-Version": "2025-11-25"}
    return [
        Competitor(RUN, {"fast": api}, signed, processes),
        Competitor(MODERN, {"fast": agents}, modern, processes, _message("tools/call", name="look_up", **meta)),
        Competitor(LEGACY, {"fast": agents}, listing, processes, _message("tools/call", name="look_up")),
        Competitor(LIST, {"fast": agents}, listing, processes, _message("tools/list")),
    ]


def _message(method: str, **params: object) -> str:
    arguments = {"arguments": {}} if method == "tools/call" else {}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, **arguments}})


def _owner(size: int) -> Actor:
    user = User.objects.create(email=f"owner-{size}@example.com", name="Owner")
    organization = create_organization(user=user, name=f"Benchmark {size}")
    return actor_for_member(Membership.objects.select_related("user", "organization").get(organization=organization))


def _fill(owner: Actor, action: Integration, number: int) -> None:
    """Add as many integrations like this one, each with its tool."""
    for start in range(0, number, BATCH):
        rows = [
            Integration(
                organization=owner.organization,
                kind=action.kind,
                name=f"Other {each}",
                tool_name=f"other_{each}",
                environments=action.environments,
                config=action.config,
            )
            for each in range(start, min(start + BATCH, number))
        ]
        Integration.objects.bulk_create(rows)
        AgentTool.objects.bulk_create(
            AgentTool(organization=owner.organization, integration=row, operation="call", name=row.tool_name)
            for row in rows
        )
