"""Searching a large answer takes its time; other runs go on meanwhile, and each organization has its share."""

import asyncio
import threading
from uuid import uuid4

import pytest

from integrations.broker.mask_sets import LARGE_BYTES, LARGE_WORKERS, SMALL_BYTES, Workers


@pytest.mark.parametrize(("size", "inline"), [(0, True), (SMALL_BYTES, True), (SMALL_BYTES + 1, False), (2**20, False)])
async def test_only_a_small_answer_is_searched_on_the_event_loop(size, inline):
    thread = await Workers().run(uuid4(), size, threading.current_thread)
    assert (thread is threading.current_thread()) is inline


async def test_another_run_goes_on_while_a_large_answer_is_searched():
    other_went_on = threading.Event()

    async def another_run():
        other_went_on.set()

    waited = Workers().run(uuid4(), 2**20, lambda: other_went_on.wait(timeout=5))
    assert (await asyncio.gather(waited, another_run()))[0] is True


class Gauge:
    """How many jobs of each organization, and in all, run at the same time."""

    def __init__(self) -> None:
        self.lock, self.running, self.most, self.most_of_one = threading.Lock(), [], 0, 0

    def job(self, organization):
        with self.lock:
            self.running.append(organization)
            self.most = max(self.most, len(self.running))
            self.most_of_one = max(self.most_of_one, self.running.count(organization))
        threading.Event().wait(0.005)
        with self.lock:
            self.running.remove(organization)


@pytest.mark.parametrize("size", [SMALL_BYTES + 1, LARGE_BYTES + 1])
async def test_one_answer_of_an_organization_is_searched_at_a_time(size):
    gauge, workers, organizations = Gauge(), Workers(), [uuid4(), uuid4(), uuid4()]
    jobs = [
        workers.run(organization, size, lambda organization=organization: gauge.job(organization))
        for organization in organizations
        for _ in range(10)
    ]
    await asyncio.gather(*jobs)
    assert (gauge.most_of_one, gauge.running, workers._turns) == (1, [], {})
    assert gauge.most <= LARGE_WORKERS


async def test_a_medium_answer_does_not_wait_for_large_ones():
    workers, medium_is_done = Workers(), threading.Event()
    large = [
        asyncio.ensure_future(workers.run(uuid4(), 2**20, lambda: medium_is_done.wait(timeout=5)))
        for _ in range(2 * LARGE_WORKERS)
    ]
    await workers.run(uuid4(), SMALL_BYTES + 1, medium_is_done.set)
    assert await asyncio.gather(*large) == [True] * len(large)
