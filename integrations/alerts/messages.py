"""Events as people read them: in Slack, in Teams and in mail. Names that somebody chose are never markup."""

import json
from collections.abc import Sequence
from typing import Any

from accounts.audit.wording import visible
from accounts.mail.messages import owners_of
from accounts.mail.sending import Email, link, quoted
from accounts.models import Organization
from accounts.people.members import people_with
from accounts.policy import Permission
from integrations.alerts.events import BY_NAME, TEST
from integrations.models import AlertEndpoint, Delivery

TEST_WORDS = "Test event, sent by"
LISTED_AT_MOST = 50
FACTS = {
    "decision": "Decision", "environment": "Environment", "host": "Host", "code": "Code", "status": "Status",
    "expires_on": "Expires on",
}  # fmt: skip
SLACK_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
TEAMS_MARKS = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_{}[]()#+-.!|~>"})
"""Text blocks of Adaptive Cards read a part of Markdown."""


def sentence(delivery: Delivery) -> str:
    """Return what happened in a line."""
    words = TEST_WORDS if delivery.type == TEST else BY_NAME[delivery.type].words
    return f"{words} {visible(delivery.about)}".strip()


def facts(delivery: Delivery) -> list[tuple[str, str]]:
    """Return what else is known, as pairs of label and text."""
    data = _data(delivery)
    told = [(label, visible(str(data[name]))) for name, label in FACTS.items() if data.get(name)]
    actor = data.get("actor") or {}
    return [*told, ("By", visible(str(actor["name"])))] if actor.get("name") else told


def slack_body(delivery: Delivery) -> str:
    """Return a message of blocks, with a text for notifications."""
    data, title = _data(delivery), sentence(delivery).translate(SLACK_MARKS)
    organization = visible(str(data["organization"]["name"])).translate(SLACK_MARKS)
    told = " · ".join(f"{label}: {text.translate(SLACK_MARKS)}" for label, text in facts(delivery))
    button = {"type": "button", "text": {"type": "plain_text", "text": "Open in Coffer"}, "url": data["link"]}
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*", "verbatim": True}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": f"{organization}{' · ' if told else ''}{told}"}]},
        {"type": "actions", "elements": [button]},
    ]
    return json.dumps({"text": f"{organization}: {title}", "blocks": blocks})


def teams_body(delivery: Delivery) -> str:
    """Return an Adaptive Card, as the workflow "when a webhook request is received" posts it."""
    data = _data(delivery)
    told = [("Organization", visible(str(data["organization"]["name"]))), *facts(delivery)]
    shown = [{"title": label, "value": text.translate(TEAMS_MARKS)} for label, text in told]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": sentence(delivery).translate(TEAMS_MARKS), "weight": "Bolder", "wrap": True},
            {"type": "FactSet", "facts": shown},
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Open in Coffer", "url": data["link"]}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return json.dumps({"type": "message", "attachments": [attachment]})


def mails(endpoint: AlertEndpoint, deliveries: Sequence[Delivery]) -> list[Email]:
    """Return one mail for each recipient about all of these events."""
    organization = endpoint.organization
    one = sentence(deliveries[0])[:200] if len(deliveries) == 1 else f"{len(deliveries)} alerts"
    lines = [_lines(delivery) for delivery in deliveries[:LISTED_AT_MOST]]
    if len(deliveries) > LISTED_AT_MOST:
        lines.append(f"and {len(deliveries) - LISTED_AT_MOST} more, in the audit log")
    chosen = f"What you are told of, and how:\n{link('alerts', organization.slug)}"
    return [
        Email(to=address, subject=f"{one} ({quoted(organization.name)} on Coffer)", paragraphs=[*lines, chosen])
        for address in endpoint.recipients or _owners_and_admins(organization)
    ]


def paused(endpoint: AlertEndpoint) -> list[Email]:
    """Return the mails that tell every owner that an endpoint was paused."""
    organization = endpoint.organization
    return [
        Email(
            to=address,
            subject=f"Deliveries to {quoted(endpoint.name)} are paused ({quoted(organization.name)} on Coffer)",
            paragraphs=[
                f"{quoted(endpoint.name)} has not taken an event for 24 hours, or has said that it is gone. Nothing "
                "more is sent to it until somebody resumes it. What happens meanwhile is kept, and sent in order then.",
                f"See what is wrong, and resume it:\n{link('webhook', organization.slug, endpoint.pk)}",
            ],
        )
        for address in owners_of(organization)
    ]


def _lines(delivery: Delivery) -> str:
    told = "\n".join(f"{label}: {text}" for label, text in facts(delivery))
    at = f"{delivery.created_at:%Y-%m-%d %H:%M} UTC"
    return "\n".join(part for part in (sentence(delivery), at, told, _data(delivery)["link"]) if part)


def _owners_and_admins(organization: Organization) -> list[str]:
    return [member.user.email for member in people_with(organization, Permission.ALERTS_READ)]


def _data(delivery: Delivery) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(delivery.body)["data"]
    return data
