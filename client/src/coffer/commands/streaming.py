"""`coffer run --stream`: an answer on standard output while it arrives."""

from base64 import b64encode
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import typer

from coffer.commands.output import UNFIT, as_json_line, say
from coffer.synchronous.streams import StreamedAnswer


def print_stream(streaming: AbstractContextManager[StreamedAnswer], *, json_lines: bool) -> None:
    """Print the pieces of an answer as they are, or each event as a line of JSON.

    Raises:
        Exit: the upstream refused.
        CofferError: the answer broke off.
    """
    with streaming as answer:
        if json_lines:
            as_json_line({"event": "answer", **answer.head})
        for piece in answer:
            if json_lines:
                as_json_line({"event": "piece", **_as_json(piece)})
            else:
                typer.echo(piece, nl=False)
        end: Mapping[str, Any] = answer.end or {}
        if json_lines:
            as_json_line({"event": "end", **end})
    outcome, status = end.get("outcome"), answer.head["status"]
    say(f"{outcome}, status {status}, {end.get('duration_ms')} ms, run {answer.head['run_id']}")
    if outcome != "succeeded":
        raise typer.Exit(UNFIT)


def _as_json(piece: str | bytes) -> dict[str, str]:
    return {"text": piece} if isinstance(piece, str) else {"base64": b64encode(piece).decode()}
