"""`coffer plan`, `coffer apply` and `coffer export`: the organization as one file."""

import sys
from json import dumps as json_text
from pathlib import Path
from typing import Annotated, Any

import typer

from coffer.answers import Plan
from coffer.commands.inputs import AsJson, text_of
from coffer.commands.output import UNFIT, as_json, say, stop
from coffer.commands.session import connected

File = Annotated[Path, typer.Argument(help="The file, or - for standard input.")]
Prune = Annotated[bool, typer.Option("--prune", help="Delete what is not in the file.")]
AcceptRaw = Annotated[
    bool, typer.Option("--accept-raw-credentials", help="Store texts that look like a credential and are none.")
]


def plan(
    context: typer.Context,
    file: File = Path("coffer.yaml"),
    prune: Prune = False,
    accept_raw: AcceptRaw = False,
    json: AsJson = False,
    detailed: Annotated[bool, typer.Option("--exit-code", help="End with status 1 where there are changes.")] = False,
) -> None:
    """Say what an apply of the file would do. Nothing is changed."""
    with connected(context) as client:
        found = client.configuration.plan(text_of(file), prune=prune, accept_raw_credentials=accept_raw)
        if json:
            as_json(found)
        else:
            tell(found)
            _tell_missing(found)
        if detailed and found["changes"]:
            raise typer.Exit(UNFIT)


def apply(
    context: typer.Context,
    file: File = Path("coffer.yaml"),
    prune: Prune = False,
    accept_raw: AcceptRaw = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Apply the file, whole or not at all. What is shown is what is applied: other changes meanwhile refuse it."""
    with connected(context) as client:
        text = text_of(file)
        choices = {"prune": prune, "accept_raw_credentials": accept_raw}
        found = client.configuration.plan(text, **choices)
        if not json:
            tell(found)
        if found["changes"] and not yes:
            _ask()
        applied = client.configuration.apply(text, plan=found["plan"], **choices)
        if json:
            as_json(applied)
            return
        number = len(applied["changes"])
        say(f"Applied {number} change{'' if number == 1 else 's'}.")
        _tell_missing(applied)


def export(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")] = None,
) -> None:
    """Print the organization as a file: everything but values, people and keys."""
    with connected(context) as client:
        text = client.configuration.export()
        if output is None:
            typer.echo(text, nl=False)
        else:
            output.write_text(text, encoding="utf-8")
            say(f"Wrote {output}.")


def tell(found: Plan) -> None:
    """Print a plan for people."""
    if not found["changes"]:
        typer.echo("Nothing to change.")
    for change in found["changes"]:
        typer.echo(f"{SIGNS[change['action']]} {change['type']} {change['name']}")
        for field, (before, after) in change["fields"].items():
            is_new = change["action"] == "create"
            typer.echo(
                f"    {field}: {_shown(after)}" if is_new else f"    {field}: {_shown(before)} -> {_shown(after)}"
            )


SIGNS = {"create": "+", "change": "~", "delete": "-"}


def _tell_missing(found: Plan) -> None:
    for each in found["missing"]:
        say(f"No value yet: {each['secret']} in {', '.join(each['environments'])}.")


def _shown(value: Any) -> str:
    return json_text(value, ensure_ascii=False)


def _ask() -> None:
    if not sys.stdin.isatty():
        stop("Nothing was applied: pass --yes where nobody can be asked.")
    if not typer.confirm("Apply this?", err=True):
        stop("Nothing was applied.")
