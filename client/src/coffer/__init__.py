"""Client library of Coffer. Values of secrets go in and never come out; only authenticated calls do.

    with coffer.Client("https://coffer.example.com", api_key) as client:
        answer = client.integrations.run("Look up patient", environment="production", params={"phone": "+15551234"})

`AsyncClient` has the same methods, to be awaited.
"""

from coffer.asynchronous import AsyncClient
from coffer.errors import (
    ApiError,
    ApprovalNeeded,
    CofferError,
    Conflict,
    Invalid,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from coffer.synchronous import Client

__all__ = [
    "ApiError",
    "ApprovalNeeded",
    "AsyncClient",
    "Client",
    "CofferError",
    "Conflict",
    "Invalid",
    "NotFound",
    "PermissionDenied",
    "RateLimited",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
]
