"""Calls of one Coffer with one API key, repeated where that is safe."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx2

from coffer.errors import CofferError, Unreachable
from coffer.exchange import (
    EVENTS,
    Request,
    answer_of,
    checked_address,
    event_of,
    headers_of,
    is_id,
    pause_before_repeating,
    segment,
    unreachable,
)


class AsyncConnection:
    """What the client and its parts send calls with."""

    def __init__(
        self,
        address: str,
        api_key: str,
        *,
        timeout: float = 120,
        attempts: int = 3,
        insecure: bool = False,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.address = checked_address(address, insecure=insecure)
        self._attempts = attempts
        self._http = httpx2.AsyncClient(
            base_url=self.address, headers=headers_of(api_key), timeout=timeout, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, request: Request) -> Any:
        """Make a call and return its answer: parsed JSON, a text, or None.

        Raises:
            ApiError: Coffer refused the call, or it failed.
            Unreachable: Coffer did not answer.
        """
        arguments = request.arguments()
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._answer(arguments)
            except CofferError as error:
                pause = pause_before_repeating(error, request, attempt)
                if pause is None or attempt == self._attempts:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("The last attempt returns or raises.")

    async def _answer(self, arguments: dict[str, Any]) -> Any:
        try:
            response = await self._http.send(self._http.build_request(**arguments))
        except httpx2.TransportError as fault:
            raise unreachable(self.address, fault) from fault
        return answer_of(response)

    @asynccontextmanager
    async def events(self, request: Request) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """Make a call and return the events of its answer, by name, as they arrive. It is not repeated.

        Raises:
            ApiError: Coffer refused the call, or it failed.
            Unreachable: Coffer did not answer, or the answer was cut off.
        """
        try:
            async with self._http.stream(**request.arguments()) as response:
                if not response.headers.get("Content-Type", "").startswith(EVENTS):
                    await response.aread()
                    answer_of(response)
                    raise Unreachable("What answered does not stream. Check the version of Coffer.")
                yield _events(response.aiter_lines())
        except httpx2.TransportError as fault:
            raise unreachable(self.address, fault) from fault

    async def pages(self, path: str, query: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Return the items of a list, page by page."""
        cursor = None
        while True:
            page = await self.send(Request("GET", path, {**query, "limit": 200, "cursor": cursor}))
            for item in page["items"]:
                yield item
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def id_of(self, kind: str, name_or_id: str | UUID) -> str:
        """Return the id of a secret or an integration. A name costs a call.

        Args:
            kind: `secrets` or `integrations`.
        """
        text = str(name_or_id)
        if is_id(text):
            return text
        found = await self.send(Request("GET", f"/{kind}/by-name/{segment(text)}"))
        return str(found["id"])


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, Any]]:
    """Yield the events of an answer. What comes after the last blank line is not whole."""
    event: list[str] = []
    async for line in lines:
        if line:
            event.append(line)
        elif event:
            yield event_of(event)
            event = []
