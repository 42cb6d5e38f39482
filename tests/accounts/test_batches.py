"""Questions that come together are answered together, each with its own answer."""

import asyncio
import threading

import pytest

from accounts.batches import AT_ONCE, Batches

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_what_is_asked_meanwhile_is_asked_together_and_never_joins_a_job_that_began():
    job = Job()
    batches = Batches(job)
    job.may_go_on.clear()
    first = []
    for number in range(AT_ONCE):
        first.append(batches.ask(number))
        async with asyncio.timeout(10):
            while len(job.calls) <= number:
                await asyncio.sleep(0.001)
    later = [batches.ask(number) for number in range(10, 15)]
    job.may_go_on.set()
    assert await asyncio.gather(*first, *later) == [0, 2, 20, 22, 24, 26, 28]
    assert job.calls == [[0], [1], [10, 11, 12, 13, 14]]


async def test_an_exception_is_for_the_question_that_it_was_given_for():
    batches = Batches(Job(lambda question: LookupError("not this one") if question == 3 else question))
    answers = await asyncio.gather(*(batches.ask(number) for number in range(5)), return_exceptions=True)
    assert [number for number in answers if isinstance(number, int)] == [0, 1, 2, 4]
    assert isinstance(answers[3], LookupError)


async def test_a_question_that_breaks_the_job_takes_no_other_with_it():
    def answer(question):
        if question == 3:
            raise RuntimeError("broken")
        return question

    job = Job(answer)
    batches = Batches(job)
    answers = await asyncio.gather(*(batches.ask(number) for number in range(5)), return_exceptions=True)
    assert [number for number in answers if isinstance(number, int)] == [0, 1, 2, 4]
    assert isinstance(answers[3], RuntimeError)
    assert job.calls[0] == [0, 1, 2, 3, 4]
    assert job.calls[1:] == [[0], [1], [2], [3], [4]]


async def test_a_question_is_worked_on_when_nobody_waits_any_more():
    job = Job()
    batches = Batches(job)

    async def impatient():
        await batches.ask(1)

    task = asyncio.create_task(impatient())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await batches.ask(2) == 4
    assert job.calls in ([[1], [2]], [[1, 2]])


def test_every_event_loop_has_its_own():
    batches = Batches(Job())

    async def ask():
        return await batches.ask(4)

    assert [asyncio.run(ask()) for _ in range(3)] == [8, 8, 8]
