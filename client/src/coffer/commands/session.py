"""The options that stand before every command, and the client that the commands use."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import typer

from coffer.commands.output import refusals_told
from coffer.commands.profiles import profile
from coffer.synchronous import Client


@contextmanager
def connected(context: typer.Context) -> Iterator[Client]:
    """Run the block with a client of the chosen profile, and tell a refusal in its words."""
    options = cast("dict[str, bool | str]", context.obj)
    with refusals_told():
        found = profile(str(options["profile"]))
        with Client(found.address, found.api_key, insecure=bool(options["insecure"])) as client:
            yield client
