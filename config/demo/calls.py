"""The demo's real calls, made by the broker like everybody's, when everything else is loaded."""

import secrets
from datetime import timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.environments import Environment
from config.demo.providers import CALENDAR, LINE, TOOLS
from config.demo.stand_ins import mcp, sip
from integrations.broker import broker, checking
from integrations.broker.preparation import Call
from integrations.exchange.offered_tools import OfferedTool, read_tools
from integrations.models import Integration
from integrations.tools import listing as tools
from integrations.tools.approvals import approve_tools
from integrations.tools.shown_tools import store_listing

APPROVED = "opening_hours"
"""The tool that somebody approved; of the others, one has changed since, and one is still new."""

PATIENT = {"phone": "+49 40 5550 0142", "birth_date": "1987-04-12", "clinic_id": "harbor-altona", "call_id": "c-104"}


def call_each(owner: Actor, agent: Actor, integrations: dict[str, Integration]) -> None:
    """Approve tools; run the operations in Staging, and the agent's in Production; make the checks."""
    _approve(owner, integrations[TOOLS])
    for name, operation, params in _operations():
        integration = integrations[name]
        _run(owner, Call(integration.id, Environment.STAGING, operation, params))
        if Environment.PRODUCTION in integration.environments:
            _run(agent, Call(integration.id, Environment.PRODUCTION, operation, params))
    for integration in integrations.values():
        async_to_sync(checking.check)(owner, integration.id, Environment.STAGING)


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    today = timezone.now()
    days = {name: f"{today + timedelta(days=ahead):%Y-%m-%d}" for name, ahead in (("start", 1), ("end", 7))}
    opening = {"name": APPROVED, "arguments": {"clinic": "altona"}}
    return [
        ("Look up patient", "call", PATIENT),
        ("Create follow-up task", "call", {"title": "Call Lena back"}),
        ("Send test event", "call", {}),
        ("Fetch lab report", "call", {"report_id": "2043"}),
        (CALENDAR, "list_event_types", {}),
        (CALENDAR, "list_slots", days),
        (TOOLS, "list_tools", {}),
        (TOOLS, "call_tool", opening),
        (LINE, "sign", _challenge()),
    ]


def _challenge() -> dict[str, Any]:
    nonce = secrets.token_hex(16)
    challenge = f'Digest realm="{sip.REALM}", nonce="{nonce}", algorithm=SHA-256, qop="auth"'
    return {"method": "REGISTER", "uri": f"sip:{sip.REALM}", "challenge": challenge}


def _run(actor: Actor, call: Call) -> None:
    async_to_sync(broker.run)(actor, call)


def _approve(owner: Actor, integration: Integration) -> None:
    """Approve a tool that the server has shown differently since, and one as it is."""
    before = read_tools({"tools": [mcp.BEFORE]})
    store_listing(owner, integration.id, Environment.STAGING, before)
    _approve_each(owner, integration, before)
    listing = async_to_sync(tools.list_tools)(owner, integration.id, Environment.STAGING)
    _approve_each(owner, integration, [listed.tool for listed in listing.tools if listed.tool.name == APPROVED])


def _approve_each(owner: Actor, integration: Integration, offered: list[OfferedTool]) -> None:
    approved = [(tool.name, tool.fingerprint) for tool in offered]
    approve_tools(actor=owner, integration_id=integration.id, tools=approved)
