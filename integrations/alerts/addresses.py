"""The address of an endpoint: judged as the URL of an integration is, by the same rules of egress."""

from yarl import URL

from integrations.egress.policy import EgressPolicy, admit_url
from integrations.errors import InvalidUrl
from integrations.exchange.messages import QUERY


def admit_address(text: str, policy: EgressPolicy, *, with_query: bool) -> URL:
    """Return the URL to call.

    Args:
        with_query: whether a query may follow, as in the addresses of Slack and Teams, which are kept sealed.

    Raises:
        InvalidUrl, EgressDenied: it may not be called; the message says what to change.
    """
    base, mark, query = text.strip().partition("?")
    url = admit_url(base, policy)
    if not mark:
        return url
    if not with_query:
        raise InvalidUrl("Leave out “?” and what follows: the signature says who sends it.")
    if not QUERY.fullmatch(query):
        raise InvalidUrl("Percent-encode the characters that the query of a URL cannot hold.")
    return URL(f"{url}?{query}", encoded=True)
