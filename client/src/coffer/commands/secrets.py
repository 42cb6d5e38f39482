"""`coffer secrets …`: everything about secrets but their values, which only go in."""

from pathlib import Path
from typing import Annotated, Any

import typer

from coffer.commands.inputs import AsJson, Environment, InAnyEnvironment, InEnvironment, text_of, value
from coffer.commands.output import UNFIT, as_json, as_table, chosen, say, stop
from coffer.commands.session import connected

app = typer.Typer(no_args_is_help=True, help="List, set, import and rotate secrets. Values only go in.")

Name = Annotated[str, typer.Argument(help="The name, such as crm.token.")]
AllowShort = Annotated[bool, typer.Option("--allow-short", help="Store a value under 8 characters.")]


@app.command("list")
def list_secrets(
    context: typer.Context,
    environment: InAnyEnvironment = None,
    missing: Annotated[bool, typer.Option("--missing", help="Only those without a value.")] = False,
    search: Annotated[str, typer.Option("--search", help="Part of the name or description.")] = "",
    json: AsJson = False,
) -> None:
    """List the secrets: states and uses, never values."""
    with connected(context) as client:
        found = client.secrets.list(environment=environment, status="missing" if missing else "", q=search)
        heads = ("NAME", "STATUS", *(entry.value.upper() for entry in Environment), "USED", "LAST USED")
        chosen(found, json_lines=json, heads=heads, row=_row)


@app.command()
def get(context: typer.Context, name: Name) -> None:
    """Print everything about a secret but its values, as JSON."""
    with connected(context) as client:
        as_json(client.secrets.get(name))


@app.command("set")
def set_secret(
    context: typer.Context,
    name: Name,
    environments: Annotated[
        list[Environment] | None,
        typer.Option("--environment", "-e", help="Where the value is stored; repeat it. Without it: everywhere."),
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    domains: Annotated[
        list[str] | None, typer.Option("--domain", help="A domain that it may be sent to; repeat it.")
    ] = None,
    allow_short: AllowShort = False,
) -> None:
    """Store a value from a prompt or standard input. A secret that does not exist is created."""
    with connected(context) as client:
        entered = value(f"Value of {name}")
        declared: dict[str, Any] = {"values": dict.fromkeys(environments or Environment, entered)}
        given = {"description": description, "allowed_domains": domains, "allow_short": allow_short or None}
        stored = client.secrets.put(name, **declared, **{key: one for key, one in given.items() if one is not None})
        _tell_warnings(stored)
        say(f"Stored {name} in {', '.join(environments or Environment)}.")


@app.command("import")
def import_dotenv(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A .env file, or - for standard input.")],
    environment: InEnvironment,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    allow_short: AllowShort = False,
    json: AsJson = False,
) -> None:
    """Store the entries of a .env file in one environment, all or none."""
    with connected(context) as client:
        answer = client.secrets.import_dotenv(environment, text_of(file), dry_run=dry_run, allow_short=allow_short)
        if json:
            as_json(answer)
            return
        lines = [(act, entry) for act in ("created", "replaced", "skipped", "refused") for entry in answer[act]]
        as_table(("LINE", "NAME", "WHAT"), [(entry["line"], entry["name"], act) for act, entry in lines])


@app.command()
def rotate(
    context: typer.Context,
    name: Name,
    environment: InEnvironment,
    accept_failures: Annotated[
        bool, typer.Option("--accept-failures", help="Promote although a check did not pass.")
    ] = False,
    allow_short: AllowShort = False,
) -> None:
    """Stage a new value, check it everywhere, and promote it. Without --accept-failures a failure leaves it staged."""
    with connected(context) as client:
        entered = value(f"New value of {name} in {environment}")
        secret_id = client.id_of("secrets", name)
        client.rotation.stage(secret_id, environment, entered, allow_short=allow_short)
        results = client.rotation.check(secret_id, environment)["results"]
        rows = [(one["reference"]["integration"]["name"], one["outcome"], one["detail"]) for one in results]
        as_table(("INTEGRATION", "OUTCOME", "DETAIL"), rows)
        if not accept_failures and any(one["outcome"] != "passed" for one in results):
            stop("The value is staged and not in use. Promote it with --accept-failures, or stage another one.", UNFIT)
        client.rotation.promote(secret_id, environment, accept_failures=accept_failures)
        say(f"{name} has its new value in {environment}.")
        say(f"Roll back with: coffer secrets roll-back {name} -e {environment}")


@app.command("roll-back")
def roll_back(context: typer.Context, name: Name, environment: InEnvironment) -> None:
    """Return to the value before, within the window."""
    with connected(context) as client:
        client.rotation.roll_back(name, environment)
        say(f"{name} has the value before in {environment}.")


@app.command()
def delete(context: typer.Context, name: Name) -> None:
    """Delete a secret that nothing uses."""
    with connected(context) as client:
        client.secrets.delete(name)
        say(f"Deleted {name}.")


def _row(secret: Any) -> tuple[Any, ...]:
    states = [secret["environments"][entry]["state"] for entry in Environment]
    return (secret["name"], secret["status"], *states, secret["usage_count"], secret["last_used_at"])


def _tell_warnings(stored: Any) -> None:
    for warning in stored.get("warnings", ()):
        say(f"Warning: {warning['message']}")
