"""The replay of one source: rows in, committed messages out, at the wanted pace, until the end or a stop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from kafka_producer.message_encoder import MessageEncoder
from kafka_producer.outbox import Outbox
from kafka_producer.pacing import Pace
from kafka_producer.row import SourceItem
from pipeline_contract.errors import ConfigurationError

# Rows that are due this soon are waited for inside the open transaction; before a longer wait it is committed.
PATIENCE_S = 0.05
# A wait is cut into pieces of this length, between which a stop is noticed and the report goes on.
TICK_S = 0.2


@dataclass(frozen=True)
class Standing:
    """Where a replay stands: rows handed over, rows rejected, and how far behind its schedule it is."""

    rows: int
    rejected: int
    bytes_sent: int
    next_byte: int
    lag_s: float


class Watcher(Protocol):
    """Is shown where the replay stands, often."""

    def show(self, standing: Standing) -> None:
        """Take note; must be quick."""


def replay_rows(
    rows: Iterator[list[SourceItem]],
    encoder: MessageEncoder,
    outbox: Outbox,
    pace: Pace,
    limit: int | None,
    stop: Event,
    watcher: Watcher,
) -> None:
    """Send rows as they become due; `outbox.record` says at any time what is committed, and at the end whether it ended.

    A stop or the limit commits what was handed over and leaves the rest for the next run; so does a source that turns
    out to be damaged, whose error then goes on.
    """
    try:
        is_at_end = send_rows(rows, encoder, outbox, pace, limit, stop, watcher)
    except ConfigurationError:
        outbox.commit()
        raise
    if is_at_end:
        outbox.finish()
    else:
        outbox.commit()
    watcher.show(take_standing(outbox, 0.0))


def send_rows(
    rows: Iterator[list[SourceItem]],
    encoder: MessageEncoder,
    outbox: Outbox,
    pace: Pace,
    limit: int | None,
    stop: Event,
    watcher: Watcher,
) -> bool:
    """Send rows as they become due; says whether the source came to its end, before the limit and any stop."""
    started_s = time.monotonic()
    left = limit
    for items in rows:
        taken = items if left is None else items[:left]
        is_cut = len(taken) < len(items)
        left = None if left is None else left - len(taken)
        dues_s = pace.schedule(taken)
        while taken and not stop.is_set():
            now_s = time.monotonic() - started_s
            count = count_due(dues_s, now_s)
            outbox.send(encoder.encode_items(taken[:count]))
            if outbox.is_due:
                outbox.commit()
            lag_s = now_s - dues_s[count - 1] if count and dues_s[count - 1] else 0.0
            watcher.show(take_standing(outbox, lag_s))
            taken, dues_s = taken[count:], dues_s[count:]
            if taken:
                wait_for_next(dues_s[0] - (time.monotonic() - started_s), outbox, stop)
        if not items:
            outbox.commit()
            watcher.show(take_standing(outbox, 0.0))
        if stop.is_set() or (left == 0 and (is_cut or next(rows, None) is not None)):
            return False
    return True


def count_due(dues_s: Sequence[float], now_s: float) -> int:
    """How many items at the head are due; one that is not holds back all that follow it."""
    if max(dues_s) <= now_s:
        return len(dues_s)
    return next(count for count, due_s in enumerate(dues_s) if due_s > now_s)


def wait_for_next(wait_s: float, outbox: Outbox, stop: Event) -> None:
    """Wait until the next item is due, at most one tick; what was handed over is committed before a longer wait."""
    if wait_s > PATIENCE_S:
        outbox.commit()
    if wait_s > 0:
        stop.wait(min(wait_s, TICK_S))


def take_standing(outbox: Outbox, lag_s: float) -> Standing:
    """Where the replay stands now."""
    record = outbox.record
    return Standing(outbox.rows, record.rejected, outbox.bytes_sent, record.next_byte, lag_s)
