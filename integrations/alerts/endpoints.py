"""Endpoints: creating, changing, pausing and deleting them, replacing a signing secret, test events, sending again.

An endpoint carries what happens in an organization to somewhere else, so an API key that is limited to environments or
integrations may not have any.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.actors import Actor, ActorKind
from accounts.audit import trail
from accounts.errors import EditConflict, FieldError, Invalid, NotFound, PermissionDenied
from accounts.models import AuditHead
from accounts.policy import Permission
from integrations.alerts import payloads
from integrations.alerts.choices import EndpointFields, EndpointPlace, faults, place_of
from integrations.alerts.queue import enqueue
from integrations.alerts.signing import ADDRESS, AUTHORIZATION, SIGNING, SIGNS_ALONG, bound_to, new_secret
from integrations.models import AlertEndpoint, Delivery, DeliveryState, EndpointKind, Pause
from secrets_app.models import SealedText
from secrets_app.plaintext import Plaintext
from secrets_app.sealing.sealed_texts import seal_text

AT_MOST = 20
"""Endpoints of an organization."""
NOT_SAVED = "Nothing was saved."


def create_endpoint(*, actor: Actor, fields: EndpointFields) -> tuple[AlertEndpoint, str]:
    """Create an endpoint. It hears of what happens from now on.

    Returns:
        the endpoint, and its signing secret, which is never shown again; empty where nothing is signed.

    Raises:
        PermissionDenied: the actor may not manage alerts.
        Invalid: a field breaks a rule, or there are too many endpoints.
    """
    _check(actor, Permission.ALERTS_WRITE)
    _check_stream(actor, fields.kind)
    _refuse(faults(fields))
    secret = new_secret() if fields.kind.is_signed else None
    with transaction.atomic():
        head = AuditHead.objects.select_for_update().filter(pk=actor.organization.pk).first()
        if AlertEndpoint.objects.filter(organization=actor.organization).count() >= AT_MOST:
            _refuse([FieldError("", f"An organization has at most {AT_MOST} endpoints. Delete one first.")])
        endpoint = AlertEndpoint(
            organization=actor.organization,
            kind=fields.kind.value,
            audit_sequence=head.sequence if head and not fields.from_the_beginning else 0,
            created_by_id=actor.id if actor.kind is ActorKind.USER else None,
            created_by=actor.label,
        )
        _fill(endpoint, fields)
        if secret is not None:
            endpoint.signing = seal_text(actor.organization, SIGNING, endpoint.pk, secret)
        endpoint.save(force_insert=True)
        _record(trail.Event.ENDPOINT_CREATED, actor, endpoint, kind=endpoint.kind, events=endpoint.events)
    return endpoint, secret.expose() if secret is not None else ""


def change_endpoint(
    *, actor: Actor, endpoint_id: UUID, fields: EndpointFields, version: int | None = None
) -> AlertEndpoint:
    """Change an endpoint; an empty name, address or authorization stays as it is.

    Raises:
        NotFound: the organization has no such endpoint.
        EditConflict: somebody saved another version meanwhile.
        Invalid: a field breaks a rule.
    """
    _check(actor, Permission.ALERTS_WRITE)
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        if version not in {None, endpoint.version}:
            raise EditConflict("Somebody changed this endpoint meanwhile. Look at it again.")
        fields = replace(fields, kind=EndpointKind(endpoint.kind))
        _check_stream(actor, fields.kind)
        _refuse(faults(fields, keeps_address=True))
        before = _public(endpoint)
        _fill(endpoint, fields)
        changed = [name for name, value in _public(endpoint).items() if before[name] != value]
        changed += [name for name in ("address", "authorization") if getattr(fields, name)]
        if changed:
            endpoint.version += 1
            endpoint.save()
            _record(trail.Event.ENDPOINT_CHANGED, actor, endpoint, fields=sorted(set(changed)))
    return endpoint


def choose_event(*, actor: Actor, endpoint_id: UUID, names: Sequence[str], wanted: bool) -> AlertEndpoint:
    """Add events to those of a channel, or take them away.

    Raises:
        NotFound: the organization has no such endpoint.
    """
    _check(actor, Permission.ALERTS_WRITE)
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        events = set(endpoint.events) | set(names) if wanted else set(endpoint.events) - set(names)
        if events != set(endpoint.events):
            endpoint.events = sorted(events)
            endpoint.version += 1
            endpoint.save(update_fields=["events", "version"])
            _record(trail.Event.ENDPOINT_CHANGED, actor, endpoint, fields=["events"])
    return endpoint


def replace_secret(*, actor: Actor, endpoint_id: UUID) -> tuple[AlertEndpoint, str]:
    """Give an endpoint a new signing secret, which is never shown again. The old one signs along for 24 hours.

    Raises:
        NotFound: the organization has no such endpoint, or it signs nothing.
    """
    _check(actor, Permission.ALERTS_WRITE)
    secret = new_secret()
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        if not EndpointKind(endpoint.kind).is_signed:
            raise NotFound("This endpoint signs nothing.")
        forgotten = endpoint.signing_before
        endpoint.signing_before = endpoint.signing
        endpoint.signing_before_until = timezone.now() + SIGNS_ALONG
        endpoint.signing = seal_text(endpoint.organization, SIGNING, endpoint.pk, secret)
        endpoint.version += 1
        endpoint.save()
        _forget(forgotten)
        _record(trail.Event.ENDPOINT_SECRET_REPLACED, actor, endpoint)
    return endpoint, secret.expose()


def pause_endpoint(*, actor: Actor, endpoint_id: UUID) -> AlertEndpoint:
    """Stop deliveries. What happens meanwhile is kept. Raises NotFound."""
    return _set_pause(actor, endpoint_id, Pause.PERSON)


def resume_endpoint(*, actor: Actor, endpoint_id: UUID) -> AlertEndpoint:
    """Deliver again, at once, also to an endpoint that rests after failures. Raises NotFound."""
    return _set_pause(actor, endpoint_id, Pause.NONE)


def _set_pause(actor: Actor, endpoint_id: UUID, pause: Pause) -> AlertEndpoint:
    _check(actor, Permission.ALERTS_WRITE)
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        was_paused, endpoint.paused = bool(endpoint.paused), pause.value
        endpoint.next_try_at, endpoint.failing_since, endpoint.failures = None, None, 0
        endpoint.save(update_fields=["paused", "next_try_at", "failing_since", "failures"])
        if was_paused != bool(pause):
            event = trail.Event.ENDPOINT_PAUSED if pause else trail.Event.ENDPOINT_RESUMED
            _record(event, actor, endpoint)
    return endpoint


def delete_endpoint(*, actor: Actor, endpoint_id: UUID) -> AlertEndpoint:
    """Delete an endpoint with what waits for it. Raises NotFound."""
    _check(actor, Permission.ALERTS_WRITE)
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        waiting = Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.WAITING.value).count()
        _record(trail.Event.ENDPOINT_DELETED, actor, endpoint, not_delivered=waiting)
        AlertEndpoint.objects.filter(pk=endpoint.pk).delete()
        SealedText.objects.filter(organization=actor.organization, owner_id=endpoint.pk).delete()
    return endpoint


def send_test(*, actor: Actor, endpoint_id: UUID) -> Delivery:
    """Put a test event into the queue. Raises NotFound."""
    _check(actor, Permission.ALERTS_WRITE)
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        notice = payloads.of_test(actor.organization, timezone.now(), sent_by=actor.label)
        enqueue(endpoint, [notice])
        return Delivery.objects.get(endpoint=endpoint, event_id=notice.id)


def send_again(*, actor: Actor, endpoint_id: UUID, delivery_id: UUID) -> Delivery:
    """Let an event wait once more, in its old place, and try at once. Raises NotFound."""
    _check(actor, Permission.ALERTS_WRITE)
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        delivery = find_delivery(actor=actor, endpoint_id=endpoint.pk, delivery_id=delivery_id)
        delivery.state, delivery.delivered_at = DeliveryState.WAITING.value, None
        delivery.save(update_fields=["state", "delivered_at"])
        endpoint.next_try_at = None
        endpoint.save(update_fields=["next_try_at"])
    return delivery


def find_endpoint(*, actor: Actor, endpoint_id: UUID) -> AlertEndpoint:
    """Return an endpoint of the actor's organization, with the number of events that wait as `waiting`.

    Raises:
        PermissionDenied: the actor may not see alerts.
        NotFound: the organization has no such endpoint.
    """
    endpoint = endpoints_of(actor).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("No such webhook.")
    return endpoint


def endpoints_of(actor: Actor) -> "QuerySet[AlertEndpoint]":
    """Return the endpoints of the actor's organization in the order of their creation, each with `waiting`.

    Raises:
        PermissionDenied: the actor may not see alerts.
    """
    _check(actor, Permission.ALERTS_READ)
    waiting = Count("deliveries", filter=Q(deliveries__state=DeliveryState.WAITING.value))
    own = AlertEndpoint.objects.filter(organization=actor.organization)
    return own.annotate(waiting=waiting).order_by("created_at", "pk")


def find_delivery(*, actor: Actor, endpoint_id: UUID, delivery_id: UUID) -> Delivery:
    """Return a delivery with its endpoint. Raises PermissionDenied, NotFound."""
    _check(actor, Permission.ALERTS_READ)
    found = Delivery.objects.select_related("endpoint").filter(
        pk=delivery_id, endpoint=endpoint_id, endpoint__organization=actor.organization
    )
    delivery = found.first()
    if delivery is None:
        raise NotFound("No such delivery.")
    return delivery


def _check(actor: Actor, permission: Permission) -> None:
    actor.check(permission)
    if actor.is_bounded:
        raise PermissionDenied("This needs an API key that is not limited to environments or integrations.")


def _check_stream(actor: Actor, kind: EndpointKind) -> None:
    """Who lets the audit log go somewhere has to be allowed to read it."""
    if kind.is_stream:
        actor.check(Permission.AUDIT_READ)


def _locked(actor: Actor, endpoint_id: UUID) -> AlertEndpoint:
    own = AlertEndpoint.objects.filter(organization=actor.organization)
    endpoint = own.select_related("organization").select_for_update(of=("self",)).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("No such webhook.")
    return endpoint


def _fill(endpoint: AlertEndpoint, fields: EndpointFields) -> None:
    """Set the fields of an endpoint, and seal what is a credential."""
    place = place_of(fields)
    if fields.address:
        _set_address(endpoint, fields, place)
    if fields.authorization and EndpointKind(endpoint.kind).is_stream:
        forgotten, bound = endpoint.authorization, bound_to(endpoint.url, fields.authorization)
        endpoint.authorization = seal_text(endpoint.organization, AUTHORIZATION, endpoint.pk, bound)
        _forget(forgotten)
    endpoint.name = fields.name.strip() or endpoint.name or place.label
    endpoint.recipients, endpoint.is_digest = list(fields.recipients), fields.is_digest
    endpoint.events, endpoint.after_minutes = sorted(set(fields.events)), fields.after_minutes


def _set_address(endpoint: AlertEndpoint, fields: EndpointFields, place: EndpointPlace) -> None:
    endpoint.host = place.host
    if endpoint.kind in {EndpointKind.SLACK, EndpointKind.TEAMS}:
        forgotten = endpoint.address
        endpoint.address = seal_text(endpoint.organization, ADDRESS, endpoint.pk, Plaintext(place.url))
        _forget(forgotten)
        return
    if endpoint.authorization and not fields.authorization and place.url != endpoint.url:
        _refuse([FieldError("authorization", "Enter it again: it goes only to the address it was entered for.")])
    endpoint.url = place.url


def _forget(text: SealedText | None) -> None:
    """Delete a sealed text once nothing refers to it any more."""
    if text:
        pk = text.pk
        transaction.on_commit(lambda: SealedText.objects.filter(pk=pk).delete(), robust=True)


def _public(endpoint: AlertEndpoint) -> dict[str, Any]:
    names = ("name", "url", "recipients", "is_digest", "events", "after_minutes")
    return {name: getattr(endpoint, name) for name in names}


def _record(event: trail.Event, actor: Actor, endpoint: AlertEndpoint, **data: Any) -> None:
    if endpoint.host:
        data["host"] = endpoint.host
    trail.record(event, actor=actor, target=endpoint, **data)


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        raise Invalid(NOT_SAVED, errors=list(errors))
