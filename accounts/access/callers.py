"""Calls with an API key: parsing the key, finding its actor, and the limits of its calls.

The text of a key is `cof_`, 11 characters of id, 43 of secret and 6 of checksum, in base 62 (docs/security-rules.md,
"API keys"). The id finds the row, the secret has 256 random bits, and the CRC-32 lets secret scanners and Coffer reject
a typo without a look-up. Only the prefix and a digest are stored.

Calls per minute are counted in the database, so the limit is exact across processes and hosts, whose clocks may differ
by seconds: a minute that one host has begun is everybody's. Each process counts concurrent calls by itself: that limit
protects the process, and the count must not survive a crash.
"""

import hashlib
import hmac
import secrets
import string
import threading
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from accounts.actors import Actor, actor_for_key
from accounts.common.compiled_queries import Among, CompiledQuery
from accounts.errors import RateLimited, Unauthenticated
from accounts.models import ApiKey

MARK = "cof_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 11, 43, 6
LENGTH = len(MARK) + ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
SUSPENDED = (
    "This API key is suspended, because its calls passed values of secrets as arguments. An owner or admin finds out "
    "why in the audit log, and lifts the suspension on the page of API keys."
)
LAST_USED_EVERY = timedelta(minutes=1)
MINUTE = timedelta(minutes=1)

_BY_PREFIX: CompiledQuery[ApiKey] = CompiledQuery(
    lambda: (
        ApiKey.objects.select_related("organization")
        .annotate(maker_is_active=F("created_by__is_active"))
        .filter(Among("prefix"))
    )
)
_BY_ID: CompiledQuery[ApiKey] = CompiledQuery(
    lambda: ApiKey.objects.annotate(maker_is_active=F("created_by__is_active")).filter(Among("pk"))
)


@dataclass(frozen=True, slots=True)
class KeyText:
    """A complete API key. Only its prefix (in clear) and the digest of the whole text are stored."""

    text: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """`cof_` and the id, which are safe to show."""
        return self.text[: len(MARK) + ID_LENGTH]

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the whole text, 32 bytes."""
        return hashlib.sha256(self.text.encode("ascii")).digest()


def new_key() -> KeyText:
    """Return a new random key."""
    body = MARK + "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH + SECRET_LENGTH))
    return KeyText(body + checksum(body))


def read_key(text: str) -> KeyText | None:
    """Parse a key. Returns None if the length, the alphabet or the checksum is wrong."""
    if len(text) != LENGTH or not text.startswith(MARK):
        return None
    body, check = text[:-CHECKSUM_LENGTH], text[-CHECKSUM_LENGTH:]
    if not set(text[len(MARK) :]) <= set(ALPHABET) or checksum(body) != check:
        return None
    return KeyText(text)


def checksum(body: str) -> str:
    """Return the CRC-32 of `body` as six base-62 digits."""
    number, digits = zlib.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM_LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        digits = ALPHABET[rest] + digits
    return digits


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """The text of an API key as a request sent it, and the client's address."""

    text: str = field(repr=False)
    address: str | None


def bearer_token(header: str) -> str | None:
    """Return the token of an `Authorization` header, or None if it is not a bearer token."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def actor_of_key(text: str, *, address: str | None) -> Actor:
    """Return the actor of an API key and record the key's last use, at most once a minute.

    Raises:
        Unauthenticated: the text is not a key, or the key is unknown, expired, revoked, or was created by a person who
            is deactivated now. The error does not tell these cases apart; a suspended key is told that it is.
    """
    (result,) = actors_of_keys([PresentedKey(text, address)])
    if isinstance(result, Unauthenticated):
        raise result
    return result


def actors_of_keys(presented: Sequence[PresentedKey]) -> list[Actor | Unauthenticated]:
    """Do the work of `actor_of_key` for many keys in one query. Errors are returned instead of raised."""
    texts = [read_key(key.text) for key in presented]
    valid = _valid_keys({text for text in texts if text})
    return [_actor(valid.get(text), key.address) for text, key in zip(texts, presented, strict=True)]


def _actor(key: ApiKey | None, address: str | None) -> Actor | Unauthenticated:
    if key is None:
        return Unauthenticated("Send a valid API key: Authorization: Bearer cof_…")
    return Unauthenticated(SUSPENDED) if key.suspended_at else actor_for_key(key, address=address)


def _valid_keys(texts: set[KeyText]) -> dict[KeyText | None, ApiKey]:
    """Return the keys that these texts belong to and that have not ended, and record their last use."""
    known = {key.prefix: key for key in _BY_PREFIX.ask({(text.prefix,) for text in texts})}
    now = timezone.now()
    valid: dict[KeyText | None, ApiKey] = {
        text: key for text in texts if (key := known.get(text.prefix)) and _is_valid(key, text, now)
    }
    _record_last_use(list({key.pk: key for key in valid.values()}.values()), now)
    return valid


def _is_valid(key: ApiKey, text: KeyText, now: datetime) -> bool:
    """Whether the text belongs to this key and the key may be used. `key` is annotated with `maker_is_active`."""
    return hmac.compare_digest(bytes(key.digest), text.digest) and _is_in_force(key, now)


def _is_in_force(key: ApiKey, now: datetime) -> bool:
    """Whether the key may be used by whoever holds its text. `key` is annotated with `maker_is_active`."""
    has_ended = key.revoked_at or (key.expires_at and key.expires_at <= now)
    return not has_ended and key.maker_is_active is not False  # type: ignore[attr-defined]


def keys_in_force(ids: Iterable[UUID]) -> set[UUID]:
    """Return which of these keys may still be used; for calls under way, whose key was looked up before."""
    now = timezone.now()
    keys = _BY_ID.ask({(key_id,) for key_id in ids})
    return {key.pk for key in keys if _is_in_force(key, now) and not key.suspended_at}


def _record_last_use(keys: Iterable[ApiKey], now: datetime) -> None:
    stale = [key.pk for key in keys if key.last_used_at is None or key.last_used_at < now - LAST_USED_EVERY]
    if stale:
        ApiKey.objects.filter(pk__in=stale).update(last_used_at=now)


class ConcurrentCalls:
    """The calls in progress in this process, by API key. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[UUID] = Counter()
        self._lock = threading.Lock()

    def acquire(self, actor: Actor) -> None:
        """Count one more call of this actor. People and commands have no limit.

        Raises:
            RateLimited: the API key has reached its limit of concurrent calls.
        """
        if actor.id is None or actor.max_concurrent is None:
            return
        with self._lock:
            if self._counts[actor.id] >= actor.max_concurrent:
                raise _limited(f"This API key has reached its limit of {actor.max_concurrent} concurrent calls.", 1)
            self._counts[actor.id] += 1

    def release(self, actor: Actor) -> None:
        """Count one call less, after a call that `acquire` counted has ended."""
        if actor.id is None or actor.max_concurrent is None:
            return
        with self._lock:
            self._counts[actor.id] -= 1
            if not self._counts[actor.id]:
                del self._counts[actor.id]


CONCURRENT_CALLS = ConcurrentCalls()


def count_call(actor: Actor) -> None:
    """Count a call towards the actor's limit per minute of the clock.

    Raises:
        RateLimited: the API key has reached its limit for this minute.
    """
    if actor.id is None or actor.max_per_minute is None:
        return
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    is_counted = Q(minute__range=(minute, minute + MINUTE))  # also the next, where another host's clock is ahead
    has_room = Q(minute=None) | ~is_counted | Q(minute_calls__lt=actor.max_per_minute)
    calls = Case(When(is_counted, then=F("minute_calls") + 1), default=Value(1))
    latest = Case(When(is_counted, then=F("minute")), default=Value(minute))
    if not ApiKey.objects.filter(has_room, pk=actor.id).update(minute=latest, minute_calls=calls):
        sentence = f"This API key has reached its limit of {actor.max_per_minute} calls per minute."
        raise _limited(sentence, 60 - now.second)


def _limited(sentence: str, seconds: int) -> RateLimited:
    refusal = RateLimited(f"{sentence} Try again in {seconds} s.")
    refusal.members["retry_after_seconds"] = seconds
    return refusal
