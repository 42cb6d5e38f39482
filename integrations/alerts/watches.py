"""States that an endpoint is told of only once they have lasted: an integration that fails, a secret without a value.

A watch remembers the state of a subject, since when, and what the endpoint was told last. What flaps is told once for
each state that lasts as long as the endpoint says.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from accounts.occurrences import Occurred, Occurrence
from integrations.alerts import payloads
from integrations.alerts.events import chosen
from integrations.alerts.payloads import Notice
from integrations.models import AlertEndpoint, Watch
from secrets_app.models import Secret
from secrets_app.sealing import keyring

FAILING, RECOVERED, MISSING = (
    Occurred.INTEGRATION_FAILING.value, Occurred.INTEGRATION_RECOVERED.value, Occurred.SECRET_MISSING.value
)  # fmt: skip
MOST_MISSING = 200
"""Missing secrets that one endpoint is told of."""


def note(endpoint: AlertEndpoint, occurrence: Occurrence) -> None:
    """Note that a state has changed, for an endpoint that wants to hear of it."""
    if not (chosen(endpoint.events, FAILING) or chosen(endpoint.events, RECOVERED)):
        return
    subject = _subject(occurrence.data)
    watch = Watch.objects.filter(endpoint=endpoint, subject=subject).first()
    if watch is None and occurrence.type == FAILING:
        Watch.objects.create(
            endpoint=endpoint, subject=subject, state=FAILING, since=occurrence.created_at, data=occurrence.data
        )
    elif watch and watch.state != occurrence.type:
        watch.state, watch.since, watch.data = occurrence.type, occurrence.created_at, occurrence.data
        watch.save(update_fields=["state", "since", "data"])


def note_missing(endpoint: AlertEndpoint, now: datetime) -> None:
    """Compare the secrets that have no value where one is needed with those that are watched."""
    if not chosen(endpoint.events, MISSING):
        return
    found = Secret.objects.missing(endpoint.organization, keyring.held_ids()).order_by("name")
    missing = {f"secret:{pk}": (pk, name) for pk, name in found.values_list("pk", "name")[:MOST_MISSING]}
    known = Watch.objects.filter(endpoint=endpoint, state=MISSING)
    known.exclude(subject__in=missing).delete()
    seen = set(known.values_list("subject", flat=True))
    Watch.objects.bulk_create(
        Watch(
            endpoint=endpoint, subject=subject, state=MISSING, since=now,
            data={"secret": {"id": str(pk), "name": name}},
        )
        for subject, (pk, name) in missing.items()
        if subject not in seen
    )  # fmt: skip


def due(endpoint: AlertEndpoint, now: datetime) -> list[Notice]:
    """Return what has lasted long enough to be told, and note that it is told."""
    notices = []
    for watch in Watch.objects.filter(endpoint=endpoint, since__lte=now - _lasting(endpoint)).order_by("since", "pk"):
        if watch.state != (watch.told or RECOVERED) and chosen(endpoint.events, watch.state):
            notices.append(payloads.of_state(endpoint.organization, watch.state, watch.since, watch.data))
        if watch.state == RECOVERED:
            watch.delete()
        elif watch.told != watch.state:
            watch.told = watch.state
            watch.save(update_fields=["told"])
    return notices


def are_due(endpoints: Iterable[AlertEndpoint], now: datetime) -> set[Any]:
    """Return the ids of those endpoints that have something to be told of now."""
    lasting = {endpoint.pk: _lasting(endpoint) for endpoint in endpoints}
    news = Watch.objects.filter(endpoint__in=lasting).exclude(state=F("told"))
    return {pk for pk, since in news.values_list("endpoint_id", "since") if since <= now - lasting[pk]}


def _lasting(endpoint: AlertEndpoint) -> timedelta:
    return timedelta(minutes=endpoint.after_minutes)


def _subject(data: dict[str, Any]) -> str:
    integration = data.get("integration") or {}
    return f"integration:{integration.get('id', '')}:{data.get('environment', '')}"[:100]
