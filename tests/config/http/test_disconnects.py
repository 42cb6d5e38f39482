"""The work on a request is cancelled when its client disconnects, and only then."""

import asyncio

import pytest

from config.http.requests import WhileConnected


class Connection:
    """Receives as uvicorn does: an event tells that the client has left, or that the response is complete."""

    def __init__(self):
        self.ended = asyncio.Event()

    async def receive(self):
        await self.ended.wait()
        return {"type": "http.disconnect"}


async def watched(connection, work, log):
    """Work on a request; the log says how it ends, and what goes wrong on the event loop."""
    asyncio.get_running_loop().set_exception_handler(lambda _, context: log.append(context["message"]))
    with WhileConnected(connection.receive):
        try:
            await work()
            log.append("done")
        except asyncio.CancelledError:
            log.append("cancelled")
            raise
    await asyncio.sleep(0.01)
    log.append(f"{asyncio.current_task().cancelling()} cancellations left")


async def test_client_who_leaves_cancels_the_work():
    connection, log = Connection(), []
    task = asyncio.create_task(watched(connection, asyncio.Event().wait, log))
    await asyncio.sleep(0.01)
    connection.ended.set()
    await task
    assert log == ["cancelled", "0 cancellations left"]


async def test_client_who_has_left_before_cancels_it_too():
    connection, log = Connection(), []
    connection.ended.set()
    await watched(connection, asyncio.Event().wait, log)
    assert log == ["cancelled", "0 cancellations left"]


async def test_complete_response_cancels_nothing():
    connection, log = Connection(), []

    async def respond():
        await asyncio.sleep(0)
        connection.ended.set()

    await watched(connection, respond, log)
    assert log == ["done", "0 cancellations left"]


async def test_cancellation_by_somebody_else_goes_on():
    log = []
    task = asyncio.create_task(watched(Connection(), asyncio.Event().wait, log))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["cancelled"]
