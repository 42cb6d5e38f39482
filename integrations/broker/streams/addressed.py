"""Which connection an address means, and in which environment."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Lower

from accounts.access.callers import PresentedKey, actors_of_keys
from accounts.actors import Actor
from accounts.common.database import Batches
from accounts.common.environments import Environment
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
    """Look all keys up together, and each connection once for those whose keys see the same ones."""
    actors = actors_of_keys([key for key, _ in asked])
    found: dict[tuple[UUID, frozenset[UUID] | None, str], UUID | None] = {}
    return [_looked_up(actor, address, found) for actor, (_, address) in zip(actors, asked, strict=True)]


def _looked_up(
    actor: Actor | Refusal, address: Address, found: dict[tuple[UUID, frozenset[UUID] | None, str], UUID | None]
) -> tuple[UUID, Environment] | Exception:
    if isinstance(actor, Refusal):
        return actor
    place = actor.organization.pk, actor.integrations, address.connection
    if not address.id and place not in found:
        found[place] = _id_of(actor, address.connection)
    connection = address.id or found[place]
    if connection is None:
        return NotFound("No such connection.")
    try:
        return connection, address.environment or _only(actor)
    except Invalid as refusal:
        return refusal


def _id_of(actor: Actor, name: str) -> UUID | None:
    lowered = Integration.objects.visible_to(actor).annotate(lowered=Lower("name"))  # as the index has it
    named = lowered.filter(kind__in=CONNECTIONS, lowered=Lower(Value(name)))
    return named.order_by().values_list("pk", flat=True).first()


def _only(actor: Actor) -> Environment:
    if len(actor.environments) != 1:
        raise Invalid(_NO_ENVIRONMENT, errors=[FieldError("environment", _NO_ENVIRONMENT)])
    return next(iter(actor.environments))


_LOOK_UPS = Batches(_look_up_all)
