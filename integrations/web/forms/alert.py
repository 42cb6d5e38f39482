"""The form of an endpoint: reading it, and showing it again with its errors."""

import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from accounts.common.texts import UNSTORABLE
from integrations.alerts.choices import EndpointFields
from integrations.models import AlertEndpoint, EndpointKind

NUMBER = re.compile(r"[0-9]{1,6}\Z", re.ASCII)
TEXTS = ("name", "address", "authorization", "recipients", "after_minutes")
ALARMING = [
    "integration.failing", "integration.recovered", "run.refused_domain", "secret.destination_added",
    "secret.disabled", "secret.due", "secret.expiring", "secret.missing",
]  # fmt: skip
"""What a new channel of people is told of, unless they choose otherwise."""
QUIET_MINUTES = 5


def blank(kind: EndpointKind) -> dict[str, Any]:
    """Return the fields of an empty form."""
    return {
        **dict.fromkeys(TEXTS, ""),
        "events": ALARMING if kind.is_channel else [],
        "after_minutes": str(QUIET_MINUTES if kind.is_channel else 0),
        "is_digest": False,
        "from_the_beginning": False,
    }


def stored(endpoint: AlertEndpoint) -> dict[str, Any]:
    """Return the fields of an endpoint; what is sealed stays out."""
    return {
        "name": endpoint.name,
        "address": endpoint.url,
        "authorization": "",
        "recipients": "\n".join(endpoint.recipients),
        "events": endpoint.events,
        "after_minutes": str(endpoint.after_minutes),
        "is_digest": endpoint.is_digest,
        "from_the_beginning": False,
        "version": str(endpoint.version),
    }


def read(sent: QueryDict) -> dict[str, Any]:
    """Return the fields as they were sent."""
    return {
        **{name: UNSTORABLE.sub("", sent.get(name, "")).strip() for name in TEXTS},
        "events": [UNSTORABLE.sub("", name) for name in sent.getlist("events")],
        "is_digest": sent.get("is_digest") == "on",
        "from_the_beginning": sent.get("from_the_beginning") == "on",
        "version": sent.get("version", ""),
    }


def fields_of(kind: EndpointKind, values: Mapping[str, Any]) -> EndpointFields:
    """Return the fields for the service. A number that is none becomes one that is out of range."""
    minutes = values["after_minutes"] or "0"
    return EndpointFields(
        kind=kind,
        name=values["name"],
        address=values["address"],
        authorization=values["authorization"],
        recipients=values["recipients"].split(),
        is_digest=values["is_digest"],
        events=() if kind.is_stream else values["events"],
        after_minutes=int(minutes) if NUMBER.match(minutes) else -1,
        from_the_beginning=values["from_the_beginning"],
    )


def shown_again(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a refused form without what is a credential."""
    return values | {"authorization": ""}


def version_of(values: Mapping[str, Any]) -> int | None:
    """Return the version that the form showed."""
    return int(values["version"]) if NUMBER.match(values["version"]) else None
