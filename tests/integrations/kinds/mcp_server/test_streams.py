"""A run that is given up leaves no stream behind."""

import asyncio

import pytest
from yarl import URL

from integrations.exchange.exchange import Channel
from integrations.exchange.messages import InvalidUrl, RequestTemplate, UpstreamResponse
from integrations.exchange.redirects import with_target
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


def test_another_target_keeps_origin_and_query():
    found = with_target(URL("https://mcp.example.com:8443/sse?key=a%20b", encoded=True), "/m/x?id=1")
    assert str(found) == "https://mcp.example.com:8443/m/x?id=1&key=a%20b"


@pytest.mark.parametrize("target", ["", "m", "//evil.example/", "/a#b", "/a b", "/a?b=c d", "@evil.example", "/é"])
def test_what_is_no_target(target):
    with pytest.raises(InvalidUrl):
        with_target(URL("https://mcp.example.com/sse"), target)
