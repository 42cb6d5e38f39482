"""Serves the product on this machine, with the demo around it; `make run` starts it by `config.start`."""

import os
from contextlib import ExitStack, suppress
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.mail.sending import is_sent_by_a_server
from accounts.people.people import is_installation_empty
from config.demo.running import demo_running
from config.ports import Listener, PortProblem, asked_port, first_free, listen
from secrets_app.sealing import canaries

NO_ACCOUNT = """\
Nobody has an account yet. The first person makes one at {address}/signup/ and founds an organization."""
CODE_BY_MAIL = "The code that confirms the e-mail address goes by mail, which is printed here."
NO_SIGN_UP = """\
Nobody has an account yet, and COFFER_SIGN_UP=nobody closes {address}/signup/. Leave it out for the first start."""


class Command(BaseCommand):
    """Runs the demo and its stand-ins beside the server, until interrupted.

    `listener`, for `call_command`, listens already.
    """

    help = "Serve on PORT (8000), loopback alone. DEMO=0 leaves the demo out."
    stealth_options = ("listener",)

    @override
    def handle(self, *args: Any, listener: Listener | None = None, **options: Any) -> None:
        if problems := canaries.problems_at_start():
            raise CommandError("\n".join(problems))
        try:
            with listener or first_free([asked_port("PORT") or 8000], listen) as listening, ExitStack() as stack:
                address = f"http://localhost:{listening.port}"
                if os.environ.get("DEMO", "1") != "0":
                    stack.enter_context(demo_running(address, self.stdout.write))
                elif is_installation_empty():
                    self._explain_sign_up(address)
                self.stdout.write(self.style.SUCCESS(f"Coffer: {address}"))
                _serve(listening)
        except PortProblem as problem:
            raise CommandError(str(problem)) from None

    def _explain_sign_up(self, address: str) -> None:
        if settings.SIGN_UP == "nobody":
            self.stdout.write(NO_SIGN_UP.format(address=address))
            return
        self.stdout.write(NO_ACCOUNT.format(address=address))
        if not is_sent_by_a_server():
            self.stdout.write(CODE_BY_MAIL)


def _serve(listening: Listener) -> None:
    config = uvicorn.Config(
        "config.asgi:application", access_log=False, log_level="warning", proxy_headers=False, server_header=False
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening.raw])
