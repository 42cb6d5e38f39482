"""Look-ups of names: shared by those who want the same, and never so many of one asker that others wait."""

import asyncio
import socket
import threading
from uuid import uuid4

import pytest

from integrations.broker.channel import RunChannel
from integrations.egress.lookups import Lookups


class Resolver:
    """In the place of the system's: names below `.slow.test` wait until they may go on."""

    def __init__(self):
        self.asked, self.may_go_on = [], threading.Event()

    def __call__(self, host, port, **_):
        self.asked.append(host)
        if host.endswith(".slow.test"):
            assert self.may_go_on.wait(10)
        if host == "unknown.test":
            raise socket.gaierror(-2, "Name or service not known")
        return [(2, 1, 6, "", ("192.0.2.1", port)), (2, 1, 6, "", ("192.0.2.1", port)), (2, 1, 6, "", ("::1", port))]


@pytest.fixture
def resolver(monkeypatch):
    made = Resolver()
    monkeypatch.setattr("socket.getaddrinfo", made)
    yield made
    made.may_go_on.set()


async def test_every_address_is_given_once(resolver):
    assert await Lookups(1).addresses("a", "api.test", 443) == ["192.0.2.1", "::1"]


async def test_a_name_that_does_not_exist_is_told_to_all_who_asked(resolver):
    lookups = Lookups(1)
    found = await asyncio.gather(*(lookups.addresses("a", "unknown.test", 1) for _ in range(3)), return_exceptions=True)
    assert {type(failure) for failure in found} == {socket.gaierror}


async def test_those_who_want_the_same_at_once_share_a_lookup_and_nobody_later_does(resolver):
    lookups = Lookups(4)
    asking = [asyncio.create_task(lookups.addresses("a", "one.slow.test", 1)) for _ in range(5)]
    await asyncio.sleep(0.01)
    resolver.may_go_on.set()
    await asyncio.gather(*asking)
    assert resolver.asked == ["one.slow.test"]
    await lookups.addresses("a", "one.slow.test", 1)
    assert resolver.asked == ["one.slow.test"] * 2


async def test_two_askers_share_none(resolver):
    lookups = Lookups(4)
    asking = [asyncio.create_task(lookups.addresses(asker, "one.slow.test", 1)) for asker in "ab"]
    await asyncio.sleep(0.01)
    resolver.may_go_on.set()
    await asyncio.gather(*asking)
    assert resolver.asked == ["one.slow.test"] * 2


async def test_slow_names_of_one_asker_hold_up_nobody_else(resolver):
    lookups = Lookups(threads=3, most_each=2)

    async def impatient(number):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await lookups.addresses("hostile", f"{number}.slow.test", 1)

    await asyncio.gather(*(impatient(number) for number in range(20)))
    async with asyncio.timeout(2):
        assert await lookups.addresses("other", "api.test", 1)
    assert len(resolver.asked) == 3
    resolver.may_go_on.set()
    async with asyncio.timeout(2):
        assert await lookups.addresses("hostile", "api.test", 1)
    lookups._pool.shutdown(wait=True)
    assert (lookups._in_progress, lookups._counts) == ({}, {})


async def test_a_caller_who_leaves_takes_nobody_along(resolver):
    lookups = Lookups(1)
    first, second = (asyncio.create_task(lookups.addresses("a", "one.slow.test", 1)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    resolver.may_go_on.set()
    assert await second == ["192.0.2.1", "::1"]
    assert first.cancelled()


def test_a_run_looks_up_for_its_organization():
    organization = uuid4()
    channel = RunChannel(organization, uuid4(), "staging", {}, {}, check_not_stopped=None)
    assert channel.lookup.args == (organization,)
