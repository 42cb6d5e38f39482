"""`coffer integrations …`, `coffer run` and `coffer readiness`."""

from json import loads
from pathlib import Path
from typing import Annotated, Any

import typer

from coffer.commands.inputs import AsJson, InAnyEnvironment, InEnvironment, parameters, text_of
from coffer.commands.output import UNFIT, as_json, as_table, chosen, say, stop
from coffer.commands.session import connected
from coffer.commands.streaming import print_stream
from coffer.errors import ApprovalNeeded, CofferError
from coffer.synchronous import Client

app = typer.Typer(no_args_is_help=True, help="List, look at and test integrations.")

Name = Annotated[str, typer.Argument(help="The name or the id of the integration.")]


@app.command("list")
def list_integrations(
    context: typer.Context,
    environment: InAnyEnvironment = None,
    kind: Annotated[str, typer.Option(help="Only this kind, such as api_action.")] = "",
    search: Annotated[str, typer.Option("--search", help="Part of the name or description.")] = "",
    json: AsJson = False,
) -> None:
    """List the integrations with their states."""
    with connected(context) as client:
        found = client.integrations.list(environment=environment, kind=kind, q=search)
        heads = ("NAME", "KIND", "STATE", "ENVIRONMENTS", "WARNINGS")
        chosen(found, json_lines=json, heads=heads, row=_row)


@app.command()
def get(context: typer.Context, name: Name) -> None:
    """Print an integration as JSON."""
    with connected(context) as client:
        as_json(client.integrations.get(name))


@app.command("test")
def check(context: typer.Context, name: Name, environment: InEnvironment, json: AsJson = False) -> None:
    """Make the harmless check. The exit status is 1 unless every step passed."""
    with connected(context) as client:
        result = client.integrations.test(name, environment)
        if json:
            as_json(result)
        else:
            as_table(
                ("STEP", "OUTCOME", "DETAIL"), [(one["name"], one["outcome"], one["detail"]) for one in result["steps"]]
            )
        if not result["ok"]:
            raise typer.Exit(UNFIT)


def run(
    context: typer.Context,
    name: Name,
    environment: InEnvironment,
    params: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="name=text, or name:=json; repeat it.")
    ] = None,
    params_file: Annotated[
        Path | None, typer.Option("--params", help="A file with the parameters as JSON, or - for standard input.")
    ] = None,
    operation: Annotated[str | None, typer.Option(help="The operation, where there are several.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the person who may have to approve the call.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a person who has to approve the call.")] = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer while it arrives.")] = False,
    json: AsJson = False,
) -> None:
    """Run an operation and print the masked answer. The exit status is 1 where the upstream refused, or where a person
    has to approve the call first.
    """
    with connected(context) as client:
        given = _parameters_of_file(params_file) | parameters(params or [])
        if stream:
            print_stream(client.runs.stream(name, environment, given, operation), json_lines=json)
            return
        try:
            result = client.integrations.run(name, environment, given, operation, reason=reason, wait=wait)
        except ApprovalNeeded as needed:
            stop(f"Not sent yet. {needed} Run the same again once it is approved, or with --wait.", UNFIT)
        if json:
            as_json(result)
        elif isinstance(result["body"], str):
            typer.echo(result["body"])
        else:
            as_json(result["body"])
        if result["withheld"]:
            say(f"Withheld: {result['withheld']['message']}")
        say(f"{result['outcome']}, status {result['status']}, {result['duration_ms']} ms, run {result['run_id']}")
        if result["outcome"] != "succeeded":
            raise typer.Exit(UNFIT)


def readiness(context: typer.Context, environment: InAnyEnvironment = None, json: AsJson = False) -> None:
    """List what would stop a run, and secrets without a value that they have to have. The exit status is 1 where
    something is missing: a gate for deployments.
    """
    with connected(context) as client:
        entries = [entry for entry in client.readiness(environment) if not _runs_elsewhere(entry, environment)]
        unfit = [entry for entry in entries if not entry["ready"]]
        missing = _missing(client, environment)
        if json:
            as_json(entries)
        elif unfit:
            rows = [
                (entry["integration"]["name"], entry["environment"], problem["code"], problem["detail"])
                for entry in unfit
                for problem in entry["problems"]
            ]
            as_table(("INTEGRATION", "ENVIRONMENT", "CODE", "DETAIL"), rows)
        for name, places in missing.items():
            say(f"No value yet: {name} in {', '.join(places)}.")
        if unfit:
            stop(f"{len(unfit)} of {len(entries)} would not run.", UNFIT)
        if missing:
            stop(f"All {len(entries)} would run, and {len(missing)} secrets have no value yet.", UNFIT)
        say(f"All {len(entries)} would run.")


def _missing(client: Client, environment: str | None) -> dict[str, list[Any]]:
    """Return the environments in which secrets lack a value that they have to have, where the key may read secrets."""
    if not {"secrets.read", "secrets.write"} & set(client.key()["scopes"]):
        return {}
    found: dict[str, list[Any]] = {}
    for secret in client.secrets.list(status="missing"):
        states, wanted = secret["environments"], secret["required_in"]
        places = [each for each in wanted if states[each]["state"] != "set" and environment in {None, each}]
        if places:
            found[secret["name"]] = places
    return found


def _row(integration: Any) -> tuple[Any, ...]:
    codes = sorted({warning["code"] for warning in integration["warnings"]})
    return (integration["name"], integration["kind"], integration["state"], integration["environments"], codes)


def _runs_elsewhere(entry: Any, environment: str | None) -> bool:
    """Whether an integration does not run in the environment that was asked about, so that nothing is missing."""
    codes = {problem["code"] for problem in entry["problems"]}
    return environment is not None and "environment_not_enabled" in codes


def _parameters_of_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = loads(text_of(path))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CofferError('The parameters are an object in JSON, such as {"phone": "+15551234"}.')
    return found
