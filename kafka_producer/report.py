"""What a person or a log sees of a replay: a live bar on a terminal, a JSON line per interval elsewhere, a summary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from kafka_producer.replay import Standing, Watcher

REFRESH_S = 0.1


class ReplaySummary(BaseModel):
    """The outcome of one run over one source; rows, sent and rejected are this run's, the totals the replay's."""

    model_config = ConfigDict(frozen=True)

    source_file: str
    path: str
    topic: str
    client: str
    rows: int
    sent: int
    rejected: int
    rejected_by_reason: dict[str, int]
    bytes: int
    seconds: float
    rows_per_s: float
    resumed_from_line: int | None
    total_rows: int
    total_sent: int
    total_rejected: int
    next_line: int
    finished: bool
    replay_id: str | None


class Silence:
    """Shows nothing."""

    def show(self, standing: Standing) -> None:
        """Nothing."""


class JsonLines:
    """One JSON object on standard error per interval."""

    def __init__(self, console: Console, source_file: str, first_row: int, interval_s: float) -> None:
        self._console = console
        self._source_file = source_file
        self._interval_s = interval_s
        self._last = (time.monotonic(), first_row)

    def show(self, standing: Standing) -> None:
        """Print the standing when the interval is over."""
        now_s = time.monotonic()
        last_s, last_rows = self._last
        if now_s - last_s < self._interval_s:
            return
        self._last = (now_s, standing.rows)
        line = {
            "source_file": self._source_file,
            "rows": standing.rows,
            "rows_per_s": round((standing.rows - last_rows) / (now_s - last_s)),
            "rejected": standing.rejected,
            "lag_s": round(standing.lag_s, 1),
        }
        print_json_line(self._console, line)


class LiveBar:
    """A bar on the terminal: rows, rows/s, rejected, and the lag behind the schedule where there is one."""

    def __init__(self, progress: Progress, first_row: int, total_bytes: int | None) -> None:
        self._progress = progress
        self._started = (time.monotonic(), first_row)
        self._shown_s = 0.0
        self._task = progress.add_task("", total=total_bytes, rows=first_row, speed=0, rejected=0, lag="")

    def show(self, standing: Standing) -> None:
        """Redraw, a few times a second."""
        now_s = time.monotonic()
        if now_s - self._shown_s < REFRESH_S:
            return
        self._shown_s = now_s
        started_s, first_row = self._started
        self._progress.update(
            self._task,
            completed=standing.next_byte,
            rows=standing.rows,
            speed=round((standing.rows - first_row) / max(now_s - started_s, 0.001)),
            rejected=standing.rejected,
            lag=f"  {standing.lag_s:.1f} s behind" if standing.lag_s >= 0.5 else "",
        )


@contextmanager
def watch_replay(
    console: Console, source_file: str, first_row: int, total_bytes: int | None, interval_s: float
) -> Iterator[Watcher]:
    """The watcher that fits the console; a bar leaves its last state behind. `total_bytes` is None where unknown."""
    if console.quiet:
        yield Silence()
    elif not console.is_terminal:
        yield JsonLines(console, source_file, first_row, interval_s)
    else:
        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn(source_file, markup=False),
            BarColumn(bar_width=8),
            TextColumn("{task.fields[rows]:,} rows {task.fields[speed]:,}/s {task.fields[rejected]:,} rejected"),
            TextColumn("{task.fields[lag]}", style="yellow"),
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
        )
        with Progress(*columns, console=console) as progress:
            yield LiveBar(progress, first_row, total_bytes)


def print_json_line(console: Console, value: dict[str, Any]) -> None:
    """One JSON object on one line, whatever the width of the terminal."""
    console.print(orjson.dumps(value).decode(), markup=False, highlight=False, soft_wrap=True)


def build_table(summaries: list[ReplaySummary]) -> Table:
    """The summaries as a table, one column a source."""
    table = Table(title="Replay", title_justify="left")
    table.add_column("")
    for summary in summaries:
        table.add_column(summary.source_file, justify="right")
    facts = [describe_summary(summary) for summary in summaries]
    for name in facts[0]:
        table.add_row(name, *(fact[name] for fact in facts))
    return table


def describe_summary(summary: ReplaySummary) -> dict[str, str]:
    """A summary in words."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(summary.rejected_by_reason.items()))
    return {
        "topic": summary.topic,
        "rows": f"{summary.rows:,}",
        "sent": f"{summary.sent:,}",
        "rejected": f"{summary.rejected:,}" + (f" ({reasons})" if reasons else ""),
        "bytes": f"{summary.bytes:,}",
        "seconds": f"{summary.seconds:.2f}",
        "rows/s": f"{summary.rows_per_s:,.0f}",
        "resumed from line": f"{summary.resumed_from_line:,}" if summary.resumed_from_line else "—",
        "state": f"finished, {summary.total_rows:,} rows"
        if summary.finished
        else f"stopped before line {summary.next_line:,}",
    }
