"""What several tests of this folder use."""

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from integrations.broker.checking import check
from integrations.broker.memory import back_off
from tests.peers.calcom import KEY, calcom_server
from tests.support.integrations.calendars import make_calendar
from tests.support.things import store_secret

S, P = Environment.STAGING, Environment.PRODUCTION


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Each test begins without pauses, and with a clock of its own."""
    now = [1000.0]
    monkeypatch.setattr("integrations.broker.channel.BACK_OFF", back_off.BackOff(clock=lambda: now[0]))
    return now


@pytest.fixture
def server():
    with calcom_server() as found:
        yield found


@pytest.fixture
def calendar(owner, server):
    store_secret(owner, "calcom.key", KEY)
    return make_calendar(owner, server.url)


@pytest.fixture
def checked(owner, inline):
    return lambda integration: async_to_sync(check)(owner, integration.id, S)
