"""The consumer into Snowflake against row-by-row `executemany`, as a ratio."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from statistics import median
from typing import Any

from pydantic import BaseModel, ConfigDict
from rich.console import Console

from connections.kafka import describe_topic_ids, read_topic
from connections.row_judging import open_judge
from connections.settings import Settings
from connections.warehouse import Connection, execute_statement, open_warehouse
from kafka_consumer.__main__ import MAX_AGE_S, MAX_BYTES, MAX_ROWS
from kafka_consumer.buffer import Limits
from kafka_consumer.metrics import Metrics
from kafka_consumer.report import Report, Silence
from kafka_consumer.runner import Job, Runner
from kafka_consumer.snowflake_destination import open_snowflake
from pipeline_contract.ddl import quote_snowflake, way_table_name
from pipeline_contract.model import Contract
from pipeline_contract.row_judge import Message
from pipeline_contract.ways import derive_way_tables
from snowflake_integration.plan import split_script
from snowflake_integration.rendering import TEARDOWN, render_scripts

TABLES = "05"


class Comparison(BaseModel):
    """Rows a second of both, the medians of so many runs, and how often the one goes into the other."""

    model_config = ConfigDict(frozen=True)

    pipeline: str
    runs: int
    rows: int
    rows_one_by_one: int
    rows_per_s: float
    rows_per_s_one_by_one: float
    ratio: float


def compare(settings: Settings, contract: Contract, runs: int, one_by_one: int, talk: Console) -> Comparison:
    """Measure both in turn, so that a machine that slows down slows both."""
    loads: list[tuple[int, float]] = []
    inserts: list[float] = []
    rows = judge_first(settings, contract, one_by_one)
    for number in range(runs):
        with scratch_tables(settings, contract, number) as (connection, scratch):
            loads.append(measure_consumer(settings, scratch))
        with scratch_tables(settings, contract, number) as (connection, scratch):
            inserts.append(measure_executemany(connection, scratch, rows))
        talk.print(f"run {number + 1}: {loads[-1][1]:,.0f} rows/s by the consumer, {inserts[-1]:,.0f} one by one")
    fast, slow = median(speed for _, speed in loads), median(inserts)
    return Comparison(
        pipeline=contract.name,
        runs=runs,
        rows=loads[-1][0],
        rows_one_by_one=len(rows),
        rows_per_s=round(fast, 1),
        rows_per_s_one_by_one=round(slow, 1),
        ratio=round(fast / slow, 1),
    )


@contextmanager
def scratch_tables(settings: Settings, contract: Contract, number: int) -> Iterator[tuple[Connection, Contract]]:
    """The pipeline's tables once more under another name, with a group of their own; dropped at the end."""
    place = contract.warehouse
    table = place.model_copy(update={"table": f"bench_{number}_{place.table}"})
    scratch = contract.model_copy(update={"name": f"bench_{contract.name}", "warehouse": table})
    scripts = {script.number: script for script in render_scripts(scratch, settings)}
    with closing(open_warehouse(settings.warehouse, paramstyle="qmark", database=place.database)) as connection:
        for statement in split_script(scripts[TABLES]):
            execute_statement(connection, statement)
        try:
            yield connection, scratch
        finally:
            for statement in split_script(scripts[TEARDOWN]):
                execute_statement(connection, statement)


def measure_consumer(settings: Settings, contract: Contract) -> tuple[int, float]:
    """Messages, and messages a second, from the first poll to the last commit."""
    report = Report(contract.name, "direct", Silence(), Metrics(contract.name, "direct"), lambda _: None)
    job = Job(
        topics=(contract.topic.name, contract.topic.rejected),
        group=f"millrace-{contract.name}-{time.time_ns()}",
        limits=Limits(MAX_ROWS, MAX_BYTES, MAX_AGE_S),
        max_message_bytes=contract.topic.max_message_bytes,
        until_drained=True,
    )
    with closing(open_snowflake(contract, settings)) as destination:
        Runner(settings, job, destination, report).run()
    summary = report.summarise()
    return summary.messages, summary.messages_per_s


def measure_executemany(connection: Connection, contract: Contract, rows: Sequence[tuple[Any, ...]]) -> float:
    """Rows a second of the plain way: rows that are judged already, each bound and inserted on its own."""
    table = derive_way_tables(contract, "direct").curated
    names = ", ".join(map(quote_snowflake, table.written))
    marks = ", ".join("?" * len(table.written))
    statement = f"INSERT INTO {way_table_name(table)} ({names}) VALUES ({marks})"  # noqa: S608 - quoted names
    began_s = time.monotonic()
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
    return len(rows) / (time.monotonic() - began_s)


def judge_first(settings: Settings, contract: Contract, count: int) -> list[tuple[Any, ...]]:
    """The first curated rows of the topic."""
    topic = contract.topic.name
    topic_id = describe_topic_ids(settings.kafka, [topic])[topic]
    messages = (
        Message(topic, topic_id, r.partition, r.offset, r.timestamp_ms, r.key, r.value)
        for r in islice(read_topic(settings.kafka, topic), count)
    )
    return open_judge(contract, settings).judge(messages, "benchmark").curated
