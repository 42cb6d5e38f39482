"""The kinds of integration: one package for each, and one line in this table."""

from typing import Any

from integrations.kinds.api_action.kind import ApiAction
from integrations.kinds.api_connection.kind import ApiConnection
from integrations.kinds.auth_connector.kind import AuthConnector
from integrations.kinds.base import Kind
from integrations.kinds.calcom.kind import Calcom
from integrations.kinds.mcp_server.kind import McpServer
from integrations.kinds.sip_trunk.kind import SipTrunk

KINDS: dict[str, Kind[Any]] = {
    kind.key: kind
    for kind in (
        Calcom(),
        SipTrunk(),
        McpServer(),
        ApiAction(),
        ApiConnection(),
        AuthConnector(),
    )
}
"""All kinds by key, as stored and as used by the API. The order is that of the *New integration* menu."""
