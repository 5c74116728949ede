"""Writes one batch at a time, beside the reading, and tries again while the destination is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from kafka_consumer.destination import Batch, Destination, Written
from kafka_consumer.patience import Patience


@dataclass(frozen=True)
class Outcome:
    """A batch that was written, what became of it, and how long that took."""

    batch: Batch
    written: Written
    seconds: float


class Writer:
    """A thread that writes; `check` is called before each attempt and may refuse the batch."""

    def __init__(self, destination: Destination, check: Callable[[Batch], None], patience: Patience) -> None:
        self._destination = destination
        self._check = check
        self._patience = patience
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._under_way: Future[Outcome] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a batch was handed over whose outcome was not taken yet."""
        return self._under_way is not None

    def start(self, batch: Batch) -> None:
        """Begin to write a batch; the one before must have been taken."""
        self._under_way = self._pool.submit(self._write, batch)

    def wait(self, timeout_s: float) -> bool:
        """Whether the batch under way is written, or has failed, within this time."""
        return self._under_way is None or not wait([self._under_way], timeout_s).not_done

    def take_done(self) -> Outcome | None:
        """The outcome of the batch under way if it is written, or its error."""
        return self.take() if self._under_way and self._under_way.done() else None

    def take(self) -> Outcome | None:
        """The outcome of the batch under way, once it is written, or its error; None without a batch."""
        if self._under_way is None:
            return None
        try:
            return self._under_way.result()
        finally:
            self._under_way = None

    def close(self) -> None:
        """End the thread; a batch under way is finished first."""
        self._pool.shutdown()

    def _write(self, batch: Batch) -> Outcome:
        began_s = time.monotonic()
        written = self._patience.retrying()(self._attempt, batch)
        return Outcome(batch, written, time.monotonic() - began_s)

    def _attempt(self, batch: Batch) -> Written:
        self._check(batch)
        return self._destination.write(batch)
