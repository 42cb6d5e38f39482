"""The fields of an endpoint as somebody fills them in, and their rules: one place for the form and the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.common.texts import problem_with_line
from accounts.errors import FieldError, Refusal
from integrations.alert_models import LABEL_LENGTH
from integrations.alerts.addresses import admit_address
from integrations.alerts.events import BY_NAME
from integrations.egress.configuration import policy
from integrations.egress.policy import problem_with_header_text
from integrations.models import EndpointKind
from integrations.templating.placeholders import Template

LONGEST_AFTER = 24 * 60
MOST_RECIPIENTS = 20
LONGEST_AUTHORIZATION = 2000
KINDS = {
    EndpointKind.WEBHOOK: "Webhook",
    EndpointKind.SLACK: "Slack",
    EndpointKind.TEAMS: "Microsoft Teams",
    EndpointKind.EMAIL: "E-mail",
    EndpointKind.AUDIT_LINES: "Audit log as JSON Lines",
    EndpointKind.AUDIT_OTLP: "Audit log to an OpenTelemetry collector",
}
"""What people call each kind."""


@dataclass(frozen=True, slots=True)
class EndpointFields:
    """What somebody filled in.

    Attributes:
        address: empty where a sealed address stays.
        authorization: the header that a collector wants; empty for none, or where the sealed one stays.
        from_the_beginning: of a stream, whether it starts with the first entry of the log.
    """

    kind: EndpointKind
    name: str = ""
    address: str = ""
    authorization: str = ""
    recipients: Sequence[str] = ()
    is_digest: bool = False
    events: Sequence[str] = ()
    after_minutes: int = 0
    from_the_beginning: bool = False


@dataclass(frozen=True, slots=True)
class EndpointPlace:
    """Where an endpoint goes: the URL, its host, and how it is called without a name."""

    url: str
    host: str
    label: str


def place_of(fields: EndpointFields) -> EndpointPlace:
    """Return where an endpoint goes whose fields have no faults."""
    if fields.kind is EndpointKind.EMAIL:
        return EndpointPlace("", "", (", ".join(fields.recipients) or "Owners and admins")[:LABEL_LENGTH])
    if not fields.address:
        return EndpointPlace("", "", KINDS[fields.kind])
    url = admit_address(fields.address, policy(), with_query=_has_query(fields.kind))
    host = url.raw_host or ""
    label = KINDS[fields.kind] if _has_query(fields.kind) else f"{url.raw_authority}{url.raw_path.rstrip('/')}"
    return EndpointPlace(str(url), host, label[:LABEL_LENGTH])


def faults(fields: EndpointFields, *, keeps_address: bool = False) -> list[FieldError]:
    """Return what is wrong, field by field.

    Args:
        keeps_address: whether an empty address means the one that is stored.
    """
    found = [
        ("name", problem_with_line(fields.name.strip(), LABEL_LENGTH) if fields.name.strip() else None),
        ("address", _problem_with_address(fields, keeps_address=keeps_address)),
        ("recipients", _problem_with_recipients(fields.recipients)),
        ("events", _problem_with_events(fields)),
        ("authorization", _problem_with_authorization(fields.authorization)),
        (
            "after_minutes",
            None
            if 0 <= fields.after_minutes <= LONGEST_AFTER
            else f"Enter a number of minutes from 0 to {LONGEST_AFTER}.",
        ),
    ]
    return [FieldError(name, problem) for name, problem in found if problem]


def _problem_with_address(fields: EndpointFields, *, keeps_address: bool) -> str | None:
    if fields.kind is EndpointKind.EMAIL:
        return "E-mail has recipients and no address." if fields.address else None
    if not fields.address:
        return None if keeps_address else "Enter the address, beginning with https://."
    try:
        admit_address(fields.address, policy(), with_query=_has_query(fields.kind))
    except Refusal as refusal:
        return refusal.detail
    return None


def _problem_with_recipients(recipients: Sequence[str]) -> str | None:
    if len(recipients) > MOST_RECIPIENTS:
        return f"Name at most {MOST_RECIPIENTS} addresses."
    for address in recipients:
        try:
            validate_email(address)
        except ValidationError:
            return f"“{address}” is not an e-mail address."
    return None


def _problem_with_events(fields: EndpointFields) -> str | None:
    unknown = sorted(set(fields.events) - set(BY_NAME))
    if unknown:
        return f"There is no event {unknown[0]}."
    if fields.kind.is_stream:
        return "A stream carries the whole audit log; leave the events out." if fields.events else None
    return None if fields.events or fields.kind.is_channel else "Choose at least one event."


def _problem_with_authorization(text: str) -> str | None:
    if not text:
        return None
    if len(text) > LONGEST_AUTHORIZATION:
        return f"Enter at most {LONGEST_AUTHORIZATION} characters."
    return problem_with_header_text(Template((text,)))


def _has_query(kind: EndpointKind) -> bool:
    return kind in {EndpointKind.SLACK, EndpointKind.TEAMS}
