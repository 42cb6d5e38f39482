"""Authentication of API calls."""

from typing import cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from accounts.access.callers import PresentedKey, actor_of_key, actors_of_keys, bearer_token
from accounts.access.client_addresses import client_address
from accounts.access.requests import CofferRequest
from accounts.actors import Actor
from accounts.common.database import Batches
from accounts.common.request_notes import note
from accounts.common.texts import UNSTORABLE

_BATCHES = Batches(actors_of_keys)


class ApiKeyAuth(HttpBearer):
    """Bearer authentication with an API key: `Authorization: Bearer cof_…`. Cookies are ignored.

    `request.auth` becomes the key's actor.
    """

    def __call__(self, request: HttpRequest) -> Actor | None:
        """Return the actor, or None without a bearer token.

        This replaces ninja's version, which logs the header in development mode.
        """
        token = bearer_token(request.headers.get(self.header, ""))
        return None if token is None else self.authenticate(request, token)

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        """Return the actor of the key.

        Raises:
            Unauthenticated: the key is not valid.
        """
        user_agent = request.headers.get("User-Agent", "")
        return _noted(actor_of_key(token, address=client_address(request), user_agent=user_agent))


class AsyncApiKeyAuth(ApiKeyAuth):
    """The same for asynchronous operations. The keys of concurrent calls are looked up together."""

    async def authenticate(self, request: HttpRequest, token: str) -> Actor:  # type: ignore[override]
        """Return the actor of the key.

        Raises:
            Unauthenticated: the key is not valid.
        """
        return _noted(
            await authenticate(PresentedKey(token, client_address(request), request.headers.get("User-Agent", "")))
        )


async def authenticate(key: PresentedKey) -> Actor:
    """Return the actor of a key. The keys of concurrent calls are looked up together.

    Raises:
        Unauthenticated: the key is not valid.
    """
    return await _BATCHES.ask(key)


def _noted(actor: Actor) -> Actor:
    """Note the organization and the key for the log, and return the actor."""
    note(organization=str(actor.organization.pk), key=str(actor.id))
    return actor


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor that authentication put on the request."""
    return cast("CofferRequest", request).auth


def searchable(text: str) -> str:
    """Return the search text without NUL and lone surrogates, which PostgreSQL refuses."""
    return UNSTORABLE.sub("", text)
