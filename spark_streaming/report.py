"""What a person, or a log collector, sees of the running job: a line a batch, and a summary at the end."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import monotonic
from typing import TextIO

from rich.console import Console
from rich.table import Table

from spark_streaming.steps import Step


@dataclass(frozen=True)
class BatchReport:
    """One published batch: rows by output, its duration, and how many offsets the topic is ahead."""

    query: str
    batch: int
    rows: dict[str, int]
    seconds: float
    behind: int
    watermark: datetime | None


@dataclass
class Report:
    """Says on the terminal, or as one JSON line each where it is none, what the queries do."""

    stream: TextIO
    quiet: bool = False
    totals: dict[str, Counter[str]] = field(default_factory=dict)
    batches: Counter[str] = field(default_factory=Counter)
    phases: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    started: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self._console = Console(file=self.stream, highlight=False)

    def say(self, text: str, **details: object) -> None:
        """Tell one event."""
        if self.quiet:
            return
        if self.stream.isatty():
            self._console.print(f"[dim]{self._elapsed():7.1f} s[/dim]  {text}")
        else:
            self.stream.write(json.dumps({"event": text, "seconds": round(self._elapsed(), 1), **details}) + "\n")
            self.stream.flush()

    def add_step(self, step: Step) -> None:
        """Take a step of the publish protocol into the durations by phase."""
        if step.phase == "end":
            self.phases[step.name] += step.seconds

    def add_batch(self, batch: BatchReport) -> None:
        """Tell one published batch and take it into the summary."""
        self.totals.setdefault(batch.query, Counter()).update(batch.rows)
        self.batches[batch.query] += 1
        if self.stream.isatty():
            rows = "  ".join(f"{name} [bold]{count:,}[/bold]" for name, count in batch.rows.items())
            read = batch.rows.get("raw")
            speed = f"  {read / batch.seconds:,.0f} rows/s" if read else ""
            self.say(
                f"{batch.query} batch {batch.batch}: {rows}  in {batch.seconds:.1f} s{speed}  behind {batch.behind:,}"
            )
        else:
            details = asdict(batch) | {"watermark": batch.watermark and batch.watermark.isoformat()}
            details["batch_seconds"] = round(details.pop("seconds"), 3)
            self.say("batch", **details)

    def summarise(self) -> dict[str, object]:
        """Tell the summary and return it: rows by query and output, batches, seconds, seconds by phase."""
        summary: dict[str, object] = {
            "rows": {query: dict(rows) for query, rows in self.totals.items()},
            "batches": dict(self.batches),
            "seconds": round(self._elapsed(), 1),
            "seconds_by_phase": {name: round(seconds, 2) for name, seconds in self.phases.items()},
        }
        if self.stream.isatty() and not self.quiet:
            table = Table("query", "output", "rows", title="published")
            for query, rows in self.totals.items():
                for name, count in rows.items():
                    table.add_row(query, name, f"{count:,}")
            self._console.print(table)
        else:
            self.say("summary", **{k: v for k, v in summary.items() if k != "seconds"})
        return summary

    def _elapsed(self) -> float:
        return monotonic() - self.started
