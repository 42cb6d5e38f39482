"""Requests that carry an `Idempotency-Key`: the same one is carried out once in 24 hours.

A key belongs to the caller who sent it. What is stored of key and request are hashes under the secret key of the
installation, so the database alone tells nothing about a value that a request brought. The answer is stored elsewhere.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.actors import Actor
from accounts.errors import FieldError, IdempotencyKeyReused, Invalid, RequestUnfinished
from accounts.models import IdempotentRequest

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)

_IS_KEY = re.compile(r"[!-~]{8,255}").fullmatch
_SALT = "coffer.idempotent-request"


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that is not to be carried out twice.

    Attributes:
        key: the `Idempotency-Key`.
        request: everything that the caller asks for: method, address and body.
    """

    key: str
    request: bytes

    def lookup(self, actor: Actor) -> str:
        """Return the hash by which the request is found again."""
        return _hash(f"{actor.organization.pk}\n{actor.id}\n{self.key}".encode())

    @property
    def fingerprint(self) -> str:
        """The hash that tells this request from another one with the same key."""
        return _hash(self.key.encode() + b"\n" + self.request)


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that has been claimed.

    Attributes:
        status: that of the first answer; None if this request is the first.
    """

    id: UUID
    status: int | None


def claim(actor: Actor, wanted: Repeatable) -> Claim:
    """Claim a request for this caller, or find the one that was carried out.

    Raises:
        Invalid: the key is malformed.
        IdempotencyKeyReused: the key came with another request.
        RequestUnfinished: the same request has no answer yet.
    """
    check_key(wanted.key)
    lookup, now = wanted.lookup(actor), timezone.now()
    with transaction.atomic():
        _lock(lookup)
        rows = IdempotentRequest.objects.filter(lookup=lookup)
        rows.filter(created_at__lte=now - KEPT_FOR).delete()
        if found := rows.first():
            return _known(found, wanted)
        made = IdempotentRequest(
            organization=actor.organization, lookup=lookup, fingerprint=wanted.fingerprint, created_at=now
        )
        made.save(force_insert=True)
    return Claim(made.pk, None)


def check_key(key: str) -> None:
    """Check the form of a key.

    Raises:
        Invalid: it is malformed.
    """
    if not _IS_KEY(key):
        sentence = "Send 8 to 255 visible ASCII characters, such as a UUID."
        raise Invalid("The Idempotency-Key is not valid.", errors=[FieldError(HEADER, sentence)])


def finish(claimed: Claim, status: int) -> None:
    """Note that there is an answer. The caller stores it."""
    IdempotentRequest.objects.filter(pk=claimed.id).update(status=status)


def release(claimed: Claim) -> None:
    """Forget a request that was not carried out, so that it may be sent again."""
    IdempotentRequest.objects.filter(pk=claimed.id).delete()


def forget_old() -> int:
    """Delete the requests whose time is over and return how many there were."""
    return IdempotentRequest.objects.filter(created_at__lte=timezone.now() - KEPT_FOR).delete()[0]


def _known(found: IdempotentRequest, wanted: Repeatable) -> Claim:
    if found.fingerprint != wanted.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key came with another request before. Use a new key for this one.")
    if found.status is None:
        raise RequestUnfinished(
            "The first request with this Idempotency-Key has not been answered. If it is not under way any more, look "
            "at what it did, and use a new key to send it again."
        )
    return Claim(found.pk, found.status)


def _lock(lookup: str) -> None:
    """Let no other request with this key in until the transaction ends. SQLite has one writer anyway."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int(lookup[:16], 16) - 2**63])
        if not cursor.fetchone()[0]:
            raise RequestUnfinished("The first request with this Idempotency-Key is under way. Try again in a second.")


def _hash(text: bytes) -> str:
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()
