"""Which connection an address means, and in which environment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import CharField
from django.db.models.functions import Lower

from accounts.access.callers import PresentedKey, actors_among, keys_presented
from accounts.actors import Actor
from accounts.common.database import Batches
from accounts.common.environments import Environment
from accounts.common.sql.compiled import CompiledQuery, Given, Question, ask_together
from accounts.errors import FieldError, Invalid, NotFound, Refusal
from integrations.broker.preparation import Call
from integrations.exchange.passing import PASS_THROUGH
from integrations.kinds import KINDS
from integrations.models import Integration

CONNECTIONS = tuple(key for key, kind in KINDS.items() if kind.is_connection)

_NO_ENVIRONMENT = (
    "This API key may act in several environments. Name one in the address (/proxy/NAME@staging/…), in the header "
    "Coffer-Environment, or use an API key with a single environment."
)


@dataclass(frozen=True, slots=True)
class Address:
    """A connection by its id or its name, as the address of a request writes it, and the environment if it says one."""

    connection: str
    environment: Environment | None

    @property
    def id(self) -> UUID | None:
        """The id of the connection; None if the address has its name."""
        try:
            return UUID(self.connection)
        except ValueError:
            return None


async def call_at(key: PresentedKey, address: Address, params: dict[str, str]) -> Call:
    """Return the call of a request to an address.

    Raises:
        Unauthenticated, AgentsStopped, AgentStopped: the API key is not valid, or stopped.
        NotFound: there is no such connection that the key may use.
        Invalid: nothing says the environment.
    """
    found, environment = address.id, address.environment
    if found is None or environment is None:
        found, environment = await _LOOK_UPS.ask((key, address))
    return Call(found, environment, PASS_THROUGH, params, streams=True)


def _look_up_all(asked: Sequence[tuple[PresentedKey, Address]]) -> list[tuple[UUID, Environment] | Exception]:
    """Look up all keys and all connections in one round trip."""
    presented = [key for key, _ in asked]
    keys, *named = ask_together(keys_presented(presented), *(_named(*one) for one in asked))
    actors = actors_among(presented, keys)
    return [
        _looked_up(actor, address, address.id or (rows[0].id if rows else None))
        for actor, (_, address), rows in zip(actors, asked, named, strict=True)
    ]


def _named(key: PresentedKey, address: Address) -> Question[Any]:
    """Return the question for the connection of this name; there is none if the address has an id."""
    return _NAMED.among([(key.parsed.prefix, address.connection)] if key.parsed and not address.id else [])


def _looked_up(
    actor: Actor | Refusal, address: Address, connection: UUID | None
) -> tuple[UUID, Environment] | Exception:
    if isinstance(actor, Refusal):
        return actor
    if connection is None or not actor.sees(connection):
        return NotFound("No such connection.")
    try:
        return connection, address.environment or _only(actor)
    except Invalid as refusal:
        return refusal


def _only(actor: Actor) -> Environment:
    if len(actor.environments) != 1:
        raise Invalid(_NO_ENVIRONMENT, errors=[FieldError("environment", _NO_ENVIRONMENT)])
    return next(iter(actor.environments))


_NAMED = CompiledQuery(
    lambda: (
        Integration.objects.annotate(lowered=Lower("name"))  # as the index has it
        .filter(organization__api_keys__prefix=Given(CharField()), lowered=Lower(Given(CharField(), at=1)))
        .filter(kind__in=CONNECTIONS)
        .values_list("id")
    )
)
"""The connection of this name in the organization of the key with this prefix, whose secret is checked afterwards."""

_LOOK_UPS = Batches(_look_up_all)
