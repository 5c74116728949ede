"""What the running job says: one JSON object a line, a line a batch, and a summary at the end.

spark-submit passes a Python job's output on as plain text, so the job itself never writes for a terminal;
`python -m spark_streaming` does, from these lines.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import monotonic
from typing import TextIO

from spark_streaming.steps import Step


@dataclass(frozen=True)
class BatchReport:
    """One published batch: rows by output, its duration, and how many offsets the topic is ahead."""

    query: str
    batch: int
    rows: dict[str, int]
    batch_seconds: float
    behind: int
    watermark: datetime | None


@dataclass
class Report:
    """Writes the job's events to `stream`, and adds them up."""

    stream: TextIO
    quiet: bool = False
    rows: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    batches: Counter[str] = field(default_factory=Counter)
    seconds_by_phase: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    started: float = field(default_factory=monotonic)

    def say(self, event: str, **details: object) -> None:
        """Write one event with the seconds since the job's begin."""
        if not self.quiet or event in ("error", "summary"):
            line = {"event": event, "seconds": round(monotonic() - self.started, 1)} | details
            self.stream.write(json.dumps(line, default=str) + "\n")
            self.stream.flush()

    def add_step(self, step: Step) -> None:
        """Take a step of the publish protocol into the durations by phase."""
        if step.phase == "end":
            self.seconds_by_phase[step.name] += step.seconds

    def add_batch(self, batch: BatchReport) -> None:
        """Write one published batch and take it into the summary."""
        self.rows[batch.query].update(batch.rows)
        self.batches[batch.query] += 1
        self.say("batch", **asdict(batch))

    def summarise(self) -> None:
        """Write the summary: rows by query and output, batches, seconds by phase."""
        phases = {name: round(seconds, 2) for name, seconds in self.seconds_by_phase.items()}
        rows = {query: dict(counted) for query, counted in self.rows.items()}
        self.say("summary", rows=rows, batches=dict(self.batches), seconds_by_phase=phases)
