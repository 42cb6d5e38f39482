"""Starts the product on this machine: `make run`.

usage: python -m config.start

The port is settled before Django reads its settings, because links in mail begin with `COFFER_SITE_URL`.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.core.management import CommandError, call_command

from accounts.common.process import protect_process
from config.configuration.explaining import sentences_instead_of_tracebacks
from config.configuration.reading import Variables
from config.ports import Listener, PortProblem, asked_port, first_free, listen, upward

USUAL_PORT = 8000
ENV_FILE = Path(__file__).resolve().parent.parent / ".env"


def main() -> None:
    """Take a port and serve on it until interrupted."""
    protect_process()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        with sentences_instead_of_tracebacks():
            Variables(ENV_FILE)
        listener = take_port()
        os.environ["COFFER_SITE_URL"] = site_url(os.environ.get("COFFER_SITE_URL", ""), listener.port)
        with sentences_instead_of_tracebacks():
            django.setup()
            call_command("serve", listener=listener, skip_checks=False)
    except (PortProblem, CommandError) as problem:
        sys.exit(str(problem))


def take_port() -> Listener:
    """Listen on PORT; without PORT, on 8000 or the next free port, which is then announced.

    Raises:
        PortProblem: PORT is taken, or is no port.
    """
    asked = asked_port("PORT")
    if asked:
        try:
            return first_free([asked], listen)
        except PortProblem as problem:
            raise PortProblem(
                f"{problem} PORT={asked} asks for this port alone: stop the other server there,"
                " choose another PORT, or leave PORT out to get a free one."
            ) from None
    listener = first_free(upward(USUAL_PORT), listen)
    port = listener.port
    if port != USUAL_PORT:
        sys.stdout.write(
            f"Port {USUAL_PORT} is taken, so Coffer takes {port}. PORT=… chooses another one.\n"
            "A browser keeps one sign-in for localhost, whatever the port. If you are signed in to another Coffer at\n"
            f"localhost, open this one as http://127.0.0.1:{port} to stay signed in to both.\n"
        )
        sys.stdout.flush()
    return listener


def site_url(configured: str, port: int) -> str:
    """The address for links: the configured one, with the real port where it is plain http on loopback with a port.

    An address without a port, or of another host, belongs to a proxy and stays as it is.
    """
    try:
        parts = urlsplit(configured)
        moves = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"} and parts.port is not None
    except ValueError:  # the settings refuse it with a sentence
        return configured
    return f"http://{parts.hostname}:{port}" if moves else configured


if __name__ == "__main__":
    main()
