"""The settings of metrics and traces."""

from urllib.parse import urlsplit

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


def traces_address(text: str) -> str:
    """Return the address of the collector of traces; without one there are none.

    Raises:
        ImproperlyConfigured: it is no address.
    """
    if text and (urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).hostname):
        raise ImproperlyConfigured(
            "COFFER_TRACES is no address. Set it to that of your collector, such as http://127.0.0.1:4318/v1/traces."
        )
    return text
