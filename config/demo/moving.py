"""Remembers the ports of the stand-ins, and changes the integrations' addresses where a start got others."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.actors import actor_for_command
from accounts.errors import Refusal
from config.demo.loopback import HOST
from config.demo.stand_ins import STAND_INS, USUAL_PORTS, Ports
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import Integration

PORTS_FILE = Path(settings.BASE_DIR) / "var" / "demo-ports.json"
URL_FIELDS = ("base_url", "url", "token_url")


def remembered_ports() -> dict[str, int]:
    """The ports of the last start; the usual ones before the first."""
    stored = json.loads(PORTS_FILE.read_text()) if PORTS_FILE.is_file() else {}
    return USUAL_PORTS | {name: port for name, port in stored.items() if name in STAND_INS}


def remember_ports(ports: Ports) -> None:
    """Keep them for the next start."""
    PORTS_FILE.write_text(json.dumps(dict(ports)) + "\n")


def move(before: Ports, after: Ports, say: Callable[[str], object]) -> None:
    """Let every integration that calls a stand-in at its port of before call it at the new one.

    Each change goes through the service, so it is audited. What cannot be changed is said, with the way out.
    """
    changed = []
    for integration in Integration.objects.select_related("organization").order_by("name"):
        config = _moved(integration.config, before, after)
        if config == integration.config:
            continue
        try:
            _change(integration, config)
            changed.append(integration.name)
        except Refusal as refusal:
            why = "; ".join(error.message for error in refusal.errors) or refusal.detail
            say(f"{integration.name} still calls the earlier port of its stand-in. Change its address. {why}")
    if changed:
        say(f"Stand-ins have other ports than before. Addresses were changed in: {', '.join(changed)}.")


def _change(integration: Integration, config: dict[str, Any]) -> None:
    actor = actor_for_command(integration.organization, "serve")
    update_integration(actor=actor, integration_id=integration.id, changes=IntegrationChanges(config=config))


def _moved(config: dict[str, Any], before: Ports, after: Ports) -> dict[str, Any]:
    moved = dict(config)
    for field in URL_FIELDS:
        if isinstance(config.get(field), str):
            moved[field] = _moved_url(config[field], before, after)
    if config.get("host") == HOST and config.get("port") == before["sip"]:
        moved["port"] = after["sip"]
    return moved


def _moved_url(url: str, before: Ports, after: Ports) -> str:
    for name, port in before.items():
        start = f"http://{HOST}:{port}"
        if url == start or url.startswith(f"{start}/"):
            return f"http://{HOST}:{after[name]}{url.removeprefix(start)}"
    return url
