"""Database work of many asynchronous callers at once, done together.

While one job is under way, what is asked meanwhile waits, and the next job takes all of it: one query, one commit for
many calls under load, and no delay for a single one. What a job reads is read after its questions were asked, so an
answer is as fresh as one of a job of its own: nothing is cached.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from accounts.common.database import in_database

MAX_WAIT_SECONDS = 0.1
"""A job that takes longer, say because it waits for a lock, holds nobody up: what waits gets a job of its own."""
MAX_WORKERS = 4
MAX_BATCH = 64
"""Questions of one job. Where as many wait, they get a job of their own at once."""

Q = TypeVar("Q")
A = TypeVar("A")


class Batches(Generic[Q, A]):
    """Questions answered by one function, as many in one call as wait for it."""

    def __init__(self, job: Callable[[Sequence[Q]], Sequence[A | Exception]]) -> None:
        """`job` gives an answer, or an exception to raise, for each question in the same order.

        It may be called again with a single question after it failed with many: what it writes, it writes in one
        transaction.
        """
        self._job = job
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue[Q, A]] = WeakKeyDictionary()

    def ask(self, question: Q) -> "asyncio.Future[A]":
        """The answer to one question, to be awaited; that raises what the job gave or raised for it.

        A question that was asked is worked on also when nobody waits for the answer any more.
        """
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop) or self._queues.setdefault(loop, _Queue())
        future: asyncio.Future[A] = loop.create_future()
        queue.waiting.append((question, future))
        is_full = len(queue.waiting) >= MAX_BATCH * queue.working
        if is_full or loop.time() > queue.began + MAX_WAIT_SECONDS:
            self._start(queue)
        return future

    def _start(self, queue: "_Queue[Q, A]") -> None:
        if queue.waiting and queue.working < MAX_WORKERS:
            queue.working += 1
            worker = asyncio.create_task(self._work(queue))
            queue.workers.add(worker)  # the loop itself would forget it
            worker.add_done_callback(queue.workers.discard)

    async def _work(self, queue: "_Queue[Q, A]") -> None:
        try:
            await self._answer_all(queue)
        finally:
            queue.working -= 1  # at once: who has an answer may ask again before this task counts as done
            self._start(queue)  # where something waits although this worker has ended

    async def _answer_all(self, queue: "_Queue[Q, A]") -> None:
        loop = asyncio.get_running_loop()
        while queue.waiting:
            batch, queue.waiting = queue.waiting[:MAX_BATCH], queue.waiting[MAX_BATCH:]
            queue.began = loop.time()
            helper = loop.call_later(MAX_WAIT_SECONDS, self._start, queue)
            try:
                answers = await self._answers([question for question, _ in batch])
                for (_, future), answer in zip(batch, answers, strict=True):
                    if future.done():
                        continue
                    if isinstance(answer, BaseException):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
            finally:
                helper.cancel()
                for _, future in batch:
                    future.cancel()  # whatever ends this worker: nobody waits for ever

    async def _answers(self, questions: list[Q]) -> Sequence[A | BaseException]:
        """One that makes the job fail must not take the others with it: then each is asked by itself."""
        try:
            return await in_database(self._job, questions)
        except Exception as fault:
            if len(questions) == 1:
                return [fault]
        return [answer for question in questions for answer in await self._answers([question])]


class _Queue(Generic[Q, A]):
    """What waits in one event loop, and who works on it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self.workers: set[asyncio.Task[None]] = set()
        self.working = 0
        self.began = 0.0
