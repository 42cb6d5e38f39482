"""API keys: creating, listing and revoking them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.access.agent_sessions import in_force_of
from accounts.access.callers import CONCURRENT_CALLS
from accounts.access.key_text import KeyText, new_key
from accounts.actors import Actor, ActorKind
from accounts.audit import trail
from accounts.common.bounds import HIGHEST_CONCURRENT, HIGHEST_PER_MINUTE
from accounts.common.environments import Environment, in_order
from accounts.common.texts import problem_with_line
from accounts.errors import FieldError, Invalid, NotFound
from accounts.mail import messages, sending
from accounts.models import ApiKey
from accounts.policy import Permission, Scope

MAX_CONCURRENT = 100
NOT_CREATED = "The API key was not created."
SENT_BEFORE = (
    "This form was already submitted and its key was created. The key cannot be shown again: "
    "if nobody copied it, revoke that key and create another one."
)
NAME_LENGTH = ApiKey._meta.get_field("name").max_length or 80


def create_api_key(
    *,
    actor: Actor,
    name: str,
    scopes: Iterable[Scope],
    environments: Iterable[Environment],
    integrations: Iterable[UUID] | None = None,
    secrets: Iterable[UUID] | None = None,
    expires_at: datetime | None = None,
    max_concurrent: int = MAX_CONCURRENT,
    max_per_minute: int | None = None,
    form: UUID | None = None,
    found: Sequence[FieldError] = (),
) -> tuple[ApiKey, KeyText]:
    """Create a key for the actor's organization. Its text is returned once and is not stored.

    Args:
        secrets: the only secrets that it may send somewhere new, if it has the scope for that; None for all.
        max_concurrent: the limit of concurrent calls in each process.
        max_per_minute: the limit of calls per minute of the clock; None for no limit.
        form: the id of the form that asks for the key. The same form creates one key, however often it is submitted.
        found: errors that the caller found; they are reported together with the errors found here.

    Raises:
        PermissionDenied: the actor may not manage API keys.
        Invalid: the name, scopes or environments are missing, the expiry is in the past, a limit is out of range, or
            the form was submitted before.
    """
    actor.check(Permission.API_KEYS_CREATE)
    name, scopes, environments = name.strip(), sorted(set(scopes)), in_order(environments)
    _refuse([*found, *_faults(name, scopes, environments, expires_at, max_concurrent, max_per_minute)])
    text = new_key()
    with transaction.atomic():
        key = _insert(
            id=uuid5(actor.organization.id, str(form)) if form else uuid4(),
            organization=actor.organization,
            name=name,
            prefix=text.prefix,
            digest=text.digest,
            scopes=[scope.value for scope in scopes],
            environments=environments,
            integrations=_as_list(integrations),
            secrets=_as_list(secrets),
            expires_at=expires_at,
            max_concurrent=max_concurrent,
            max_per_minute=max_per_minute,
            created_by_id=actor.id if actor.kind is ActorKind.USER else None,
        )
        _record_creation(key, actor, environments)
        sending.send_after_commit(messages.api_key_created(key, actor=actor), about="API key created")
    return key, text


def _as_list(ids: Iterable[UUID] | None) -> list[str] | None:
    return None if ids is None else sorted(str(item) for item in ids)


def _refuse(errors: Sequence[FieldError]) -> None:
    """Raise Invalid with the first error of each field, if there are errors."""
    if errors:
        first_of_each = {error.field: error for error in reversed(errors)}
        raise Invalid(NOT_CREATED, errors=[error for error in errors if first_of_each[error.field] is error])


def _record_creation(key: ApiKey, actor: Actor, environments: Iterable[Environment]) -> None:
    trail.record(
        trail.Event.API_KEY_CREATED,
        actor=actor,
        target=key,
        prefix=key.prefix,
        scopes=key.scopes,
        environments=[environment.value for environment in environments],
        integrations=key.integrations,
        secrets=key.secrets,
        expires_at=key.expires_at.isoformat() if key.expires_at else None,
        max_concurrent=key.max_concurrent,
        max_per_minute=key.max_per_minute,
    )


def _faults(
    name: str,
    scopes: Sequence[Scope],
    environments: Sequence[Environment],
    expires_at: datetime | None,
    max_concurrent: int,
    max_per_minute: int | None,
) -> list[FieldError]:
    """Return the errors of a requested key, field by field."""
    name_problem = problem_with_line(name, NAME_LENGTH)
    return [
        FieldError(field, sentence)
        for field, wrong, sentence in (
            (
                "name",
                name_problem is not None,
                name_problem or "",
            ),
            ("scopes", not scopes, "Choose at least one scope."),
            ("environments", not environments, "Choose at least one environment."),
            (
                "expires_at",
                expires_at is not None and expires_at <= timezone.now(),
                "Choose a date in the future.",
            ),
            (
                "max_concurrent",
                not 1 <= max_concurrent <= HIGHEST_CONCURRENT,
                f"Enter a number from 1 to {HIGHEST_CONCURRENT}.",
            ),
            (
                "max_per_minute",
                max_per_minute is not None and not 1 <= max_per_minute <= HIGHEST_PER_MINUTE,
                f"Enter a number from 1 to {HIGHEST_PER_MINUTE}, or leave it out.",
            ),
        )
        if wrong
    ]


def _insert(**columns: Any) -> ApiKey:
    """Store a key.

    Raises:
        Invalid: the id is taken, which happens only if the same form was submitted before.
    """
    try:
        with transaction.atomic():
            return ApiKey.objects.create(**columns)
    except IntegrityError:
        if not ApiKey.objects.filter(pk=columns["id"]).exists():
            raise
    raise Invalid(NOT_CREATED, errors=[FieldError("", SENT_BEFORE)])


def find_api_key(*, actor: Actor, key_id: UUID) -> ApiKey:
    """Return one key of the actor's organization, without its digest.

    Raises:
        NotFound: the organization has no such key.
        PermissionDenied: the actor may not see keys.
    """
    actor.check(Permission.API_KEYS_READ)
    own = ApiKey.objects.filter(organization=actor.organization, parent=None)
    key = own.defer("digest").filter(pk=key_id).first()
    if key is None:
        raise NotFound("No such API key.")
    return key


def revoke_api_key(*, actor: Actor, key_id: UUID) -> ApiKey:
    """Revoke a key and its sessions; their next calls are refused. Revoking it again changes nothing.

    Calls under way in this process are stopped; what other processes get as answers is not given out.

    Raises:
        NotFound: the organization has no such key.
        PermissionDenied: the actor may not revoke keys.
    """
    actor.check(Permission.API_KEYS_REVOKE)
    with transaction.atomic():
        own = ApiKey.objects.filter(organization=actor.organization, parent=None)
        key = own.select_for_update().filter(pk=key_id).first()
        if key is None:
            raise NotFound("No such API key.")
        if key.revoked_at is None:
            key.revoked_at = now = timezone.now()
            key.save(update_fields=["revoked_at"])
            stopped = in_force_of([key.pk], now).update(revoked_at=now)
            trail.record(trail.Event.API_KEY_REVOKED, actor=actor, target=key, prefix=key.prefix, sessions=stopped)
            transaction.on_commit(lambda: CONCURRENT_CALLS.stop(key.pk))
    return key


def keys_created_by(*, actor: Actor, user_id: UUID) -> list[ApiKey]:
    """Return the organization's valid keys that this person created. They may have kept a copy of each text.

    Raises:
        PermissionDenied: the actor may not see keys.
    """
    actor.check(Permission.API_KEYS_READ)
    not_expired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    keys = ApiKey.objects.filter(not_expired, organization=actor.organization, created_by=user_id, revoked_at=None)
    return list(keys.defer("digest").order_by("name", "prefix"))


def revoke_keys_created_by(*, actor: Actor, user_id: UUID) -> list[ApiKey]:
    """Revoke every valid key that this person created, and return the revoked keys.

    Raises:
        PermissionDenied: the actor may not revoke keys.
    """
    return [revoke_api_key(actor=actor, key_id=key.id) for key in keys_created_by(actor=actor, user_id=user_id)]
