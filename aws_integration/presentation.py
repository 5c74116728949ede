"""How plans, tables and answers look: tables for people, plain values for JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aws_integration.cost import LEAST_BYTES, estimate_cost_usd
from aws_integration.crawling import CrawledTable
from aws_integration.plan import Step
from aws_integration.query import QueryAnswer

PAGE_WIDTH = 200


def dump_json(value: object) -> str:
    """One line of JSON; decimals are text, so that no digit is lost."""
    return json.dumps(value, default=_encode, ensure_ascii=False)


def show_plan(steps: Iterable[Step]) -> Table:
    """The steps of a plan as a table, nothing of it done."""
    table = Table("step", "service", "action", "what", title="Planned; nothing was done", title_justify="left")
    for number, step in enumerate(steps, start=1):
        table.add_row(str(number), step.service, step.action, Text(step.what))
    return table


def plan_records(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """The steps of a plan for JSON, the calls' parameters included."""
    return [step._asdict() for step in steps]


def show_crawled(tables: Iterable[CrawledTable]) -> Table:
    """What the crawler has guessed."""
    table = Table("table", "column", "type", title="Guessed by the crawler", title_justify="left")
    for crawled in tables:
        for name, kind in crawled.columns.items():
            table.add_row(crawled.name, Text(name), Text(kind))
        for name, kind in crawled.partition_keys.items():
            table.add_row(crawled.name, Text(name), Text(f"{kind}, partition key"))
        table.add_section()
    return table


def show_answer(answer: QueryAnswer) -> Table:
    """The rows of an answer as a table; null is told from the empty text."""
    table = Table(*answer.columns)
    for row in answer.rows:
        table.add_row(*(Text("NULL", style="dim") if value is None else Text(str(value)) for value in row))
    return table


def answer_record(answer: QueryAnswer) -> dict[str, Any]:
    """An answer for JSON."""
    return {
        "query_id": answer.query_id,
        "columns": answer.columns,
        "rows": [dict(zip(answer.columns, row, strict=True)) for row in answer.rows],
        "bytes_scanned": answer.bytes_scanned,
        "cost_usd": estimate_cost_usd(answer.bytes_scanned),
        "duration_s": answer.duration_s,
        "result_location": answer.result_location,
    }


def describe_cost(answer: QueryAnswer) -> str:
    """One line on what a query has read, and what that costs."""
    cost = f"{answer.bytes_scanned:,} bytes scanned, about ${estimate_cost_usd(answer.bytes_scanned):.6f}"
    least = f" (the price of {LEAST_BYTES / 1e6:.0f} MB, the least)" if answer.bytes_scanned < LEAST_BYTES else ""
    return f"{len(answer.rows):,} rows in {answer.duration_s:.1f} s; {cost}{least}"


@contextmanager
def show_waiting(console: Console, title: str) -> Iterator[Callable[[str], None]]:
    """A line that changes on a terminal, elsewhere a line at each change; call what is handed out with the news."""
    last = ""
    with console.status(title) as status:

        def say(news: str) -> None:
            nonlocal last
            status.update(news)
            if news != last and not console.is_terminal:
                console.print(news)
            last = news

        yield say


def open_talk(quiet: bool) -> Console:
    """What is said beside the results, on standard error."""
    return Console(stderr=True, quiet=quiet, highlight=False, markup=False, soft_wrap=True)


def open_page() -> Console:
    """Standard output, wide enough for a table where its reader is a file or a pager."""
    console = Console()
    return console if console.is_terminal else Console(width=PAGE_WIDTH)


def count_steps(steps: Sequence[Step]) -> str:
    """One line on what was done."""
    return f"{len(steps)} steps done" if steps else "everything is as it should be; nothing was done"


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def print_steps(steps: Sequence[Step], dry_run: bool, as_json: bool) -> None:
    """Write the steps on standard output: planned ones in full, done ones counted."""
    if as_json:
        typer.echo(dump_json(plan_records(steps)))
    elif dry_run:
        open_page().print(show_plan(steps))
    else:
        typer.echo(count_steps(steps))
