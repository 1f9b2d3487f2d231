"""Requests that wait together are answered together: one thread computes, nobody waits for company."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gateway.predictor import Predictor, Question
from shared.contracts import Prediction
from shared.errors import BusyError, InputError

Answer = Prediction | InputError

TOGETHER = 32  # questions in one call: so long may the next one wait


class Batcher:
    """Runs a predictor for concurrent requests; ``predictor`` may be replaced by another at any time.

    Parameters
    ----------
    waiting_max
        Questions that may wait; beyond it BusyError says so at once.
    """

    def __init__(self, predictor: Predictor, waiting_max: int) -> None:
        self.predictor, self._waiting_max = predictor, waiting_max
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._thread = ThreadPoolExecutor(1, "predictor")
        self._runner: asyncio.Task[None] | None = None

    async def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer in order; an InputError where a question has no answer.

        Raises
        ------
        BusyError
            Too many wait already.
        """
        if len(self._waiting) + len(questions) > self._waiting_max:
            raise BusyError(f"{len(self._waiting)} questions wait, at most {self._waiting_max} may")
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Answer]] = [loop.create_future() for _ in questions]
        self._waiting += zip(questions, futures, strict=True)
        if self._runner is None or self._runner.done():
            self._runner = loop.create_task(self._run())
        return await asyncio.gather(*futures)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                answers = await loop.run_in_executor(
                    self._thread, self.predictor.answer, [question for question, _ in batch]
                )
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who asked
                _settle(batch, [error] * len(batch))
            else:
                _settle(batch, answers)

    @property
    def waiting(self) -> int:
        """Questions that wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _settle(batch: Sequence[tuple[Question, asyncio.Future[Answer]]], outcomes: Sequence[Answer | Exception]) -> None:
    for (_, future), outcome in zip(batch, outcomes, strict=True):
        if future.done():  # whoever asked has gone
            continue
        if isinstance(outcome, Exception) and not isinstance(outcome, InputError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
