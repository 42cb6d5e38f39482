"""Where and by what program an API key was last used. What a program says of itself is untrusted."""

import time
from datetime import datetime
from uuid import UUID

from accounts import occurrences
from accounts.actors import Actor
from accounts.api_key import CLIENT_LENGTH, USER_AGENT_LENGTH
from accounts.common.database import in_database
from accounts.models import ApiKey
from accounts.occurrences import Occurred

NOTED_EVERY = 60
MOST_NOTED = 10_000

_noted: dict[tuple[UUID | None, str], float] = {}
"""When this process last noted a client of a key."""


def record_use(key: ApiKey, *, address: str | None, user_agent: str, now: datetime) -> None:
    """Record a use of a key. What its MCP client called itself is forgotten if it is another program now."""
    program = _printable(user_agent, USER_AGENT_LENGTH)
    forgotten = {} if program == key.last_user_agent else {"last_client": ""}
    ApiKey.objects.filter(pk=key.pk).update(
        last_used_at=now, last_address=address, last_user_agent=program, **forgotten
    )


def record_first_use(key: ApiKey) -> None:
    """Write down that a key was used for the first time, once also where processes see that at the same time."""
    data = {"api_key": {"id": str(key.pk), "name": key.name}}
    occurrences.record(key.organization_id, Occurred.API_KEY_FIRST_USED, data, once=str(key.pk))


async def record_client(actor: Actor, name: str) -> None:
    """Record what the MCP client of an API key or session calls itself, at most once a minute in each process."""
    name = _printable(name, CLIENT_LENGTH)
    if name and _is_due(actor, name):
        await in_database(_write_client, {actor.id, actor.key_id}, name)


def _is_due(actor: Actor, name: str) -> bool:
    """Return whether the name has to be written, and note that it is."""
    now = time.monotonic()
    if now - _noted.get((actor.id, name), -NOTED_EVERY) < NOTED_EVERY:
        return False
    if len(_noted) >= MOST_NOTED:
        _noted.clear()
    _noted[actor.id, name] = now
    return True


def _write_client(ids: set[UUID | None], name: str) -> None:
    ApiKey.objects.filter(pk__in=[key_id for key_id in ids if key_id]).exclude(last_client=name).update(
        last_client=name
    )


def _printable(text: str, longest: int) -> str:
    """Return the beginning of a text without what does not show, or turns the direction of what follows."""
    return "".join(letter for letter in text[:longest] if letter.isprintable()).strip()
