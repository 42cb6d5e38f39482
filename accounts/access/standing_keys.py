"""Calls that the server makes for an API key or a session: its actor, if it may still be used."""

from typing import cast
from uuid import UUID

from accounts.access.callers import keys_of, refusal_meanwhile
from accounts.actors import Actor, actor_for_key
from accounts.models import ApiKey


def actor_in_force(key_id: UUID) -> Actor:
    """Return the actor of an API key, without its text.

    Raises:
        Unauthenticated: the key has ended, is suspended or belongs to somebody who is deactivated.
        AgentsStopped, AgentStopped: a person has stopped all agents of the organization, or this one.
    """
    key = keys_of([key_id]).get(key_id)
    if refusal := refusal_meanwhile(key):
        raise refusal
    return actor_for_key(cast("ApiKey", key))
