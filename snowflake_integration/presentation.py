"""How answers, plans and load states look: tables for people, plain values for JSON."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from connections.warehouse import Answer
from snowflake_integration.deployment import Done
from snowflake_integration.pipes import LoadState
from snowflake_integration.plan import Step

PAGE_WIDTH = 200


def encode_value(value: Any) -> Any:
    """A value of a row as JSON has it: times in ISO 8601, decimals as text without loss, bytes in base64."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else str(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"no JSON for {type(value).__name__}")


def dump_json(value: object) -> str:
    """One line of JSON."""
    return json.dumps(value, default=encode_value, ensure_ascii=False)


def answer_records(answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer as dictionaries."""
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def show_answer(answer: Answer) -> Table:
    """The rows of an answer as a table; null is told from the empty text."""
    table = Table(*answer.columns)
    for row in answer.rows:
        table.add_row(*(Text("NULL", style="dim") if value is None else Text(show_value(value)) for value in row))
    return table


def show_value(value: Any) -> str:
    """A value of a row for people."""
    if isinstance(value, bytes | bytearray):
        return f"0x{value.hex().upper()}"
    return str(value)


def show_plan(steps: Sequence[Step]) -> Table:
    """The steps of a plan as a table, nothing of it done."""
    table = Table("step", "script", "action", "statement", title="Planned; nothing was done", title_justify="left")
    for number, step in enumerate(steps, start=1):
        table.add_row(str(number), step.script, step.action, Text(step.title))
    return table


def plan_records(steps: Iterable[Step]) -> list[dict[str, str]]:
    """The steps of a plan for JSON, whole statements included."""
    return [{"script": step.script, "action": step.action, "statement": step.statement} for step in steps]


def done_records(done: Iterable[Done]) -> list[dict[str, Any]]:
    """What was done, for JSON."""
    return [
        {
            "script": item.step.script,
            "action": item.step.action,
            "statement": item.step.title,
            "outcome": item.outcome,
            "duration_s": round(item.duration_s, 3),
        }
        for item in done
    ]


def show_states(states: Iterable[LoadState]) -> Table:
    """How far each table is."""
    table = Table("table", "pipe", "state")
    for title in ("objects", "loaded", "failed", "pending"):
        table.add_column(title, justify="right")
    for state in states:
        table.add_row(
            state.table,
            state.pipe,
            state.execution_state,
            str(state.objects),
            str(state.loaded),
            str(len(state.failed)),
            str(len(state.pending)),
        )
    return table


@contextmanager
def show_progress(console: Console) -> Iterator[Callable[[list[LoadState]], None]]:
    """A bar for each table on a terminal, elsewhere a line at each change; call what is handed out at each look."""
    if not console.is_terminal:
        yield tell_changes(console)
        return
    columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}

        def report(states: list[LoadState]) -> None:
            for state in states:
                if state.table not in tasks:
                    tasks[state.table] = progress.add_task(state.table)
                progress.update(tasks[state.table], total=state.objects, completed=state.objects - len(state.pending))

        yield report


def tell_changes(console: Console) -> Callable[[list[LoadState]], None]:
    """One line for each look that differs from the one before."""
    last = ""

    def report(states: list[LoadState]) -> None:
        nonlocal last
        line = ", ".join(f"{state.table} {state.loaded}/{state.objects}" for state in states)
        if line != last:
            console.print(f"objects loaded: {line}")
            last = line

    return report


def state_records(states: Iterable[LoadState]) -> list[dict[str, Any]]:
    """How far each table is, for JSON; at most 100 pending files are named."""
    return [
        {**state._asdict(), "pending": len(state.pending), "pending_files": state.pending[:100]} for state in states
    ]


def print_states(states: Sequence[LoadState], as_json: bool) -> None:
    """Write how far every table is on standard output."""
    if as_json:
        typer.echo(dump_json(state_records(states)))
    else:
        open_page().print(show_states(states))


def open_talk(quiet: bool) -> Console:
    """What is said beside the results, on standard error."""
    return Console(stderr=True, quiet=quiet, highlight=False, markup=False, soft_wrap=True)


def open_page() -> Console:
    """Standard output, wide enough for a table where its reader is a file or a pager."""
    console = Console()
    return console if console.is_terminal else Console(width=PAGE_WIDTH)
