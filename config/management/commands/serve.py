"""Serves the product on this machine, with the demo around it: `make run`."""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from config.demo import upstream
from config.demo.loading import ECHO_PORT, ECHO_URL, is_possible, load_demo
from config.demo.people import sign_in_lines


class Command(BaseCommand):
    """Loads the demo the first time, starts its echo upstream, and serves until interrupted."""

    help = "Serve on PORT (8000), loopback alone. DEMO=0 leaves the demo out."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Serve."""
        port = int(os.environ.get("PORT", "8000"))
        with ExitStack() as stack:
            if os.environ.get("DEMO", "1") != "0":
                self._start_demo(stack)
            elif not User.objects.exists():
                self.stdout.write("Nobody can sign in yet. Make an account: .venv/bin/python manage.py createsuperuser")
            self.stdout.write(self.style.SUCCESS(f"Coffer: http://localhost:{port}"))
            uvicorn.run(
                "config.asgi:application",
                host="127.0.0.1",
                port=port,
                access_log=False,
                log_level="warning",
                proxy_headers=False,
            )

    def _start_demo(self, stack: ExitStack) -> None:
        log = Path(settings.BASE_DIR) / "var" / "echo-upstream.log"
        try:
            stack.enter_context(upstream.serving(ECHO_PORT, lambda seen: _write_down(log, seen)))
        except OSError:
            raise CommandError(
                f"Port {ECHO_PORT} is taken, perhaps by another Coffer's echo upstream. Stop that one, or use DEMO=0."
            ) from None
        if is_possible():
            load_demo()
        self.stdout.write(f"Echo upstream: {ECHO_URL}, what it receives: {log.relative_to(settings.BASE_DIR)}")
        if settings.EGRESS_ALLOW:
            self.stdout.write(f"Outgoing calls to {settings.EGRESS_ALLOW} are open (COFFER_EGRESS_ALLOW in .env).")
        else:
            self.stdout.write(
                "No demo: outgoing calls to 127.0.0.1 are closed. To open them for its echo upstream, write"
            )
            self.stdout.write("COFFER_EGRESS_ALLOW=127.0.0.1/32 into .env.")
        for line in sign_in_lines():
            self.stdout.write(f"  {line}")


def _write_down(log: Path, seen: dict[str, Any]) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(json.dumps(seen) + "\n")
