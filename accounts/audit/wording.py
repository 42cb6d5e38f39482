"""Audit events in words, for pages; and any text of the log as something that can be shown without harm."""

from typing import Any

SENTENCES = {
    "api_key.created": "Created API key",
    "api_key.revoked": "Revoked API key",
    "integration.changed": "Changed integration",
    "integration.created": "Created integration",
    "integration.deleted": "Deleted integration",
    "integration.duplicated": "Created, as a copy, integration",
    "integration.tool_approved": "Approved a tool of",
    "integration.tool_withdrawn": "Withdrew a tool of",
    "invitation.created": "Invited",
    "invitation.renewed": "Sent again the invitation of",
    "invitation.withdrawn": "Withdrew the invitation of",
    "member.activated": "Activated the account of",
    "member.added": "Added member",
    "member.deactivated": "Deactivated the account of",
    "member.email_changed": "Changed the e-mail address of",
    "member.joined": "Joined the organization:",
    "member.left": "Left the organization:",
    "member.password_changed": "Changed the password of",
    "member.recovery_codes_made": "Made recovery codes for",
    "member.removed": "Removed member",
    "member.role_changed": "Changed the role of",
    "member.second_factor_added": "Added a second factor of",
    "member.second_factor_removed": "Removed a second factor of",
    "member.single_sign_on_connected": "Connected single sign-on of",
    "member.single_sign_on_disconnected": "Disconnected single sign-on of",
    "organization.changed": "Changed the settings of",
    "organization.created": "Created organization",
    "organization.deleted": "Deleted organization",
    "organization.values_compared": "Compared the values of",
    "secret.changed": "Changed secret",
    "secret.created": "Created secret",
    "secret.deleted": "Deleted secret",
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
    "integration": "Integrations",
    "invitation": "Invitations",
    "member": "Members",
    "organization": "Organization",
    "secret": "Secrets",
    "secret_request": "Requests for secrets",
}
INFINITIVES = {
    "Approved": "approve",
    "Asked": "ask",
    "Changed": "change",
    "Compared": "compare",
    "Created": "create",
    "Created,": "create,",
    "Deleted": "delete",
    "Destroyed": "destroy",
    "Disabled": "disable",
    "Discarded": "discard",
    "Dismissed": "dismiss",
    "Enabled": "enable",
    "Invited": "invite",
    "Left": "leave",
    "Promoted": "promote",
    "Removed": "remove",
    "Revoked": "revoke",
    "Rolled": "roll",
    "Sent": "send",
    "Staged": "stage",
    "Withdrew": "withdraw",
}
"""What a sentence begins with, and the same behind "Tried to"."""
DETAILS = {
    "asked_by": "Asked by",
    "attempts": "Attempts in this hour",
    "code": "Code",
    "reason": "Why",
    "fields": "Changed fields",
    "values": "Environments of new values",
    "domains": "Allowed domains",
    "domains_before": "Allowed domains before",
    "secrets": "Secrets used",
    "secret_before": "Secret before",
    "accepted_failures": "Failed checks accepted",
    "old": "Role before",
    "new": "Role",
    "expires_at": "Ends at",
    "email": "E-mail address",
    "email_before": "E-mail address before",
    "invitations_withdrawn": "Invitations withdrawn",
    "invited_by": "Invited by",
    "keys_revoked": "API keys revoked",
    "name_before": "Name before",
    "raw_credentials": "Raw credentials kept",
}


def sentence(event: str) -> str:
    """`Promoted a new value of`; the name of the thing follows. For a tag without words, words made of the tag."""
    return SENTENCES.get(event) or f"{_words(event.partition('.')[2] or event)}:"


def attempt_sentence(event: str) -> str:
    """The same of an attempt that was refused: `Tried to promote a new value of`."""
    first, _, rest = sentence(event).partition(" ")
    return (
        f"Tried to {INFINITIVES[first]} {rest}" if first in INFINITIVES else f"Tried, and was refused: {first} {rest}"
    )


def choice_label(event: str) -> str:
    """The same as a choice of its own: `Promoted a new value`."""
    return sentence(event).removesuffix(":").removesuffix(" of")


def heading(event: str) -> str:
    """The heading under which a tag is offered: `API keys`."""
    kind = event.partition(".")[0]
    return HEADINGS.get(kind, _words(kind))


def details(data: dict[str, Any]) -> list[tuple[str, str]]:
    """What an event tells beside the columns, in words; what is empty is left out."""
    told = ((DETAILS.get(name, _words(name)), _told(found)) for name, found in data.items())
    return [(visible(name), found) for name, found in told if found]


def visible(text: str) -> str:
    r"""Control characters, line ends and marks that turn text around written out: `\x1b`, `\u202e`."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _words(tag: str) -> str:
    return tag.replace("_", " ").capitalize()


def _told(found: Any) -> str:
    if found is None or found in ("", [], {}):
        return ""
    if isinstance(found, bool):
        return "Yes" if found else "No"
    if isinstance(found, dict):
        return "; ".join(f"{visible(str(name))}: {_told(part)}" for name, part in found.items())
    if isinstance(found, list):
        return ", ".join(f"({_told(part)})" if isinstance(part, list) else _told(part) for part in found)
    return visible(str(found))
