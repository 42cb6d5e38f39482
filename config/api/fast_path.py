"""The fast path: `POST /integrations/{id}/run` without Django and ninja (docs/decisions/0012-the-fast-path.md).

Only a well-formed call is handled here, and only if it is not refused; every other call goes to the framework, which
says what is wrong. Both give the same responses (`tests/config/api/test_fast_path.py`).
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls.converters import UUIDConverter
from pydantic import ValidationError

from accounts.access.callers import PresentedKey, bearer_token
from accounts.access.client_addresses import peer_address
from accounts.api.parsing import read_json
from accounts.errors import InvalidJson
from config.http.errors import API_PREFIX
from integrations.api.schemas import RunIn
from integrations.broker import broker
from integrations.broker.preparation import Call

JSON = "application/json; charset=utf-8"
_ADDRESS = re.compile(rf"{API_PREFIX}v1/integrations/({UUIDConverter.regex})/run")


@dataclass(frozen=True, slots=True)
class FastPathCall:
    """A well-formed call: the API key that came with it, and the run that it asks for."""

    key: PresentedKey
    call: Call

    async def answer(self) -> bytes:
        """Make the run and return the body of the response.

        Raises:
            Refusal: the run was refused.
        """
        return json.dumps((await broker.run(self.key, self.call)).as_json()).encode()


def fast_path_call(scope: dict[str, Any], body: bytes) -> FastPathCall | None:
    """Parse a request. Returns None if the framework has to handle it."""
    address = _ADDRESS.fullmatch(scope["path"]) if scope["method"] == "POST" else None
    if not address or scope.get("query_string") or scope.get("root_path"):
        return None
    keys = [value for name, value in scope["headers"] if name == b"authorization"]
    token = bearer_token(keys[0].decode("latin-1")) if len(keys) == 1 else None
    if token is None:
        return None
    try:
        payload = RunIn.model_validate(read_json(body))
    except (InvalidJson, ValidationError):
        return None
    call = Call(UUID(address[1]), payload.environment, payload.operation, payload.params)
    return FastPathCall(PresentedKey(token, peer_address((scope.get("client") or [""])[0])), call)
