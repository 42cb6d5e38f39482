"""The kinds of integration: one file each, and one line in this table."""

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
"""Every kind by the key that is stored and that the API uses."""
