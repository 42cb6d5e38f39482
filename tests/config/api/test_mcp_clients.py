"""The name of an MCP client is read from either revision, and anything else is no name; it stands with the key."""

import pytest

from accounts.access import last_use
from accounts.common.environments import Environment
from accounts.models import ApiKey
from accounts.policy import Scope
from config.api.mcp_clients import CLIENT_INFO, client_name
from tests.support.api.agents import ERAS, speak
from tests.support.things import key_for

CLAUDE = {"name": "claude-code", "version": "2.1.197"}


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"clientInfo": CLAUDE}, "claude-code 2.1.197"),
        ({"_meta": {CLIENT_INFO: CLAUDE}}, "claude-code 2.1.197"),
        ({"clientInfo": {"name": "x"}}, "x"),
        ({"clientInfo": {"name": ["x"], "version": 1}}, ""),
        ({"clientInfo": "x"}, ""),
        ({"_meta": "x"}, ""),
        ({}, ""),
    ],
)
def test_name_and_version(params, name):
    assert client_name(params) == name


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("era", ERAS)
def test_name_of_a_client_stands_with_its_key(owner, monkeypatch, era):
    monkeypatch.setattr(last_use, "_noted", {})

    async def exchange(session):
        return (await session.list_tools()).tools

    speak(key_for(owner, Scope.RUN, environments=[Environment.STAGING]), exchange, era=era)
    assert ApiKey.objects.get().last_client == "mcp 0.1.0"
