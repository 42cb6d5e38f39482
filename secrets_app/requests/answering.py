"""Requests for secrets: asking for a secret, answering the request by creating it, and dismissing it with a reason."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import trail
from accounts.audit.trail import Act, Event
from accounts.common.environments import Environment, in_order
from accounts.common.texts import problem_with_text
from accounts.errors import FieldError, Invalid, NotFound
from accounts.models import Organization
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from secrets_app.errors import RequestAnswered, TooManyRequests
from secrets_app.models import RequestState, Secret, SecretRequest
from secrets_app.validation.fields import Problems

OPEN_AT_MOST = 20
"""The maximum number of open requests of one person."""
WHY_LENGTH = SecretRequest._meta.get_field("why").max_length or 500
REASON_LENGTH = SecretRequest._meta.get_field("reason").max_length or 300
NOT_SENT = "The request was not sent."


def ask(*, actor: Actor, name: str, environments: Iterable[Environment], why: str) -> SecretRequest:
    """Ask owners and admins for a secret of this name.

    Raises:
        PermissionDenied: the actor may not ask for secrets, as API keys and staff may not.
        NotFound: the actor is not a person.
        Invalid: the name is not valid, taken or already requested, or environments or reason are missing.
        TooManyRequests: the person has reached the limit of open requests.
    """
    actor.check(Permission.SECRETS_ASK)
    if actor.id is None:
        raise NotFound("Only people can ask for secrets.")
    requested, why = in_order(environments), why.strip()
    with transaction.atomic():
        lock_organization(actor.organization)
        _check(actor.organization, name, requested, why)
        mine = SecretRequest.objects.filter(organization=actor.organization, asked_by_id=actor.id)
        if mine.filter(state=RequestState.OPEN.value).count() >= OPEN_AT_MOST:
            raise TooManyRequests(
                f"You have {OPEN_AT_MOST} open requests, which is the maximum. Wait until some are answered."
            )
        request = SecretRequest.objects.create(
            organization=actor.organization,
            name=name,
            environments=requested,
            why=why,
            asked_by_id=actor.id,
            asked_by=actor.label,
        )
        trail.record(
            Event.SECRET_REQUEST_MADE,
            actor=actor,
            target=request,
            environments=[environment.value for environment in requested],
        )
    return request


def problem_with_requested_name(organization: Organization, name: str) -> str:
    """Return a sentence that says why this name cannot be requested, or "" if it can."""
    problems = Problems()
    problems.check_name(name, organization, taken="There is a secret called {} already. Use it by its reference.")
    if problems.errors:
        return problems.errors[0].message
    same = SecretRequest.objects.filter(organization=organization, state=RequestState.OPEN.value, name__iexact=name)
    other = same.first()
    return f"{other.asked_by} has already asked for {other.name}. It appears here once it exists." if other else ""


def dismiss(*, actor: Actor, request_id: UUID, reason: str) -> SecretRequest:
    """Close a request without creating a secret. The person who asked sees the reason.

    Raises:
        PermissionDenied: the actor may not create secrets.
        NotFound: the request does not exist in the actor's organization.
        RequestAnswered: the request was answered or dismissed already.
        Invalid: the reason is missing or too long.
    """
    actor.check(Permission.SECRETS_WRITE)
    reason = reason.strip()
    problem = problem_with_text(reason, REASON_LENGTH) if reason else "Say why, for the person who asked."
    if problem:
        raise Invalid("The request was not dismissed.", errors=[FieldError("reason", problem)])
    with transaction.atomic():
        lock_organization(actor.organization)
        request = SecretRequest.objects.filter(organization=actor.organization, pk=request_id).first()
        if request is None:
            raise NotFound("No such request.")
        if request.state != RequestState.OPEN:
            raise RequestAnswered(f"The request for {request.name} has already been answered by {request.answered_by}.")
        _close(request, actor, RequestState.DISMISSED, reason=reason)
        trail.record(Event.SECRET_REQUEST_DISMISSED, actor=actor, target=request, asked_by=request.asked_by)
    return request


def answer(secrets: Sequence[Secret], *, actor: Actor, request_id: UUID | None = None) -> None:
    """Close the open requests for names that now exist. Call it in the transaction that created or renamed the secrets.

    Args:
        secrets: the created or renamed secrets. The caller holds the lock of their organization.
        request_id: a request that the first secret answers even if the names differ.
    """
    by_name = {secret.name.lower(): secret for secret in secrets}
    waiting = SecretRequest.objects.filter(organization=actor.organization, state=RequestState.OPEN.value)
    found = list(waiting.annotate(lower=Lower("name")).filter(Q(lower__in=list(by_name)) | Q(pk=request_id)))
    for request in found:
        _close(request, actor, RequestState.ANSWERED, secret=by_name.get(request.name.lower(), secrets[0]))
    if found:
        acts = [Act(Event.SECRET_REQUEST_ANSWERED, row, data={"asked_by": row.asked_by}) for row in found]
        trail.record_all(acts, actor=actor)


def _check(organization: Organization, name: str, environments: Sequence[Environment], why: str) -> None:
    found = {
        "name": problem_with_requested_name(organization, name),
        "environments": "" if environments else "Choose at least one environment.",
        "why": problem_with_text(why, WHY_LENGTH) if why else "Say what it is for.",
    }
    errors = [FieldError(field, sentence) for field, sentence in found.items() if sentence]
    if errors:
        raise Invalid(NOT_SENT, errors=errors)


def _close(
    request: SecretRequest, actor: Actor, state: RequestState, *, secret: Secret | None = None, reason: str = ""
) -> None:
    request.state, request.secret, request.reason = state.value, secret, reason
    request.answered_by, request.answered_at = actor.label, timezone.now()
    request.save(update_fields=["state", "secret", "reason", "answered_by", "answered_at"])
