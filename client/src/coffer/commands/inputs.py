"""What the commands read: values from a prompt or standard input, never from arguments; files; parameters of a run."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from coffer.errors import CofferError


class Environment(StrEnum):
    """An environment of secrets and integrations."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


InEnvironment = Annotated[Environment, typer.Option("--environment", "-e", help="The environment.")]
InAnyEnvironment = Annotated[Environment | None, typer.Option("--environment", "-e", help="Only this environment.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def value(question: str) -> str:
    """Return a value: from a prompt that does not show it, or the whole of standard input without its last line break.

    Raises:
        CofferError: nothing was entered.
    """
    if sys.stdin.isatty():
        entered = str(typer.prompt(question, hide_input=True, default="", show_default=False, err=True))
    else:
        entered = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not entered:
        raise CofferError("No value was entered. Enter it at the prompt, or pass it on standard input.")
    return entered


def text_of(path: Path) -> str:
    """Return the text of a file, or of standard input for `-`.

    Raises:
        CofferError: it cannot be read.
    """
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8"
        raise CofferError(f"{path} cannot be read: {reason}.") from None


def parameters(given: list[str]) -> dict[str, Any]:
    """Return the parameters of a run: `name=text`, or `name:=json`.

    Raises:
        CofferError: one has another form.
    """
    found: dict[str, Any] = {}
    for entry in given:
        name, sign, text = entry.partition("=")
        if not sign or not name.removesuffix(":"):
            raise CofferError(f"A parameter is name=text or name:=json, not {name}.")
        if name.endswith(":"):
            try:
                found[name.removesuffix(":")] = json.loads(text)
            except ValueError:
                raise CofferError(f"The parameter {name.removesuffix(':')} is not JSON.") from None
        else:
            found[name] = text
    return found
