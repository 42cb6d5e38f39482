"""How an API call proves who it is, and what every operation needs to know about it."""

from typing import cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from accounts.access.api_keys import PresentedKey, actor_of_key, actors_of_keys
from accounts.access.client_addresses import client_address
from accounts.access.requests import CofferRequest
from accounts.actors import Actor
from accounts.common.batches import Batches
from accounts.common.texts import UNSTORABLE

_BATCHES = Batches(actors_of_keys)


class ApiKeyAuth(HttpBearer):
    """`Authorization: Bearer cof_…`; cookies count for nothing. `request.auth` becomes the key's actor."""

    def __call__(self, request: HttpRequest) -> Actor | None:
        """The actor, or None without a bearer token. Ninja's own version logs the header in development mode."""
        token = token_of(request.headers.get(self.header, ""))
        return None if token is None else self.authenticate(request, token)

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        """The actor of the key; raises `Unauthenticated`."""
        return actor_of_key(token, address=client_address(request))


class AsyncApiKeyAuth(ApiKeyAuth):
    """The same for asynchronous operations: keys of calls that come together are looked up together."""

    async def authenticate(self, request: HttpRequest, token: str) -> Actor:  # type: ignore[override]
        """The actor of the key; raises `Unauthenticated`."""
        return await _BATCHES.ask(PresentedKey(token, client_address(request)))


def token_of(header: str) -> str | None:
    """The token of an `Authorization` header; None where it holds something else."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def actor_of(request: HttpRequest) -> Actor:
    """The actor that authentication left on the request."""
    return cast("CofferRequest", request).auth


def searchable(text: str) -> str:
    """Search text without NUL and lone surrogates, which PostgreSQL refuses."""
    return UNSTORABLE.sub("", text)
