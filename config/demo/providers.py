"""The demo's calendar, telephone line and tools. Their other ends are the stand-ins on loopback, and say so."""

import secrets
from collections.abc import Iterator

from accounts.actors import Actor
from accounts.common.environments import Environment
from config.demo.stand_ins import Ports, mcp, sip
from integrations.editing.integrations import create_integration
from integrations.models import Integration
from secrets_app.plaintext import Plaintext

HOST = "127.0.0.1"
IN_USE = [Environment.STAGING, Environment.PRODUCTION]
CALENDAR, LINE, TOOLS = "Clinic calendar", "Clinic telephone line", "Clinic tools"
CALENDAR_KEY, LINE_PASSWORD, TOOLS_TOKEN = "calcom.teamKey", "phone.trunk.password", "mcp.clinicTools.token"


def provider_values() -> Iterator[tuple[str, str, dict[Environment, Plaintext]]]:
    """Name, description and values of each secret that these integrations use."""
    yield CALENDAR_KEY, "Bookings for the reception agent", {place: calendar_key() for place in IN_USE}
    yield LINE_PASSWORD, "The trunk that patients call", dict.fromkeys(IN_USE, Plaintext(sip.PASSWORD))
    yield TOOLS_TOKEN, "Tools of the reception agent", {place: _tools_token() for place in IN_USE}


def calendar_key() -> Plaintext:
    """A new key that the stand-in for Cal.com accepts."""
    return Plaintext(f"cal_test_{secrets.token_hex(16)}")


def load_providers(owner: Actor, ports: Ports) -> list[Integration]:
    """Store one integration of each kind."""
    return [_calendar(owner, ports["calcom"]), _line(owner, ports["sip"]), _tools(owner, ports["mcp"])]


def _tools_token() -> Plaintext:
    return Plaintext(f"{mcp.TOKEN_START}{secrets.token_hex(16)}")


def _calendar(owner: Actor, port: int) -> Integration:
    return create_integration(
        actor=owner,
        kind="calcom",
        name=CALENDAR,
        description="Finds and books appointments. Demo: a stand-in for Cal.com on this machine answers.",
        environments=IN_USE,
        config={
            "base_url": f"http://{HOST}:{port}",
            "api_key": f"{{secrets.{CALENDAR_KEY}}}",
            "event_type_id": 42,
            "time_zone": "Europe/Berlin",
        },
    )


def _line(owner: Actor, port: int) -> Integration:
    return create_integration(
        actor=owner,
        kind="sip_trunk",
        name=LINE,
        description="Registers the telephone line. Demo: a stand-in for a SIP provider on this machine answers.",
        environments=IN_USE,
        config={
            "direction": "both",
            "host": HOST,
            "port": port,
            "transport": "udp",
            "numbers": ["+49 40 5550 0100"],
            "username": sip.USER,
            "password": f"{{secrets.{LINE_PASSWORD}}}",
            "realm": sip.REALM,
            "register": True,
            "algorithms": ["SHA-256"],
        },
    )


def _tools(owner: Actor, port: int) -> Integration:
    return create_integration(
        actor=owner,
        kind="mcp_server",
        name=TOOLS,
        description="Opening hours and messages. Demo: a stand-in for an MCP server on this machine answers.",
        environments=IN_USE,
        config={
            "url": f"http://{HOST}:{port}/mcp",
            "headers": [{"name": "Authorization", "value": f"Bearer {{secrets.{TOOLS_TOKEN}}}"}],
        },
    )
