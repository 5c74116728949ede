"""The job's JSON lines as a person reads them, and spark-submit's own noise kept back until it matters."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from spark_streaming.log_lines import format_line

# The package resolver's report, some 200 lines at every start.
_RESOLVER_END = re.compile(r"artifacts copied, \d+ already retrieved")
_KEPT_LINES = 60


class SubmitNoise:
    """Holds back what the package resolver writes, and gives it out if the job never came to run."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._resolving = True
        self._kept: deque[str] = deque(maxlen=_KEPT_LINES)

    def take(self, line: str) -> None:
        """One line of spark-submit's standard error."""
        if self._resolving:
            self._kept.append(line)
            self._resolving = not _RESOLVER_END.search(line)
            if line.startswith("downloading "):
                self._show(line)
        elif not line.startswith("\tconfs:") and line.strip() and "WARNING: Using incubator modules" not in line:
            self._show(line)

    def explain(self) -> str:
        """The last lines that were held back."""
        return "".join(self._kept)


class JobView:
    """Shows the job's events: lines for a terminal, or the JSON lines as they are where there is none."""

    def __init__(self, console: Console, wants_json: bool) -> None:
        self._console = console
        self._as_json = wants_json
        self.summary: dict[str, Any] | None = None
        self.driver_pid: int | None = None

    def take(self, line: str) -> None:
        """One line of the job's output, or of Spark's; text that is no event becomes one."""
        event = parse_event(line)
        if event is None:
            event, line = {"event": "log", "message": line.rstrip()}, format_line("log", message=line.rstrip())
        if event["event"] == "driver":
            self.driver_pid = event["pid"]
        elif event["event"] == "summary":
            self.summary = {name: value for name, value in event.items() if name != "event"}
        if self._as_json:
            self._console.file.write(line.rstrip("\n") + "\n")
            self._console.file.flush()
        elif text := describe_event(event):
            self._console.print(text)
            if event["event"] == "summary":
                self._console.print(summary_table(event))


def parse_event(line: str) -> dict[str, Any] | None:
    """The event of one line, None for anything else."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def describe_event(event: dict[str, Any]) -> str:
    """One event as one line of Rich markup; empty for one that a person need not see."""
    if event["event"] == "error":
        return f"[red]error:[/red] {_escape(event['message'])}"
    if event["event"] == "log":
        origin = f"{event['level']} {event['logger']}: " if event.get("logger") else ""
        return _escape(origin + event["message"] + (f"\n{event['stack']}" if event.get("stack") else ""))
    time = f"[dim]{event['seconds']:7.1f} s[/dim]  "
    if event["event"] == "query":
        return f"{time}{event['query']} runs on lineage {event['lineage']}, checkpoint {_escape(event['checkpoint'])}"
    if event["event"] == "note":
        return time + _escape(event["text"])
    if event["event"] == "batch":
        rows = "  ".join(f"{name} [bold]{count:,}[/bold]" for name, count in event["rows"].items())
        read = event["rows"].get("raw")
        speed = f"  ({read / event['batch_seconds']:,.0f} rows/s)" if read else ""
        behind = f"  behind {event['behind']:,}" if event["behind"] else ""
        return (
            f"{time}{event['query']} batch {event['batch']}: {rows}  in {event['batch_seconds']:.1f} s{speed}{behind}"
        )
    return f"{time}done" if event["event"] == "summary" else ""


def summary_table(event: dict[str, Any]) -> Table:
    """The rows by query and output that a run has published."""
    table = Table("query", "output", "rows", "batches", title="published")
    for query, rows in event["rows"].items():
        for name, count in rows.items():
            table.add_row(query, name, f"{count:,}", str(event["batches"][query]))
    return table


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
