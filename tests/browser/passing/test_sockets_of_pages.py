"""WebSockets that pages in Chromium open: with the key as a sub-protocol from anywhere, and with nothing else."""

import pytest

from integrations.models import Run
from tests.peers.models.said import HARMLESS
from tests.peers.models.server import models
from tests.peers.upstreams import answering, http
from tests.support.api.processes import serving
from tests.support.api.sockets import voice

pytestmark = [pytest.mark.browser, pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

ASK = """([address, protocols]) => new Promise((resolve) => {
  const told = { text: "", protocol: null };
  const socket = new WebSocket(address, protocols);
  socket.onopen = () => { told.protocol = socket.protocol; socket.send(JSON.stringify({ type: "response.create" })); };
  socket.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.type === "response.output_text.delta") told.text += event.delta;
    if (event.type === "response.done") socket.close(4000, "enough");
  };
  socket.onclose = (event) => resolve({ ...told, code: event.code });
})"""


@pytest.fixture
def foreign(context):
    """A page of another site, whose browser keeps a session of Coffer."""
    respond = http(b"<!doctype html><title>Elsewhere</title>", headers=("Content-Type: text/html",))
    with answering(lambda request, connection: connection.sendall(respond)) as url:
        page = context.new_page()
        page.goto(url)
        yield page


def test_a_page_of_another_site_needs_the_key(owner, foreign, context, tmp_path):
    with models() as (url, said), voice(owner, url) as (_, key), serving(tmp_path) as (address, log):
        context.add_cookies([{"name": "session", "value": "a" * 43, "url": address}])
        socket = f"{address.replace('http', 'ws')}/proxy/Voice/v1/realtime"

        def ask(*protocols):
            return foreign.evaluate(ASK, [socket, list(protocols)])

        answered = ask("realtime", f"openai-insecure-api-key.{key}")
        assert answered == {"text": HARMLESS, "protocol": "realtime", "code": 4000}
        assert ask("token", key)["protocol"] == "token"
        refused = {"text": "", "protocol": None, "code": 1006}
        assert ask() == ask("realtime") == ask("realtime", f"openai-insecure-api-key.{key[:-4]}0000") == refused
        assert "Cookie" not in str(said.asked) and key not in log()
    assert list(Run.objects.values_list("outcome", flat=True)) == ["succeeded", "succeeded"]
