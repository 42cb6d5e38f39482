"""What admission looks up of all its calls in one round trip, beside their API keys."""

from accounts.common.sql.compiled import Among, CompiledQuery
from integrations.models import Integration, SecretDestination
from secrets_app.models import SecretValue

INTEGRATIONS = CompiledQuery(lambda: Integration.objects.with_links().with_mask_stamp().filter(Among("pk")))
"""Integrations with their parents, by id."""

SENT_VALUES = CompiledQuery(
    lambda: (
        SecretValue.objects.current()
        .filter(
            Among("environment", first=1),
            secret__in=SecretDestination.objects.filter(Among("integration")).values("reference__secret"),
        )
        .select_related("data_key", "secret")
    )
)
"""Current values of the secrets that an integration and its parents send, with their secrets and data keys: by the id
of the integration and the environment. An exchange may need others as well, such as those that it signs with."""
