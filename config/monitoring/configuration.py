"""The settings of metrics and traces."""

from django.core.exceptions import ImproperlyConfigured

SHORTEST_TOKEN = 24


def metrics_token(text: str) -> str:
    """Return the token that opens `/metrics`; without one there is no such page.

    Raises:
        ImproperlyConfigured: it could be guessed.
    """
    if text and len(text) < SHORTEST_TOKEN:
        raise ImproperlyConfigured(
            f"COFFER_METRICS_TOKEN is short. Use {SHORTEST_TOKEN} random characters or more, such as those of "
            "`openssl rand -hex 24`."
        )
    return text
