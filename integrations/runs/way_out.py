"""What a person does about a run that did not work, by its code or by the status that the upstream answered with.

This is the only such table for people. What an agent is told is in `config/agents/guidance.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto


class MendedAt(StrEnum):
    """Where a person mends it."""

    SECRET = auto()
    ROTATION = auto()
    INTEGRATION = auto()
    TOOLS = auto()
    RULES = auto()
    TEST = auto()
    NOWHERE = auto()


@dataclass(frozen=True, slots=True)
class WayOut:
    """What is wrong, what to do about it, and where."""

    title: str
    words: str
    place: MendedAt = MendedAt.NOWHERE


WAYS: Mapping[str, WayOut] = {
    "agent_stopped": WayOut(
        "The agent was stopped",
        "Somebody stopped it during the call. Start it again on the page Agents and keys.",
    ),
    "agents_stopped": WayOut(
        "All agents were stopped",
        "Somebody stopped them during the call. Start them again on the page Agents and keys.",
    ),
    "answer_withheld": WayOut(
        "The answer was withheld",
        "It could not be searched for values, or held one that could not be cut out. It may have done its work: look "
        "there before it is repeated.",
    ),
    "approval_denied": WayOut(
        "Not sent: a person denied the call",
        "The agent was told, with the note of who denied it. The same call is refused for an hour.",
    ),
    "approval_expired": WayOut(
        "Not sent: nobody decided in time, or it came too late",
        "The agent can make the call without the approval, to ask again.",
    ),
    "approval_mismatch": WayOut(
        "Not sent: the approval is for something else",
        "The arguments, the integration or its rules differ from what was approved. The agent can ask again.",
    ),
    "approval_needed": WayOut(
        "Not sent: it waits for a person",
        "A rule asks a person before this call. Once it is approved, the agent makes it again, as another run.",
    ),
    "approval_not_possible": WayOut(
        "Not sent: a rule asks a person, and the call could not wait",
        "What is passed through or streamed does not wait. Allow it by a rule, or give the agent an API action for it.",
        MendedAt.RULES,
    ),
    "approval_used": WayOut(
        "Not sent: the approval was used before",
        "An approval is for one call. The agent can make the call without it, to ask again.",
    ),
    "argument_contains_secret": WayOut(
        "Not sent: an argument contained the value of a secret",
        "The agent passed the value of a secret. Leave it out of its prompt: Coffer adds it.",
    ),
    "argument_not_allowed": WayOut(
        "Not sent: a rule does not allow an argument",
        "The agent was told which one, and can correct it. If it should be allowed, change the rule.",
        MendedAt.RULES,
    ),
    "budget_spent": WayOut(
        "Not sent: the budget of that day was spent",
        "It begins anew at midnight UTC. Raise it at the agent's key or at the integration, whichever it was.",
    ),
    "cancelled": WayOut(
        "The caller stopped waiting",
        "The call was cancelled, or its connection ended. It may have reached the other side: look there first.",
    ),
    "database_unavailable": WayOut(
        "The database was not available",
        "The call may have reached the other side: look there before it is repeated.",
    ),
    "denied_by_rule": WayOut(
        "Not sent: a rule denies it",
        "If the call should be allowed, change the rule.",
        MendedAt.RULES,
    ),
    "domain_not_allowed": WayOut(
        "Not sent: the host is not an allowed domain of the secret",
        "Allow the host at the secret, or correct the address of the integration.",
        MendedAt.SECRET,
    ),
    "egress_denied": WayOut(
        "Not sent: this destination may not be called",
        "Correct the address of the integration, or have the operator open that network.",
        MendedAt.INTEGRATION,
    ),
    "environment_not_enabled": WayOut(
        "Not sent: the integration does not run in this environment",
        "Add this environment to the integration.",
        MendedAt.INTEGRATION,
    ),
    "integration_disabled": WayOut(
        "Not sent: the integration is disabled", "Enable the integration.", MendedAt.INTEGRATION
    ),
    "internal_error": WayOut(
        "Something broke in Coffer",
        "Repeat the call. If it breaks again, give the operator the id of this run: the log has the reason.",
    ),
    "interrupted": WayOut(
        "Coffer ended before the run did",
        "It may have reached the other side: look there before it is repeated.",
    ),
    "invalid": WayOut(
        "Not sent: the stored settings cannot be used",
        "Open the integration and save it with the settings that it asks for.",
        MendedAt.INTEGRATION,
    ),
    "invalid_arguments": WayOut(
        "Not sent: the arguments do not fit",
        "The agent passed arguments that do not fit. It can correct them and call again.",
        MendedAt.INTEGRATION,
    ),
    "invalid_header_value": WayOut(
        "Not sent: a header cannot hold this text",
        "A value or an argument has characters that no header can hold. Correct it where it comes from.",
        MendedAt.INTEGRATION,
    ),
    "invalid_path_value": WayOut(
        "Not sent: an argument does not fit into the address",
        "The agent passed a text that would change the address. It can correct it and call again.",
        MendedAt.INTEGRATION,
    ),
    "invalid_url": WayOut(
        "Not sent: the address cannot be used", "Correct the address of the integration.", MendedAt.INTEGRATION
    ),
    "key_unavailable": WayOut(
        "Not sent: a value cannot be opened",
        "Enter the value of the secret again; if that is refused, ask the operator.",
        MendedAt.SECRET,
    ),
    "limit_reached": WayOut(
        "Not sent: a limit is reached",
        "The agent was told when there is room again. If the limit is too low, change the rule.",
        MendedAt.RULES,
    ),
    "out_of_resources": WayOut("Coffer had no room for the call", "The agent can call again later."),
    "path_not_allowed": WayOut(
        "Not sent: the method and path are not on the list",
        "The connection passes through what is listed there. Add the line if the agent should call it.",
        MendedAt.INTEGRATION,
    ),
    "rate_limited": WayOut(
        "Not sent: the upstream asked for a pause",
        "The upstream asked for a pause. The agent can call again later.",
    ),
    "request_timed_out": WayOut(
        "The caller was too slow",
        "It sent nothing more of its body, or took nothing more of the answer. It may have reached the other side: "
        "look there before it is repeated.",
    ),
    "response_too_large": WayOut(
        "The answer is too large",
        "Ask for less, or raise the size that the integration takes.",
        MendedAt.INTEGRATION,
    ),
    "response_unreadable": WayOut(
        "The answer cannot be read",
        "It ended too early, or is not what the integration expects. Send a test: it says more.",
        MendedAt.TEST,
    ),
    "secret_disabled": WayOut("Not sent: a secret is disabled", "Enable the secret.", MendedAt.SECRET),
    "secret_missing": WayOut(
        "Not sent: a secret has no value here",
        "Enter a value for this environment, or create the secret.",
        MendedAt.SECRET,
    ),
    "token_refused": WayOut(
        "No access token was issued",
        "The token endpoint refused. Check the client id, the client secret and the scope.",
        MendedAt.ROTATION,
    ),
    "stream_not_possible": WayOut(
        "Not sent: the answer of this operation cannot be taken piece by piece",
        "The agent can run it without asking for a stream.",
    ),
    "too_large": WayOut(
        "The body was too large",
        "What is passed through may have 1 GiB. The other side has got the beginning of it.",
    ),
    "tool_changed": WayOut(
        "Not sent: the server changed the tool",
        "The server changed the tool. Read on the page of its tools what it says now, and approve it.",
        MendedAt.TOOLS,
    ),
    "tool_not_approved": WayOut(
        "Not sent: the tool is not approved", "Approve the tool on the page of the server's tools.", MendedAt.TOOLS
    ),
    "unauthenticated": WayOut(
        "The API key was stopped during the call",
        "Its answer was not given out. Make a new key if the agent is to go on.",
    ),
    "upstream_timeout": WayOut(
        "The upstream did not answer in time",
        "Look there whether the call took effect. If it is often so slow, raise the time limit of the integration.",
        MendedAt.INTEGRATION,
    ),
    "upstream_tls": WayOut(
        "The upstream's certificate is not trusted",
        "It has to be mended there, or the operator adds its root.",
        MendedAt.INTEGRATION,
    ),
    "upstream_unreachable": WayOut(
        "The upstream cannot be reached",
        "Check the address of the integration, and whether the other side is up.",
        MendedAt.INTEGRATION,
    ),
}
"""By the code of the run."""

OF_STATUS: Mapping[int, WayOut] = {
    **dict.fromkeys(
        (401, 403, 407),
        WayOut(
            "The upstream refuses the credential",
            "It was revoked there, has expired, or lacks a right. Make a new one there, then rotate.",
            MendedAt.ROTATION,
        ),
    ),
    404: WayOut(
        "The upstream knows nothing at this address",
        "Check the address of the integration, and the arguments that the caller passed.",
        MendedAt.INTEGRATION,
    ),
    429: WayOut("The upstream asks for a pause", "It gets more calls than it takes. The agent can call again later."),
}
"""By the status of the upstream's answer."""
_BROKEN = WayOut(
    "The upstream failed",
    "It says that something broke on its side. Call again later; if it goes on, ask those who run it.",
)
_REFUSED = WayOut(
    "The upstream refuses the call",
    "The call does not fit what it expects. Send a test: its answer says more.",
    MendedAt.TEST,
)
OTHER = WayOut(
    "The call did not work", "Open the integration and send a test: the answer says what is wrong.", MendedAt.TEST
)
_BROKEN_FROM, _ERRORS_FROM = 500, 400


def way_out(code: str, status: int | None = None) -> WayOut:
    """Return what to do about a run with this code; without a code, about this answer of the upstream."""
    if code:
        return WAYS.get(code, OTHER)
    if status is None or status < _ERRORS_FROM:
        return OTHER
    return OF_STATUS.get(status, _BROKEN if status >= _BROKEN_FROM else _REFUSED)
