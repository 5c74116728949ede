"""What the running job says: one JSON object a line, a line a batch, and a summary at the end.

spark-submit passes a Python job's output on as plain text, so the job itself never writes for a terminal;
`python -m spark_streaming` does, from these lines.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import TextIO

from spark_streaming.log_lines import format_line
from spark_streaming.offsets import Offsets, sum_offsets
from spark_streaming.steps import Step

# What is said even if little is wanted; `driver` tells the command where to send signals.
_ALWAYS = ("driver", "error", "summary")


@dataclass(frozen=True)
class BatchReport:
    """One published batch: rows by output, rejected rows by reason, its duration, and how far the topic is ahead.

    `lag` holds the offsets that are still to be read, by topic and partition; `newest` is the newest event time in it.
    """

    query: str
    batch: int
    batch_id: str
    rows: dict[str, int]
    batch_seconds: float
    watermark: datetime | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    lag: Offsets = field(default_factory=dict)
    newest: datetime | None = None
    seconds_by_phase: dict[str, float] = field(default_factory=dict)

    @property
    def behind(self) -> int:
        """The lag over all partitions."""
        return sum_offsets(self.lag)


@dataclass
class Report:
    """Writes the job's events to `stream`, adds them up, and passes each batch on to who listens."""

    stream: TextIO
    quiet: bool = False
    pipeline: str | None = None
    listeners: list[Callable[[BatchReport], None]] = field(default_factory=list)
    rows: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    batches: Counter[str] = field(default_factory=Counter)
    seconds_by_phase: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    started: float = field(default_factory=monotonic)
    _phases: dict[str, dict[str, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def say(self, event: str, **details: object) -> None:
        """Write one event with the seconds since the job's begin."""
        if not self.quiet or event in _ALWAYS:
            seconds = round(monotonic() - self.started, 1)
            self.stream.write(format_line(event, seconds=seconds, pipeline=self.pipeline, **details))
            self.stream.flush()

    def add_step(self, step: Step) -> None:
        """Take a step of the publish protocol into the durations by phase."""
        if step.phase == "begin":
            return
        with self._lock:  # files are copied by several threads
            phases = self._phases.setdefault(step.batch_id, {})
            phases[step.name] = phases.get(step.name, 0.0) + step.seconds
            self.seconds_by_phase[step.name] += step.seconds

    def add_batch(self, batch: BatchReport) -> None:
        """Write one published batch and take it into the summary."""
        phases = self._phases.pop(batch.batch_id, {})
        done = replace(batch, seconds_by_phase={name: round(seconds, 3) for name, seconds in phases.items()})
        self.rows[done.query].update(done.rows)
        self.batches[done.query] += 1
        for listener in self.listeners:
            listener(done)
        self.say("batch", **asdict(done), behind=done.behind)

    def summarise(self) -> None:
        """Write the summary: rows by query and output, batches, seconds by phase."""
        phases = {name: round(seconds, 2) for name, seconds in self.seconds_by_phase.items()}
        rows = {query: dict(counted) for query, counted in self.rows.items()}
        self.say("summary", rows=rows, batches=dict(self.batches), seconds_by_phase=phases)
