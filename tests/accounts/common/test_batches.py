"""Questions that come together are answered together, each with its own answer."""

import asyncio
import threading

import pytest
from django.db import OperationalError

from accounts.common import database
from accounts.common.database import Batches

pytestmark = pytest.mark.django_db(transaction=True)


async def begun(job, number):
    async with asyncio.timeout(10):
        while len(job.calls) < number:
            await asyncio.sleep(0.001)


class Job:
    """Notes what it was called with; begins only when it may."""

    def __init__(self, answer=lambda question: question * 2):
        self.calls, self._answer = [], answer
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, questions):
        self.calls.append(list(questions))
        assert self.may_go_on.wait(10)
        return [self._answer(question) for question in questions]


async def test_a_single_question_is_asked_at_once():
    job = Job()
    assert await Batches(job).ask(1) == 2
    assert job.calls == [[1]]


async def test_whoever_has_an_answer_may_ask_again_at_once():
    asking = Batches(Job())
    async with asyncio.timeout(20):
        assert [await asking.ask(number) for number in range(50)] == [number * 2 for number in range(50)]


async def test_what_is_asked_meanwhile_is_asked_together_and_never_joins_a_job_that_began(monkeypatch):
    monkeypatch.setattr(database, "MAX_WAIT_SECONDS", 60)
    job = Job()
    asking = Batches(job)
    job.may_go_on.clear()
    first = asking.ask(0)
    await begun(job, 1)
    later = [asking.ask(number) for number in range(10, 15)]
    job.may_go_on.set()
    assert await asyncio.gather(first, *later) == [0, 20, 22, 24, 26, 28]
    assert job.calls == [[0], [10, 11, 12, 13, 14]]


@pytest.mark.parametrize("waits_first", [True, False])
async def test_a_slow_job_holds_nobody_up(monkeypatch, waits_first):
    monkeypatch.setattr(database, "MAX_WAIT_SECONDS", 0.02)
    slow, released = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def answers(questions):
        if questions == ["slow"]:
            loop.call_soon_threadsafe(slow.set)
            assert released.wait(10)
        return questions

    asking = Batches(answers)
    waiting = asking.ask("slow")
    await slow.wait()
    if not waits_first:
        await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        assert await asking.ask("quick") == "quick"
    released.set()
    assert await waiting == "slow"


async def test_an_exception_is_for_the_question_that_it_was_given_for():
    asking = Batches(Job(lambda question: LookupError("not this one") if question == 3 else question))
    answers = await asyncio.gather(*(asking.ask(number) for number in range(5)), return_exceptions=True)
    assert [number for number in answers if isinstance(number, int)] == [0, 1, 2, 4]
    assert isinstance(answers[3], LookupError)


async def test_a_question_that_breaks_the_job_takes_no_other_with_it():
    def answer(question):
        if question == 3:
            raise RuntimeError("broken")
        return question

    job = Job(answer)
    asking = Batches(job)
    answers = await asyncio.gather(*(asking.ask(number) for number in range(5)), return_exceptions=True)
    assert [number for number in answers if isinstance(number, int)] == [0, 1, 2, 4]
    assert isinstance(answers[3], RuntimeError)
    assert job.calls[0] == [0, 1, 2, 3, 4]
    assert job.calls[1:] == [[0], [1], [2], [3], [4]]


@pytest.mark.parametrize("fault", ["too few answers", "the end of the worker"])
async def test_nobody_waits_for_ever_and_what_is_asked_later_is_answered(fault):
    def answer(questions):
        if 0 not in questions:
            return questions
        if fault == "too few answers":
            return []
        raise asyncio.CancelledError

    asking = Batches(answer)
    async with asyncio.timeout(5):
        lost = asking.ask(0)
        await asyncio.sleep(0)  # the worker has taken it and begins
        waiting = asking.ask(1)
        with pytest.raises(asyncio.CancelledError):
            await lost
        assert [await waiting, await asking.ask(2)] == [1, 2]


async def test_everybody_learns_that_there_is_no_connection(monkeypatch):
    def refuse(*_):
        raise OperationalError

    monkeypatch.setattr(database, "_with_connection", refuse)
    asking = Batches(Job())
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(asking.ask(number) for number in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OperationalError] * 3


async def test_one_who_leaves_takes_no_answer_from_the_others(monkeypatch):
    monkeypatch.setattr(database, "MAX_WAIT_SECONDS", 60)
    job = Job()
    asking = Batches(job)
    job.may_go_on.clear()
    asked = [asking.ask(0)]
    await begun(job, 1)
    asked += [asking.ask(number) for number in (1, 2, 3)]
    asked[2].cancel()
    job.may_go_on.set()
    async with asyncio.timeout(5):
        assert [await asked[at] for at in (0, 1, 3)] == [0, 2, 6]


async def test_a_question_is_worked_on_when_nobody_waits_any_more():
    job = Job()
    asking = Batches(job)

    async def impatient():
        await asking.ask(1)

    task = asyncio.create_task(impatient())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asking.ask(2) == 4
    assert job.calls in ([[1], [2]], [[1, 2]])


def test_every_event_loop_has_its_own():
    asking = Batches(Job())

    async def ask():
        return await asking.ask(4)

    assert [asyncio.run(ask()) for _ in range(3)] == [8, 8, 8]


def test_the_connections_of_all_threads_are_closed_while_the_warm_one_is_busy():
    began, may_go_on = threading.Event(), threading.Event()
    names = []

    def busy():
        began.set()
        assert may_go_on.wait(10)

    job = database._pool.submit(busy)
    assert began.wait(10)
    closing = threading.Thread(target=database._pool.in_each, args=[lambda: names.append(threading.get_ident())])
    closing.start()
    closing.join(0.1)
    assert (closing.is_alive(), names) == (True, [])
    may_go_on.set()
    closing.join(10)
    assert (len(set(names)), job.result()) == (database.THREADS, None)


async def test_a_job_alone_gets_the_warm_thread_and_others_get_others():
    alone = {await database.in_database(threading.get_ident) for _ in range(20)}
    assert len(alone) == 1
    together = threading.Barrier(2)
    pair = [database.in_database(lambda: (together.wait(10), threading.get_ident())[1]) for _ in range(2)]
    assert len({*await asyncio.gather(*pair), *alone}) == 2
