"""The stand-in as a server on loopback, in a thread of its own. Without its credential it answers 401."""

import asyncio
import base64
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.peers.models import anthropic_answers, openai_answers, realtime
from tests.peers.models.said import CREDENTIAL, Said

BROKEN = "broken"
"""The model that every call is refused for."""


class Models:
    """The handlers of one stand-in, and what it says and was asked."""

    def __init__(self, said: Said) -> None:
        self.said = said

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._only_with_the_credential], client_max_size=256 * 1024 * 1024)
        routes = {
            "/v1/chat/completions": self._chat,
            "/v1/responses": self._responses,
            "/v1/files": self._files,
            "/v1/audio/speech": self._speech,
            "/v1/audio/transcriptions": self._transcription,
            "/v1/messages": self._messages,
        }
        for path, handler in routes.items():
            application.router.add_post(path, handler)
        application.router.add_get("/v1/realtime", self._realtime)
        return application

    @web.middleware
    async def _only_with_the_credential(self, request: web.Request, handler: Any) -> web.StreamResponse:
        given = {request.headers.get("Authorization", ""), request.headers.get("X-Api-Key", "")}
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        arrived = given & {f"Bearer {CREDENTIAL}", CREDENTIAL} or f"openai-insecure-api-key.{CREDENTIAL}" in offered
        if not arrived:
            return self._failed(request, 401)
        return await handler(request)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._asked_for(request, openai_answers.completion, openai_answers.chunks)

    async def _responses(self, request: web.Request) -> web.StreamResponse:
        return await self._asked_for(request, openai_answers.completion, openai_answers.response_events)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        return await self._asked_for(request, anthropic_answers.message, anthropic_answers.events)

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        self.said.asked.append(("GET", request.path_qs, dict(request.headers)))
        return await realtime.speak(request, self.said)

    async def _asked_for(
        self, request: web.Request, whole: Callable[[Said], Any], parts: Callable[[Said], Iterator[str]]
    ) -> web.StreamResponse:
        body = await request.json()
        self.said.asked.append((request.method, request.path, body))
        if body["model"] == BROKEN:
            return self._failed(request, 400)
        if body.get("stream"):
            return await self._streamed(request, "text/event-stream", (part.encode() for part in parts(self.said)))
        return web.json_response(whole(self.said), headers=self.said.headers)

    async def _streamed(self, request: web.Request, media_type: str, parts: Iterator[bytes]) -> web.StreamResponse:
        """Send pieces as they come; one that echoes ends with a trailer."""
        response = web.StreamResponse(headers={"Content-Type": media_type, **self.said.headers})
        response.enable_chunked_encoding()
        await response.prepare(request)
        *most, last = parts
        for part in most:
            await response.write(part)
            await asyncio.sleep(0.0005)
        if self.said.echoes and request.transport:
            await response.write(last)
            request.transport.write(f"0\r\nX-Checked: {CREDENTIAL}\r\n\r\n".encode())
            request.transport.close()
        else:
            await response.write_eof(last)  # together, because some SDKs leave at the last event
        return response

    async def _files(self, request: web.Request) -> web.StreamResponse:
        fields = await self._form(request)
        told = {"id": "file-7", "object": "file", "created_at": 1_790_000_000, "status": "processed"}
        named = self.said.text if self.said.echoes else fields["file"][0]
        return web.json_response(
            {**told, "bytes": len(fields["file"][1]), "filename": named, "purpose": fields["purpose"]},
            headers=self.said.headers,
        )

    async def _transcription(self, request: web.Request) -> web.StreamResponse:
        fields = await self._form(request)
        heard = base64.b64encode(fields["file"][1][:6]).decode()
        return web.json_response({"text": f"{self.said.text} ({heard})"}, headers=self.said.headers)

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        self.said.asked.append((request.method, request.path, await request.json()))
        audio = self.said.audio
        pieces = (audio[start : start + 1000] for start in range(0, len(audio), 1000))
        return await self._streamed(request, "audio/mpeg", pieces)

    async def _form(self, request: web.Request) -> dict[str, Any]:
        """The fields of a form; of a file its name and content."""
        fields: dict[str, Any] = {}
        async for part in await request.multipart():
            content = await part.read()
            fields[part.name] = (part.filename, bytes(content)) if part.filename else content.decode()
        self.said.asked.append((request.method, request.path, fields))
        return fields

    def _failed(self, request: web.Request, status: int) -> web.Response:
        answers = anthropic_answers if request.path == "/v1/messages" else openai_answers
        failure = answers.failure(self.said, status)
        return web.json_response(failure, status=status, reason=self.said.reason, headers=self.said.headers)


@contextmanager
def models(*, echoes: bool = False, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, Said]]:
    """A stand-in until the block ends: its address, and what it says and was asked."""
    said, loop, ready = Said(echoes=echoes), asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        runner = web.AppRunner(Models(said).application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        ports.append(runner.addresses[0][1])
        ready.set()
        await stopped.wait()
        await runner.cleanup()

    stopped = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield f"https://localhost:{ports[0]}" if tls else f"http://127.0.0.1:{ports[0]}", said
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        loop.close()
