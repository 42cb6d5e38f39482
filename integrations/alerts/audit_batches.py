"""Batches of the audit log as a collector takes them: JSON Lines, or logs of OpenTelemetry in JSON (OTLP/HTTP).

Entries never change, so a batch is the same bytes with each try. Each carries the head of the chain at its end.
"""

import json
from typing import Any

from accounts.audit.lines import as_line, event_out
from accounts.audit.trail import Outcome
from accounts.audit.wording import attempt_sentence, sentence
from accounts.models import AuditEvent
from integrations.models import AlertEndpoint, Delivery, EndpointKind

INFO, WARN = (9, "INFO"), (13, "WARN")
"""Severities of OpenTelemetry's data model of logs."""
JSON_LINES, JSON = "application/x-ndjson", "application/json"


def content_type(endpoint: AlertEndpoint) -> str:
    """Return the media type of a batch."""
    return JSON_LINES if endpoint.kind == EndpointKind.AUDIT_LINES else JSON


def body(endpoint: AlertEndpoint, delivery: Delivery) -> str:
    """Return the text of a batch, or of a test event."""
    if delivery.first is None:
        return _test(endpoint, delivery)
    entries = AuditEvent.objects.filter(
        organization_id=endpoint.organization_id, sequence__gte=delivery.first, sequence__lte=delivery.last
    )
    found = list(entries.order_by("sequence"))
    return _lines(found) if endpoint.kind == EndpointKind.AUDIT_LINES else _otlp(endpoint, found)


def _test(endpoint: AlertEndpoint, delivery: Delivery) -> str:
    if endpoint.kind == EndpointKind.AUDIT_LINES:
        return f"{delivery.body}\n"
    number, text = INFO
    nanoseconds = str(int(delivery.created_at.timestamp()) * 1_000_000_000)
    body = {"stringValue": f"Test event, sent by {delivery.about}"}
    record = {"timeUnixNano": nanoseconds, "severityNumber": number, "severityText": text, "body": body}
    return _request({"service.name": "coffer"}, [record])


def _head(entry: AuditEvent) -> dict[str, Any]:
    return {
        "organization": str(entry.organization_id), "sequence": entry.sequence, "chain": bytes(entry.chain).hex()
    }  # fmt: skip


def _lines(entries: list[AuditEvent]) -> str:
    """Return a line for each entry, as the export writes it, and one with the head."""
    return "".join(map(as_line, entries)) + json.dumps({"head": _head(entries[-1])}) + "\n"


def _otlp(endpoint: AlertEndpoint, entries: list[AuditEvent]) -> str:
    """Return one request of the service of logs (opentelemetry-proto, logs/v1, in its JSON mapping)."""
    head = _head(entries[-1])
    resource = {
        "service.name": "coffer",
        "coffer.organization.id": head["organization"],
        "coffer.organization.name": endpoint.organization.name,
        "coffer.audit.head.sequence": head["sequence"],
        "coffer.audit.head.chain": head["chain"],
    }
    return _request(resource, [_record(entry) for entry in entries])


def _request(resource: dict[str, Any], records: list[dict[str, Any]]) -> str:
    scope = {"scope": {"name": "coffer.audit"}, "logRecords": records}
    return json.dumps({"resourceLogs": [{"resource": {"attributes": _attributes(resource)}, "scopeLogs": [scope]}]})


def _record(entry: AuditEvent) -> dict[str, Any]:
    refused = entry.outcome == Outcome.REFUSED.value
    number, text = WARN if refused else INFO
    words = (attempt_sentence if refused else sentence)(entry.event)
    told = event_out(entry)
    nanoseconds = str(int(entry.created_at.timestamp()) * 1_000_000_000 + entry.created_at.microsecond * 1000)
    facts = {
        "event.name": entry.event,
        "coffer.audit.id": str(entry.pk),
        "coffer.audit.sequence": entry.sequence,
        "coffer.audit.outcome": entry.outcome,
        **{f"coffer.actor.{name}": value for name, value in told["actor"].items()},
        **{f"coffer.target.{name}": value for name, value in told["target"].items()},
        "coffer.environment": entry.environment or None,
        "client.address": entry.address,
        "coffer.audit.data": json.dumps(entry.data, ensure_ascii=False) if entry.data else None,
        "coffer.audit.chain": told["chain"],
    }
    return {
        "timeUnixNano": nanoseconds,
        "severityNumber": number,
        "severityText": text,
        "body": {"stringValue": f"{words} {entry.target_label}"},
        "attributes": _attributes(facts),
    }


def _attributes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}
        for key, value in facts.items()
        if value is not None
    ]
