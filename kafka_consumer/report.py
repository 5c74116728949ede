"""What a person, a log or Prometheus sees of a run: read, written, lag and throughput, and a summary at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import orjson
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from kafka_consumer.destination import Partition
from kafka_consumer.metrics import Metrics
from kafka_consumer.writer import Outcome

REFRESH_S = 0.25
LOG_INTERVAL_S = 5.0


class RunSummary(BaseModel):
    """The outcome of one run; `rows` counts what was written to each output, `lag` what was there and not read."""

    model_config = ConfigDict(frozen=True)

    pipeline: str
    way: str
    messages: int
    bytes: int
    batches: int
    rows: dict[str, int]
    lag: int
    seconds: float
    messages_per_s: float


class View(Protocol):
    """How the standing of a run is shown."""

    interval_s: float

    def show(self, standing: RunSummary) -> None:
        """Show it."""
        ...


class Silence:
    """Shows nothing."""

    interval_s = REFRESH_S

    def show(self, standing: RunSummary) -> None:
        """Nothing."""


class JsonLines:
    """One JSON object on standard error per interval, while anything changes."""

    interval_s = LOG_INTERVAL_S

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[int, int] | None = None

    def show(self, standing: RunSummary) -> None:
        """Print the standing unless nothing was read or written since the last line."""
        if (standing.messages, standing.batches) != self._last:
            self._last = (standing.messages, standing.batches)
            line = orjson.dumps(standing.model_dump()).decode()
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveLine:
    """One line on the terminal that changes in place."""

    interval_s = REFRESH_S

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, text="")

    def show(self, standing: RunSummary) -> None:
        """Redraw the line."""
        rows = ", ".join(f"{count:,} {output}" for output, count in sorted(standing.rows.items())) or "nothing written"
        text = f"{standing.messages:,} read  {rows}  lag {standing.lag:,}  {standing.messages_per_s:,.0f}/s"
        self._progress.update(self._task, text=text)


@contextmanager
def open_view(console: Console, title: str) -> Iterator[View]:
    """The view that fits the console."""
    if console.quiet:
        yield Silence()
    elif not console.is_terminal:
        yield JsonLines(console)
    else:
        columns = (
            SpinnerColumn(),
            TextColumn(title, markup=False),
            TextColumn("{task.fields[text]}", markup=False),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console) as progress:
            yield LiveLine(progress)


@dataclass
class Report:
    """Counts what a run does and tells it on; `say` takes a sentence for a person."""

    pipeline: str
    way: str
    view: View
    metrics: Metrics
    say: Callable[[str], None]
    messages: int = 0
    bytes: int = 0
    batches: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    lag: int = 0
    began_s: float = field(default_factory=time.monotonic)
    shown_s: float = 0.0

    def assigned(self, starts: Mapping[Partition, int]) -> None:
        """Partitions have come to this consumer."""
        if starts:
            at = ", ".join(f"{p.topic} {p.number} at {start}" for p, start in sorted(starts.items()))
            self.say(f"reads topic and partition from offset: {at}")

    def read(self, size: int) -> None:
        """A message of so many bytes was read."""
        self.messages += 1
        self.bytes += size

    def wrote(self, outcome: Outcome) -> None:
        """A batch was written."""
        self.batches += 1
        for output, count in outcome.written.rows.items():
            self.rows[output] = self.rows.get(output, 0) + count
        self.metrics.add_batch(outcome)

    def show(self, measure_lag: Callable[[], Mapping[Partition, int]], waiting: int) -> None:
        """Bring what is shown up to date, a few times a second at most."""
        now_s = time.monotonic()
        if now_s - self.shown_s >= self.view.interval_s:
            self.shown_s = now_s
            self.tell(measure_lag(), waiting)

    def tell(self, lag: Mapping[Partition, int], waiting: int) -> None:
        """Bring what is shown up to date now."""
        self.lag = sum(lag.values())
        self.metrics.set_standing(self.messages, self.bytes, lag, waiting)
        self.view.show(self.summarise())

    def summarise(self) -> RunSummary:
        """The run so far."""
        seconds = time.monotonic() - self.began_s
        return RunSummary(
            pipeline=self.pipeline,
            way=self.way,
            messages=self.messages,
            bytes=self.bytes,
            batches=self.batches,
            rows=dict(sorted(self.rows.items())),
            lag=self.lag,
            seconds=round(seconds, 3),
            messages_per_s=round(self.messages / max(seconds, 0.001), 1),
        )


def build_table(summary: RunSummary) -> Table:
    """The summary as a table."""
    table = Table("", summary.way, title=f"Consumer of {summary.pipeline}", title_justify="left")
    for name, value in summary.model_dump(exclude={"pipeline", "way", "rows"}).items():
        table.add_row(name.replace("_per_", "/"), f"{value:,}")
    for output, count in summary.rows.items():
        table.add_row(f"rows, {output}", f"{count:,}")
    return table
