"""The addresses at which a connection passes requests through, as its page shows them."""

from urllib.parse import quote

from django.conf import settings

from accounts.common.environments import Environment, in_order
from integrations.kinds import KINDS
from integrations.models import Integration


def addresses_of(integration: Integration) -> list[tuple[Environment, str]]:
    """Return the base URL for SDKs in each environment; none where nothing is passed through.

    A name with `@` could be read as one with an environment, so such a connection is addressed by its id.
    """
    kind = KINDS[integration.kind]
    if not kind.operations(kind.read(integration.config)):
        return []
    name = str(integration.pk) if "@" in integration.name else quote(integration.name, safe="")
    environments = in_order(integration.environments)
    return [(each, f"{settings.SITE_URL}/proxy/{name}@{each.value}") for each in environments]
