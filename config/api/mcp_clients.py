"""What an MCP client calls itself: with `initialize` in the older revisions, with every request in the newer one."""

from collections.abc import Mapping
from typing import Any

CLIENT_INFO = "io.modelcontextprotocol/clientInfo"


def client_name(params: Mapping[str, Any]) -> str:
    """Return the name and the version of the client, such as `claude-code 2.1.197`, or an empty text."""
    meta = params.get("_meta")
    told = params.get("clientInfo") or (meta.get(CLIENT_INFO) if isinstance(meta, dict) else None)
    parts = (told.get("name"), told.get("version")) if isinstance(told, dict) else ()
    return " ".join(part for part in parts if isinstance(part, str))
