"""A run that is given up leaves no stream behind."""

import asyncio

import pytest

from integrations.exchange.channels import Channel
from integrations.exchange.messages import RequestTemplate, UpstreamResponse
from integrations.kinds.mcp_server.exchanges import ListTools
from integrations.templating.placeholders import parse


class Endless(Channel):
    """A server of the oldest transport that takes a request and never answers it; `left` counts streams that ended."""

    def __init__(self):
        self.listening, self.left = 0, 0

    def recall(self, place):
        return "HTTP+SSE"

    def hide(self, given):
        pass

    async def http(self, request, *, on_piece=None):
        if request.method == "POST":
            return UpstreamResponse(202, b"", (), b"", True)
        self.listening += 1
        try:
            await on_piece(b"event: endpoint\ndata: /messages\n\n")
            await asyncio.sleep(60)
        finally:
            self.left += 1


async def test_a_cancelled_run_leaves_its_stream():
    channel = Endless()
    talk = ListTools(RequestTemplate("POST", "https://mcp.example.com/sse", parse("")))
    run = asyncio.ensure_future(talk.perform(channel, secrets={}, params={}))
    while not channel.listening:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (channel.listening, channel.left) == (1, 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
