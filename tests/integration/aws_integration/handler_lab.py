"""What the tests of the Kafka handler work with: sessions, slices of messages, what the tables hold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from aws_integration.lambda_handlers.event_writer import EventWriter, open_writer
from aws_integration.lambda_handlers.row_writer import Counts, RowWriter
from connections.row_judging import open_judge
from connections.warehouse import Connection, execute_statement, name_loader_role, open_warehouse
from pipeline_contract.ddl import way_table_name
from pipeline_contract.kafka_event import EventSlice
from pipeline_contract.row_judge import Message
from pipeline_contract.ways import WayTables, derive_way_tables
from tests.integration.kafka_consumer.pipelines import Pipeline

SENT_MS = 1_700_000_000_000
TIMEOUT_S = 60.0
LAST = 40


def empty(connection: Connection, tables: WayTables) -> None:
    """Take all rows away, and leave one row of offsets for each partition."""
    for table in (tables.curated, tables.rejected):
        execute_statement(connection, f"DELETE FROM {way_table_name(table)}")
    offsets = way_table_name(tables.offsets)
    places = execute_statement(connection, f'SELECT DISTINCT "_TOPIC", "_PARTITION" FROM {offsets}').rows
    execute_statement(connection, f"DELETE FROM {offsets}")
    for place in places:
        execute_statement(connection, f'INSERT INTO {offsets} ("_TOPIC", "_PARTITION") SELECT ?, ?', place)


def open_session(pipeline: Pipeline) -> Connection:
    """A session like the function's."""
    warehouse, table = pipeline.settings.warehouse, derive_way_tables(pipeline.contract, "lambda").curated
    role = name_loader_role(warehouse)
    return open_warehouse(warehouse, database=table.database, schema=table.schema, role=role, paramstyle="qmark")


def make_writer(pipeline: Pipeline) -> RowWriter:
    """The writer of one process."""
    tables = derive_way_tables(pipeline.contract, "lambda")
    return RowWriter(pipeline.name, tables, open_judge(pipeline.contract, pipeline.settings))


def make_slice(
    pipeline: Pipeline, offsets: Sequence[int], *, partition: int = 0, topic_id: str = "an id", sent_ms: int = SENT_MS
) -> EventSlice:
    """A slice of one message an offset, which is its id too; each seventh is refused."""
    topic = pipeline.contract.topic.name
    text = '{{"_source_file":"f","_source_line":{0},"id":"{0}","at":"2024-01-01 00:00:00","price":"1.25","kind":"{1}"}}'
    messages = tuple(
        Message(topic, topic_id, partition, n, sent_ms, b"k", text.format(n, "ax"[n % 7 == 0]).encode())
        for n in offsets
    )
    return EventSlice(topic, topic_id, partition, offsets[0], offsets[-1] + 1, messages)


def read_offsets(connection: Connection, tables: WayTables) -> tuple[list[int], list[int]]:
    """The offsets of all curated and of all rejected rows, in order."""
    curated, rejected = (
        sorted(n for (n,) in execute_statement(connection, f'SELECT "_OFFSET" FROM {way_table_name(t)}').rows)
        for t in (tables.curated, tables.rejected)
    )
    return curated, rejected


def read_ranges(connection: Connection, tables: WayTables) -> list[tuple[int, int, int]]:
    """The ranges that are taken, by partition."""
    statement = f'SELECT "_PARTITION", "FIRST_OFFSET", "NEXT_OFFSET" FROM {way_table_name(tables.offsets)}'
    return sorted(row for row in execute_statement(connection, statement).rows if row[1] is not None)


def expected(offsets: Sequence[int]) -> tuple[list[int], list[int]]:
    """The offsets of the curated and of the rejected rows of these messages, each once."""
    found = sorted(set(offsets))
    return [n for n in found if n % 7], [n for n in found if n % 7 == 0]


def deliver(writer: EventWriter, slices: Sequence[EventSlice], name: str) -> Counts:
    """Hand each slice over until it is taken, as Lambda does."""
    counts = Counts()
    for number, piece in enumerate(slices):
        attempt = 0
        while True:
            found, failures = writer.write([piece], f"{name}-{number}-{attempt}", TIMEOUT_S)
            counts += found
            if not failures:
                break
            assert failures[0].is_passing
            attempt += 1
    return counts


def deliver_at_once(
    pipeline: Pipeline,
    connection: Connection,
    tables: WayTables,
    cuts: Sequence[tuple[int, int]],
    order: random.Random,
    writers: int,
) -> None:
    """Have writers at once take cuts of a partition, some of them twice, in any order; each message must be there once."""
    empty(connection, tables)
    slices = [make_slice(pipeline, range(first, min(first + length, LAST))) for first, length in cuts]
    deliveries = slices + [piece for piece in slices if order.random() < 0.5]
    order.shuffle(deliveries)
    opened = [open_writer(pipeline.contract, pipeline.settings) for _ in range(writers)]

    with ThreadPoolExecutor(writers) as pool:
        parts = [
            pool.submit(deliver, writer, deliveries[number::writers], f"{number}")
            for number, writer in enumerate(opened)
        ]
        written = [part.result() for part in parts]
    for writer in opened:
        writer.close()

    sent = {n for first, length in cuts for n in range(first, min(first + length, LAST))}
    assert read_offsets(connection, tables) == expected(sorted(sent))
    assert sum(count.curated + count.rejected for count in written) == len(sent)
