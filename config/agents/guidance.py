"""What to do about a refused call: what the agent can do, else which page a person has to open.

Opening a page signs in first, and no credential passes through the agent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from accounts.errors import Refusal
from accounts.mail.sending import link
from accounts.models import Organization
from integrations.errors import ApprovalNeeded

SECRETS, INTEGRATION, TOOLS, API_KEYS = "secrets", "integration-edit", "integration-tools", "api-keys"

STOP = "Stop working, and tell the person you work for. Do not try again until a person has started you again."

PAGES: Mapping[str, str] = {
    "domain_not_allowed": SECRETS,
    "environment_not_enabled": INTEGRATION,
    "integration_disabled": INTEGRATION,
    "invalid_url": INTEGRATION,
    "key_unavailable": SECRETS,
    "permission_denied": API_KEYS,
    "secret_disabled": SECRETS,
    "secret_missing": SECRETS,
    "token_refused": INTEGRATION,
    "tool_changed": TOOLS,
    "tool_not_approved": TOOLS,
    "unauthenticated": API_KEYS,
}
"""The URL name of the page on which a person mends what a refusal names, by the refusal's code."""

FOR_AGENTS: Mapping[str, str] = {
    "agent_stopped": STOP,
    "agents_stopped": STOP,
    "approval_denied": "Do not call the tool with these arguments again. Ask the person what to do instead.",
    "approval_expired": "Call the tool again, to ask anew.",
    "approval_mismatch": "Call the tool again, to ask anew.",
    "approval_used": "Call the tool again, to ask anew.",
    "argument_not_allowed": "Change the argument that pointer leads to, and call the tool again.",
    "argument_contains_secret": "Leave the value out, because the integration adds it, and call the tool again.",
    "budget_spent": "Stop calling it today, and tell the person you work for: the budget is theirs to raise.",
    "database_unavailable": "Look whether the call took effect before you repeat it.",
    "denied_by_rule": "Do not call the tool like this again. Ask the person you work for to change the rule.",
    "egress_denied": "Ask a person: the operator decides which destinations may be called.",
    "internal_error": "Call the tool again. If that does not help, ask a person to look at the server's log.",
    "invalid_arguments": "Correct the arguments as the tool's input schema says, and call the tool again.",
    "invalid_header_value": "Correct the arguments, and call the tool again.",
    "invalid_json": "Send the call again as strict JSON.",
    "invalid_path_value": "Correct the arguments, and call the tool again.",
    "limit_reached": "Call the tool again after retry_after_seconds.",
    "not_found": "List the tools again.",
    "out_of_resources": "Call the tool again after retry_after_seconds.",
    "rate_limited": "Call the tool again after retry_after_seconds.",
    "response_too_large": "Ask for less. If the tool cannot, ask a person to raise max_response_bytes.",
    "response_unreadable": "Look whether the call took effect, then call the tool again or ask a person.",
    "upstream_timeout": "Look whether the call took effect, then call the tool again or ask a person.",
    "upstream_tls": "Ask a person: the upstream's certificate has to be mended, or its root added by the operator.",
    "upstream_unreachable": "Call the tool again later.",
}
"""What an agent can do, by the refusal's code."""


WAIT = (
    "Nothing was sent yet, and a person was asked. Call this tool again with exactly the same arguments later: once it "
    "is approved the call is made, once. Other arguments ask anew."
)


@dataclass(frozen=True, slots=True)
class Guidance:
    """What to do: a sentence for the agent, and the page for a person; the page is empty if nobody is needed."""

    sentence: str
    page: str = ""


def guidance(refusal: Refusal, organization: Organization, integration_id: UUID | None) -> Guidance:
    """Return what to do about a refusal."""
    if isinstance(refusal, ApprovalNeeded):
        return Guidance(WAIT, str(refusal.members["approval"]["page"]))  # type: ignore[index] # made by `told.needed`
    page = PAGES.get(refusal.code)
    if page is None or (page in {INTEGRATION, TOOLS} and integration_id is None):
        return Guidance(FOR_AGENTS.get(refusal.code, "Ask a person to look at it."))
    address = link(page, organization.slug, *([integration_id] if page in {INTEGRATION, TOOLS} else []))
    if page == SECRETS and "secret" in refusal.members:
        address += f"?{urlencode({'q': refusal.members['secret']})}"
    return Guidance(f"Ask a person to mend it here, then call the tool again: {address}", address)
