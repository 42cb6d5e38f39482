"""`/api/v1/webhooks`: where events go, and what was delivered (docs/webhooks.md)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field, StrictBool, StrictInt

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.preconditions import expected_version
from accounts.api.schemas import PROBLEMS, PROBLEMS_OF_ONE, Limit, Payload, ProblemOut
from accounts.common.paging import DEFAULT_LIMIT, page_of
from accounts.policy import Permission
from integrations.alerts import endpoints, shown
from integrations.alerts.choices import EndpointFields
from integrations.models import AlertEndpoint, EndpointKind

router = Router()

ADDRESS = "The URL. Those of Slack and Teams are sealed and never returned."
AUTHORIZATION = "Of a stream: the header `Authorization` of its requests. It is sealed and never returned."
AFTER = "An integration is told to be failing, or to work again, once it has been so for as many minutes."
CHANGED = {**PROBLEMS_OF_ONE, 412: ProblemOut}


class WebhookIn(Payload):
    """`POST /webhooks`."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"kind": EndpointKind.EMAIL}

    kind: EndpointKind = EndpointKind.WEBHOOK
    name: str = ""
    address: str = Field(default="", description=ADDRESS)
    authorization: str = Field(default="", description=AUTHORIZATION)
    recipients: list[str] = Field(default=[], description="Of e-mail: addresses; empty for owners and admins.")
    digest: StrictBool = Field(default=False, description="Of e-mail: one mail a day.")
    events: list[str] = Field(default=[], description="Types of events (docs/webhooks.md). A stream has none.")
    after_minutes: StrictInt = Field(default=0, description=AFTER)
    from_the_beginning: StrictBool = Field(default=False, description="Of a stream: begin with the first entry.")


class WebhookPatch(Payload):
    """`PATCH /webhooks/{id}`. Omitted fields are not changed."""

    name: str | None = None
    address: str | None = Field(default=None, description=ADDRESS)
    authorization: str | None = Field(default=None, description=AUTHORIZATION)
    recipients: list[str] | None = None
    digest: StrictBool | None = None
    events: list[str] | None = None
    after_minutes: StrictInt | None = Field(default=None, description=AFTER)


class WebhookOut(Schema):
    """An endpoint. What is sealed is not part of it."""

    id: UUID
    kind: EndpointKind
    name: str
    url: str = Field(description="Empty where the address is sealed, and for e-mail.")
    host: str
    recipients: list[str]
    digest: bool
    events: list[str]
    after_minutes: int
    state: Literal["delivering", "failing", "paused"]
    problem: str | None = Field(description="The status or code of the last failure.")
    failing_since: datetime | None
    next_try_at: datetime | None
    waiting: int
    created_by: str
    created_at: datetime
    version: int


class NewWebhookOut(WebhookOut):
    """A new endpoint, or one with a new signing secret, which is never returned again."""

    signing_secret: str | None


class WebhooksOut(Schema):
    """A page of the endpoints of the organization."""

    items: list[WebhookOut]
    next_cursor: str | None


class DeliveryOut(Schema):
    """An event for an endpoint."""

    id: UUID
    event_id: str = Field(description="The header `webhook-id`.")
    type: str
    about: str
    state: Literal["waiting", "delivered"]
    tries: int
    status: int | None = Field(description="Of the last try.")
    code: str | None = Field(description="Why the last try failed.")
    duration_ms: int | None
    created_at: datetime
    delivered_at: datetime | None


class DeliveriesOut(Schema):
    """A page of deliveries, newest first."""

    items: list[DeliveryOut]
    next_cursor: str | None


@router.get("", response={200: WebhooksOut, **PROBLEMS}, summary="List webhooks")
@key_requires(Permission.ALERTS_READ)
def list_webhooks(request: HttpRequest, limit: Limit = DEFAULT_LIMIT, cursor: str = "") -> dict[str, Any]:
    """Webhooks, channels and streams, in the order of their creation."""
    page = page_of(endpoints.endpoints_of(actor_of(request)), _moment, cursor=cursor, limit=limit)
    return {"items": [_out(endpoint) for endpoint in page.items], "next_cursor": page.next_cursor}


def _moment(endpoint: AlertEndpoint) -> str:
    return f"{endpoint.created_at.isoformat(timespec='microseconds')} {endpoint.pk}"


@router.post("", response={201: NewWebhookOut, **PROBLEMS}, summary="Create a webhook")
@key_requires(Permission.ALERTS_WRITE)
def create_webhook(request: HttpRequest, payload: WebhookIn) -> Any:
    """The signing secret is in this response and nowhere else."""
    sent = payload.model_dump()
    fields = EndpointFields(is_digest=sent.pop("digest"), **sent)
    with payload.faults_told():
        endpoint, secret = endpoints.create_endpoint(actor=actor_of(request), fields=fields)
    return Status(201, _out(endpoint) | {"signing_secret": secret or None})


@router.get("/{uuid:endpoint_id}", response={200: WebhookOut, **PROBLEMS_OF_ONE}, summary="Get a webhook")
@key_requires(Permission.ALERTS_READ)
def get_webhook(request: HttpRequest, endpoint_id: UUID) -> dict[str, Any]:
    """One endpoint."""
    return _out(endpoints.find_endpoint(actor=actor_of(request), endpoint_id=endpoint_id))


@router.patch("/{uuid:endpoint_id}", response={200: WebhookOut, **CHANGED}, summary="Change a webhook")
@key_requires(Permission.ALERTS_WRITE)
def change_webhook(request: HttpRequest, endpoint_id: UUID, payload: WebhookPatch) -> dict[str, Any]:
    """With `If-Match: "<version>"` only if nobody has changed it since."""
    actor = actor_of(request)
    before = endpoints.find_endpoint(actor=actor, endpoint_id=endpoint_id)
    sent = {name: value for name, value in payload.model_dump().items() if value is not None}
    with payload.faults_told():
        endpoints.change_endpoint(
            actor=actor, endpoint_id=endpoint_id, fields=_changed(before, sent), version=expected_version(request)
        )
    return _out(endpoints.find_endpoint(actor=actor, endpoint_id=endpoint_id))


@router.delete("/{uuid:endpoint_id}", response={204: None, **PROBLEMS_OF_ONE}, summary="Delete a webhook")
@key_requires(Permission.ALERTS_WRITE)
def delete_webhook(request: HttpRequest, endpoint_id: UUID) -> Any:
    """What waits for it is never sent."""
    endpoints.delete_endpoint(actor=actor_of(request), endpoint_id=endpoint_id)
    return Status(204, None)


@router.post(
    "/{uuid:endpoint_id}/secret", response={200: NewWebhookOut, **PROBLEMS_OF_ONE}, summary="Replace a signing secret"
)
@key_requires(Permission.ALERTS_WRITE)
def replace_webhook_secret(request: HttpRequest, endpoint_id: UUID) -> dict[str, Any]:
    """For 24 hours the secret before signs along."""
    endpoint, secret = endpoints.replace_secret(actor=actor_of(request), endpoint_id=endpoint_id)
    return _out(endpoint) | {"signing_secret": secret}


@router.post("/{uuid:endpoint_id}/pause", response={200: WebhookOut, **PROBLEMS_OF_ONE}, summary="Pause a webhook")
@key_requires(Permission.ALERTS_WRITE)
def pause_webhook(request: HttpRequest, endpoint_id: UUID) -> dict[str, Any]:
    """What happens meanwhile is kept for 30 days."""
    return _out(endpoints.pause_endpoint(actor=actor_of(request), endpoint_id=endpoint_id))


@router.post("/{uuid:endpoint_id}/resume", response={200: WebhookOut, **PROBLEMS_OF_ONE}, summary="Resume a webhook")
@key_requires(Permission.ALERTS_WRITE)
def resume_webhook(request: HttpRequest, endpoint_id: UUID) -> dict[str, Any]:
    """What was kept is delivered in order, at once; also to an endpoint that rests after failures."""
    return _out(endpoints.resume_endpoint(actor=actor_of(request), endpoint_id=endpoint_id))


@router.post("/{uuid:endpoint_id}/test", response={201: DeliveryOut, **PROBLEMS_OF_ONE}, summary="Send a test event")
@key_requires(Permission.ALERTS_WRITE)
def test_webhook(request: HttpRequest, endpoint_id: UUID) -> Any:
    """The event waits behind those before it."""
    delivery = endpoints.send_test(actor=actor_of(request), endpoint_id=endpoint_id)
    return Status(201, _delivery_out(shown.one_delivery(delivery)[0]))


@router.get(
    "/{uuid:endpoint_id}/deliveries", response={200: DeliveriesOut, **PROBLEMS_OF_ONE}, summary="List deliveries"
)
@key_requires(Permission.ALERTS_READ)
def list_deliveries(
    request: HttpRequest,
    endpoint_id: UUID,
    state: Literal["waiting"] | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str = "",
) -> dict[str, Any]:
    """Newest first."""
    endpoint = endpoints.find_endpoint(actor=actor_of(request), endpoint_id=endpoint_id)
    page = shown.deliveries(endpoint, waiting=state is not None, cursor=cursor, limit=limit)
    return {"items": [_delivery_out(row) for row in page.items], "next_cursor": page.next_cursor}


@router.post(
    "/{uuid:endpoint_id}/deliveries/{uuid:delivery_id}/redeliver",
    response={200: DeliveryOut, **PROBLEMS_OF_ONE},
    summary="Send an event again",
)
@key_requires(Permission.ALERTS_WRITE)
def redeliver(request: HttpRequest, endpoint_id: UUID, delivery_id: UUID) -> dict[str, Any]:
    """The same bytes with the same `webhook-id`, in its old place among those that wait."""
    delivery = endpoints.send_again(actor=actor_of(request), endpoint_id=endpoint_id, delivery_id=delivery_id)
    return _delivery_out(shown.one_delivery(delivery)[0])


def _changed(before: AlertEndpoint, sent: dict[str, Any]) -> EndpointFields:
    names = ("name", "recipients", "events", "after_minutes")
    stored = {name: getattr(before, name) for name in names}
    digest = sent.pop("digest", before.is_digest)
    return EndpointFields(**{"kind": EndpointKind(before.kind), "is_digest": digest, **stored, **sent})


def _out(endpoint: AlertEndpoint) -> dict[str, Any]:
    row = shown.row_of(endpoint)
    same = ("id", "kind", "name", "url", "host", "recipients", "events", "after_minutes", "failing_since")
    return {
        **{name: getattr(endpoint, name) for name in (*same, "next_try_at", "created_by", "created_at", "version")},
        "digest": endpoint.is_digest,
        "state": row.word.lower(),
        "problem": endpoint.problem or None,
        "waiting": row.waiting,
    }


def _delivery_out(row: shown.DeliveryRow) -> dict[str, Any]:
    same = ("id", "event_id", "type", "about", "state", "created_at", "delivered_at")
    return {
        **{name: getattr(row.delivery, name) for name in same},
        "tries": row.tries,
        "status": row.status,
        "code": row.code or None,
        "duration_ms": row.duration_ms,
    }
