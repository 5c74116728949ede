"""How a running job is asked to stop, and how a query does it: between two batches, never inside one."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from threading import Event, Thread

from spark_streaming.query import RunningQuery, find_failure

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_POLL_S = 0.2


def listen_for_signals(stop: Event) -> None:
    """From now on the first SIGINT or SIGTERM sets `stop`; a second one ends the process at once, which loses nothing."""

    def ask(_number: int, _frame: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        # The handler may have interrupted the main thread inside `stop.wait`, which holds the event's lock.
        Thread(target=stop.set).start()

    for number in _SIGNALS:
        signal.signal(number, ask)


def wait_for_queries(queries: Sequence[RunningQuery], stop: Event) -> None:
    """Return when every query has ended, or raise the first failure.

    Once `stop` is set, a query that is in the middle of a batch finishes it; its runner refuses the next one.
    """
    while any(query.stream.isActive for query in queries):
        for query in queries:
            if failure := find_failure(query):
                raise failure
        if stop.wait(_POLL_S):
            for query in queries:
                # A batch that begins after this look is refused before it does anything, so that none is cut off.
                if query.stream.isActive and not query.stream.status["isTriggerActive"]:
                    query.stream.stop()
    for query in queries:
        if failure := find_failure(query):
            raise failure
