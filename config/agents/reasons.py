"""Why an agent makes a call: read by the person who may have to approve it, and never checked."""

from collections.abc import Mapping
from typing import Any

from accounts.common.texts import TURNING, UNSTORABLE
from integrations.approval_models import REASON_LENGTH
from integrations.tools.agent_tools import ToolOffer

REASON = "reason_for_approval"
"""The argument for it, of tools whose calls a person may have to approve. The upstream does not get it."""
META = "coffer/reason"
"""The same in `_meta`, for programs that set it themselves."""
REASON_SCHEMA: Mapping[str, Any] = {
    "type": "string",
    "maxLength": REASON_LENGTH,
    "description": "Why you make this call, for the person who may have to approve it.",
}


def declares_reason(tool: ToolOffer) -> bool:
    """Return whether a tool has an argument of this name itself, which then belongs to the upstream."""
    declared = tool.parameters.get("properties")
    return isinstance(declared, Mapping) and REASON in declared


def split(params: Mapping[str, Any], tool: ToolOffer) -> tuple[dict[str, Any], str]:
    """Return the arguments of a call without the reason, and the reason; empty if none is given."""
    arguments = dict(params.get("arguments") or {})
    given = None if declares_reason(tool) else arguments.pop(REASON, None)
    meta = params.get("_meta")
    if given is None and isinstance(meta, Mapping):
        given = meta.get(META)
    return arguments, _storable(given) if isinstance(given, str) else ""


def _storable(text: str) -> str:
    return TURNING.sub("", UNSTORABLE.sub("", text))[:REASON_LENGTH]
