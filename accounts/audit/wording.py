"""Wording of audit events for pages, and escaping of any text from the log."""

from typing import Any

SENTENCES = {
    "api_key.budget_set": "Changed the budget of API key",
    "api_key.created": "Created API key",
    "api_key.revoked": "Revoked API key",
    "api_key.session_started": "Started session",
    "api_key.session_stopped": "Stopped session",
    "api_key.started": "Started again the agent with API key",
    "api_key.stopped": "Stopped the agent with API key",
    "api_key.suspended": "Suspended API key",
    "api_key.suspension_lifted": "Lifted the suspension of API key",
    "approval.approved": "Approved",
    "approval.denied": "Denied",
    "approval.expired": "Nobody used or decided in time:",
    "approval.held": "Asked for approval of",
    "approval.used": "Made the approved call",
    "endpoint.changed": "Changed where events go:",
    "endpoint.created": "Created where events go:",
    "endpoint.deleted": "Deleted where events went:",
    "endpoint.paused": "Paused deliveries to",
    "endpoint.resumed": "Resumed deliveries to",
    "endpoint.secret_replaced": "Replaced the signing secret of",
    "integration.changed": "Changed integration",
    "integration.created": "Created integration",
    "integration.deleted": "Deleted integration",
    "integration.duplicated": "Created a copy:",
    "integration.rules_changed": "Changed the rules of",
    "integration.secret_in_arguments": "Passed the value of a secret to",
    "integration.tool_approved": "Approved a tool of",
    "integration.tool_changed": "Changed how agents get a tool of",
    "integration.tool_withdrawn": "Withdrew a tool of",
    "invitation.approved": "Approved the invitation of",
    "invitation.created": "Invited",
    "invitation.renewed": "Resent the invitation of",
    "invitation.withdrawn": "Withdrew the invitation of",
    "member.activated": "Activated the account of",
    "member.added": "Added member",
    "member.deactivated": "Deactivated the account of",
    "member.email_changed": "Changed the e-mail address of",
    "member.joined": "Joined the organization:",
    "member.left": "Left the organization:",
    "member.password_changed": "Changed the password of",
    "member.proof_failed": "Failed to confirm the identity of",
    "member.recovery_codes_made": "Generated recovery codes for",
    "member.removed": "Removed member",
    "member.role_changed": "Changed the role of",
    "member.second_factor_added": "Added a second factor for",
    "member.second_factor_removed": "Removed a second factor of",
    "member.session_ended": "Ended a session of",
    "member.signed_in": "Signed in:",
    "member.single_sign_on_connected": "Connected single sign-on for",
    "member.single_sign_on_disconnected": "Disconnected single sign-on for",
    "organization.agents_started": "Started again all agents of",
    "organization.agents_stopped": "Stopped all agents of",
    "organization.changed": "Changed the settings of",
    "organization.configured": "Applied a configuration file to",
    "organization.created": "Created organization",
    "organization.data_key_destroyed": "Destroyed an old data key of",
    "organization.data_key_replaced": "Replaced the data key of",
    "organization.data_key_rewrapped": "Wrapped again, with another master key, the data key of",
    "organization.deleted": "Deleted organization",
    "organization.keys_repaired": "Repaired the data key of",
    "organization.upgraded": "Sealed again the values of",
    "organization.values_compared": "Compared the values of",
    "secret.changed": "Changed secret",
    "secret.created": "Created secret",
    "secret.deleted": "Deleted secret",
    "secret.destination_added": "Allowed a new destination of",
    "secret.disabled": "Disabled secret",
    "secret.enabled": "Enabled secret",
    "secret.previous_destroyed": "Destroyed the previous value of",
    "secret.promoted": "Promoted a new value of",
    "secret.rolled_back": "Rolled back the value of",
    "secret.staged": "Staged a new value of",
    "secret.staged_discarded": "Discarded the staged value of",
    "secret.unreadable": "Could not open a value of",
    "secret_request.answered": "Answered the request for",
    "secret_request.dismissed": "Dismissed the request for",
    "secret_request.made": "Asked for secret",
}
HEADINGS = {
    "api_key": "API keys",
    "approval": "Approvals",
    "endpoint": "Alerts and webhooks",
    "integration": "Integrations",
    "invitation": "Invitations",
    "member": "Members",
    "organization": "Organization",
    "secret": "Secrets",
    "secret_request": "Requests for secrets",
}
INFINITIVES = {
    "Applied": "apply",
    "Approved": "approve",
    "Asked": "ask",
    "Changed": "change",
    "Compared": "compare",
    "Created": "create",
    "Deleted": "delete",
    "Destroyed": "destroy",
    "Denied": "deny",
    "Disabled": "disable",
    "Discarded": "discard",
    "Dismissed": "dismiss",
    "Enabled": "enable",
    "Invited": "invite",
    "Left": "leave",
    "Lifted": "lift",
    "Paused": "pause",
    "Promoted": "promote",
    "Removed": "remove",
    "Replaced": "replace",
    "Resent": "resend",
    "Resumed": "resume",
    "Revoked": "revoke",
    "Rolled": "roll",
    "Staged": "stage",
    "Started": "start",
    "Stopped": "stop",
    "Withdrew": "withdraw",
}
"""The first word of each sentence, and its form after "Tried to"."""
DETAILS = {
    "asked_by": "Asked by",
    "attempts": "Attempts in this hour",
    "code": "Code",
    "reason": "Reason",
    "fields": "Changed fields",
    "host": "Host",
    "integrations": "Integrations",
    "environments": "Environments",
    "values": "Environments of new values",
    "domains": "Allowed domains",
    "domains_before": "Previous allowed domains",
    "secrets": "Secrets used",
    "secret_before": "Previous secret",
    "calls": "Calls made under it",
    "decision": "Decision",
    "held_run": "Held run",
    "integration": "Integration",
    "minutes": "For so many minutes",
    "note": "Note",
    "run": "Run",
    "until": "Until",
    "accepted_failures": "Failed checks accepted",
    "old": "Previous role",
    "new": "Role",
    "expires_at": "Expires at",
    "email": "E-mail address",
    "email_before": "Previous e-mail address",
    "invitations_withdrawn": "Invitations withdrawn",
    "invited_by": "Invited by",
    "keys_revoked": "API keys revoked",
    "name_before": "Previous name",
    "values_left": "Values left as they were",
    "values_sealed": "Values sealed again",
    "sessions": "Sessions stopped",
    "raw_credentials": "Raw credentials kept",
}


def sentence(event: str) -> str:
    """Return the start of a sentence, such as `Promoted a new value of`; the object's name follows.

    For an event type without wording, the text is built from its name.
    """
    return SENTENCES.get(event) or f"{_words(event.partition('.')[2] or event)}:"


def attempt_sentence(event: str) -> str:
    """Return the same for a refused attempt: `Tried to promote a new value of`."""
    first, _, rest = sentence(event).partition(" ")
    return (
        f"Tried to {INFINITIVES[first]} {rest}" if first in INFINITIVES else f"Tried, and was refused: {first} {rest}"
    )


def choice_label(event: str) -> str:
    """Return the same as a choice of a filter: `Promoted a new value`."""
    return sentence(event).removesuffix(":").removesuffix(" of").removesuffix(" for")


def heading(event: str) -> str:
    """Return the heading under which an event type is offered, such as `API keys`."""
    kind = event.partition(".")[0]
    return HEADINGS.get(kind, _words(kind))


def details(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the details of an event as pairs of label and text; empty details are left out."""
    shown = ((DETAILS.get(name, _words(name)), _text(value)) for name, value in data.items())
    return [(visible(name), text) for name, text in shown if text]


def visible(text: str) -> str:
    r"""Escape control characters, line ends and bidirectional marks: `\x1b`, `\u202e`."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _words(tag: str) -> str:
    return tag.replace("_", " ").capitalize()


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, dict):
        return "; ".join(f"{visible(str(name))}: {_text(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(f"({_text(part)})" if isinstance(part, list) else _text(part) for part in value)
    return visible(str(value))
