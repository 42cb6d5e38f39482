"""What the commands print: tables for people, JSON for programs, and errors on standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from coffer.errors import ApiError, CofferError

UNFIT, FAILED = 1, 2
"""Exit statuses: what was asked about is not in order; the command itself was refused or failed."""


def as_json(answer: Any) -> None:
    """Print an answer as JSON."""
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def as_json_line(answer: Any) -> None:
    """Print an answer as one line of JSON."""
    typer.echo(json.dumps(answer, ensure_ascii=False))


def as_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows below their heads, in columns."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        typer.echo("Nothing found.", err=True)
        return
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for row in (heads, *cells):
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def say(sentence: str) -> None:
    """Print a sentence for people, where it does not disturb what programs read."""
    typer.echo(sentence, err=True)


def stop(sentence: str, status: int = FAILED) -> NoReturn:
    """Print a sentence and end the command."""
    say(sentence)
    raise typer.Exit(status)


@contextmanager
def refusals_told() -> Any:
    """Run the block; a refusal of Coffer becomes a sentence with its code and the id of the request."""
    try:
        yield
    except ApiError as error:
        told = [f"{error.code}: {error}"]
        told += [f"Run {error.run_id}."] if error.run_id else []
        told += [f"Request {error.request_id}."] if error.request_id else []
        stop(" ".join(told))
    except CofferError as error:
        stop(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(FAILED) from None


def chosen(
    items: Iterable[Any], *, json_lines: bool, heads: Sequence[str], row: Callable[[Any], Sequence[Any]]
) -> None:
    """Print a list: a line of JSON for each item, or a table."""
    if json_lines:
        for item in items:
            as_json_line(item)
    else:
        as_table(heads, map(row, items))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(character if character.isprintable() else " " for character in text)
