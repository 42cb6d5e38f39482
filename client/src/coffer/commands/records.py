"""`coffer runs …` and `coffer audit`: the records, which never hold a body or a value."""

import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from coffer.commands.inputs import AsJson, InAnyEnvironment
from coffer.commands.output import as_json, as_json_line, chosen
from coffer.commands.session import connected
from coffer.synchronous import Client

app = typer.Typer(no_args_is_help=True, help="List runs, look at one, and follow them.")

HEADS = ("TIME", "INTEGRATION", "ENVIRONMENT", "OUTCOME", "CODE", "STATUS", "MS", "RUN")
PAUSE = 2.0
"""Seconds between two looks for new runs."""

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]
Outcome = Annotated[str, typer.Option(help="succeeded, upstream_error, refused or failed.")]
Of = Annotated[str, typer.Option("--integration", help="Only this integration, by name or id.")]


@app.command("list")
def list_runs(
    context: typer.Context,
    environment: InAnyEnvironment = None,
    integration: Of = "",
    outcome: Outcome = "",
    limit: Limit = 50,
    json: AsJson = False,
) -> None:
    """List the newest runs."""
    with connected(context) as client:
        found = client.runs.list(environment=environment, integration=integration, outcome=outcome)
        chosen(_first(found, limit), json_lines=json, heads=HEADS, row=_row)


@app.command()
def show(context: typer.Context, run_id: Annotated[str, typer.Argument(help="The id of the run.")]) -> None:
    """Print a run with its steps, as JSON."""
    with connected(context) as client:
        as_json(client.runs.get(run_id))


@app.command()
def tail(
    context: typer.Context,
    environment: InAnyEnvironment = None,
    integration: Of = "",
    outcome: Outcome = "",
    json: AsJson = False,
) -> None:
    """Print runs as they come, until Ctrl-C."""
    with connected(context) as client:
        for run in _following(client, {"environment": environment, "integration": integration}):
            if outcome not in {"", run["outcome"]}:
                continue
            if json:
                as_json_line(run)
            else:
                typer.echo("  ".join("-" if cell is None else str(cell) for cell in _row(run)))


def audit(
    context: typer.Context,
    event: Annotated[str, typer.Option(help="Only this event, such as secret.created.")] = "",
    limit: Limit = 50,
    json: AsJson = False,
) -> None:
    """List the newest events of the audit log."""
    with connected(context) as client:
        found = _first(client.audit_events(event=event), limit)
        heads = ("TIME", "EVENT", "OUTCOME", "ACTOR", "TARGET")
        chosen(found, json_lines=json, heads=heads, row=_event_row)


def _following(client: Client, filters: dict[str, Any]) -> Iterator[Any]:
    """Return the runs that end from now on, oldest first, for ever."""
    newest = next(client.runs.list(**filters), None)
    since = newest["started_at"] if newest else None
    told = {newest["id"]} if newest else set()
    while True:
        found = list(client.runs.list(since=since, **filters))
        under_way = [run for run in found if run["outcome"] == "started"]
        yield from (run for run in reversed(found) if run not in under_way and run["id"] not in told)
        told = {run["id"] for run in found if run not in under_way}
        if found:
            since = (under_way or found[:1])[-1]["started_at"]
        time.sleep(PAUSE)


def _first(items: Iterator[Any], number: int) -> Iterator[Any]:
    return (item for _, item in zip(range(number), items, strict=False))


def _row(run: Any) -> tuple[Any, ...]:
    of = run["integration"]["name"]
    return (
        run["started_at"],
        of,
        run["environment"],
        run["outcome"],
        run["code"],
        run["status"],
        run["duration_ms"],
        run["id"],
    )


def _event_row(event: Any) -> tuple[Any, ...]:
    return (event["created_at"], event["event"], event["outcome"], event["actor"]["name"], event["target"]["name"])
