"""The command line `coffer`: all commands, and the ones about the profile."""

from typing import Annotated

import typer

from coffer.commands import configuration, integrations, profiles, records, secrets
from coffer.commands.inputs import AsJson, value
from coffer.commands.output import as_json, refusals_told, say, stop
from coffer.commands.profiles import Profile
from coffer.commands.session import connected
from coffer.exchange import VERSION
from coffer.synchronous import Client

app = typer.Typer(
    name="coffer",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Secrets and authenticated calls of a Coffer. Values go in and never come out.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"coffer {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    profile: Annotated[
        str, typer.Option(envvar="COFFER_PROFILE", help="The stored address and key to use.")
    ] = "default",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let the API key travel over http:// to another host.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep the options that stand before the command."""
    context.obj = {"profile": profile, "insecure": insecure}


@app.command()
def login(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Such as https://coffer.example.com.", envvar=profiles.ADDRESS)],
) -> None:
    """Store the address and an API key, from a prompt or standard input, once Coffer has accepted it."""
    with refusals_told():
        api_key = value("API key").strip()
        with Client(address, api_key, insecure=context.obj["insecure"]) as client:
            key = client.key()
            profiles.store(context.obj["profile"], Profile(client.address, api_key))
        say(f"Signed in to {key['organization']['name']} with the key {key['name']}. Stored in {profiles.file()}.")


@app.command()
def logout(context: typer.Context) -> None:
    """Remove the stored address and API key. The key stays good until somebody revokes it."""
    with refusals_told():
        if not profiles.forget(context.obj["profile"]):
            stop(f"There is no profile {context.obj['profile']}.")
        say("Removed. Revoke the key on the page Agents and keys if nobody else uses it.")


@app.command()
def whoami(context: typer.Context, json: AsJson = False) -> None:
    """Say which key this is and what it may do."""
    with connected(context) as client:
        key = client.key()
        if json:
            as_json(key)
            return
        typer.echo(f"{key['name']} in {key['organization']['name']} at {client.address}")
        typer.echo(f"Scopes: {', '.join(key['scopes'])}")
        typer.echo(f"Environments: {', '.join(key['environments'])}")


app.add_typer(secrets.app, name="secrets")
app.add_typer(integrations.app, name="integrations")
app.add_typer(records.app, name="runs")
for command in (
    integrations.run,
    integrations.readiness,
    configuration.plan,
    configuration.apply,
    configuration.export,
):
    app.command()(command)
app.command()(records.audit)
