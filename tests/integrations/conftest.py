"""Runs without database threads: fast, and inside the test's own transaction."""

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from accounts.common import batches
from integrations.broker import broker, channel, checking
from integrations.broker.preparation import Call
from integrations.rotation import rotation
from integrations.tools import listing


@pytest.fixture
def inline(monkeypatch):
    """Database work of asynchronous code happens in the thread that called `async_to_sync`, the test's own."""

    async def at_once(job, *args, **kwargs):
        return await sync_to_async(job)(*args, **kwargs)

    for module in (batches, checking, rotation, listing, channel):
        monkeypatch.setattr(module, "in_database", at_once)


@pytest.fixture
def run(inline):
    """Runs an integration: `run(actor, integration, environment, operation, params)`."""

    def call(actor, integration, *args, **kwargs):
        return async_to_sync(broker.run)(actor, Call(integration.id, *args, **kwargs))

    return call
