"""What admission reads of all its calls, in one round trip: API keys, integrations, and the secrets that these send."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from accounts.access.callers import PresentedKey, actors_among, keys_presented
from accounts.actors import Actor
from accounts.common.compiled_queries import Among, CompiledQuery, ask_together
from accounts.errors import Refusal
from integrations.broker.preparation import Call
from integrations.models import Integration, SecretDestination
from secrets_app.models import SecretValue

_INTEGRATIONS = CompiledQuery(lambda: Integration.objects.with_links().with_mask_stamp().filter(Among("pk")))

_SENT = CompiledQuery(
    lambda: (
        SecretValue.objects.current()
        .filter(
            Among("environment", first=1),
            secret__in=SecretDestination.objects.filter(Among("integration")).values("reference__secret"),
        )
        .select_related("data_key", "secret")
    )
)
"""Current values of the secrets that an integration and its parents send, with their secrets and data keys."""


class LookedUp(NamedTuple):
    """What was found.

    Attributes:
        actors: for each key that was presented, its actor or the refusal.
        values: current values of the secrets that the integrations send. One that an exchange needs may be missing.
    """

    actors: list[Actor | Refusal]
    integrations: Mapping[UUID, Integration]
    values: list[SecretValue]


def look_up(presented: Sequence[PresentedKey], calls: Iterable[Call]) -> LookedUp:
    """Read what is needed to admit calls, some of which come with API keys."""
    places = {(call.integration_id, call.environment.value) for call in calls}
    keys, integrations, values = ask_together(
        keys_presented(presented), _INTEGRATIONS.among({(id_,) for id_, _ in places}), _SENT.among(places)
    )
    return LookedUp(actors_among(presented, keys), {row.pk: row for row in integrations}, values)
