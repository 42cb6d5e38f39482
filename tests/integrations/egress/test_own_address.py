"""Coffer never calls itself: an agent could otherwise reach it as somebody on the machine."""

import pytest
from asgiref.sync import async_to_sync
from yarl import URL

from config.asgi import application
from integrations.egress import own_ports
from integrations.egress.policy import EgressPolicy, admit_url, judge_addresses
from integrations.errors import EgressDenied

OPENED = EgressPolicy.parse("127.0.0.1/32", own_hosts=[("coffer.example.com", 443), ("localhost", 8000)])


@pytest.mark.parametrize(
    "url", ["https://coffer.example.com", "https://COFFER.example.com/mcp", "http://localhost:8000/x"]
)
def test_own_name_is_refused_at_save(url):
    with pytest.raises(EgressDenied, match="Coffer itself"):
        admit_url(url, OPENED)


def test_other_names_and_ports_are_not():
    for url in ("https://coffer.example.org", "http://localhost:8001"):
        assert admit_url(url, OPENED) == URL(url)


async def ask(port):
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        pass

    scope = {"type": "http", "method": "GET", "path": "/api/v1/x", "query_string": b"", "headers": [], "scheme": "http"}
    await application({**scope, "server": ("127.0.0.1", port), "client": ("127.0.0.1", 5)}, receive, send)


def test_port_on_which_requests_arrive_is_refused_under_every_name():
    judge_addresses(URL("http://other.test:8123"), ["127.0.0.1"], OPENED)
    async_to_sync(ask)(8123)
    for host in ("other.test", "127.0.0.1"):
        with pytest.raises(EgressDenied, match="Coffer itself"):
            judge_addresses(URL(f"http://{host}:8123"), ["127.0.0.1"], OPENED)
    judge_addresses(URL("http://other.test:8124"), ["127.0.0.1"], OPENED)


def test_same_port_of_another_machine_is_not_coffers(monkeypatch):
    monkeypatch.setattr(own_ports, "SERVED", {443})
    judge_addresses(URL("https://api.example.com"), ["8.8.4.4"], OPENED)
