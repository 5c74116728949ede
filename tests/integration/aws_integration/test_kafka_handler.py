"""What the function writes to the emulated warehouse: every message once, in any order, however often, whoever else writes."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws_integration.lambda_handlers.event_writer import open_writer
from aws_integration.lambda_handlers.row_writer import Counts, Overtaken, RowWriter
from connections.settings import Settings
from connections.warehouse import Connection, execute_statement
from pipeline_contract.ddl import way_table_name
from pipeline_contract.errors import ConfigurationError, TopicMismatch
from pipeline_contract.ways import WayTables, derive_way_tables
from tests.integration.aws_integration.handler_lab import (
    SENT_MS,
    TIMEOUT_S,
    deliver_at_once,
    empty,
    expected,
    make_slice,
    make_writer,
    open_session,
    read_offsets,
    read_ranges,
)
from tests.integration.kafka_consumer.pipelines import Pipeline, make_pipeline


@pytest.fixture(scope="module")
def deployed(warehouse_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A pipeline with tables; it has no topic."""
    made = make_pipeline(tmp_path_factory.mktemp("pipeline"), f"t{uuid.uuid4().hex[:12]}", warehouse_settings)
    made.deploy()
    return made


@pytest.fixture
def tables(deployed: Pipeline) -> WayTables:
    """The tables of the way `lambda`, as a deployment has left them."""
    tables = derive_way_tables(deployed.contract, "lambda")
    with closing(open_session(deployed)) as connection:
        empty(connection, tables)
    return tables


@pytest.fixture
def pipeline(deployed: Pipeline, tables: WayTables) -> Pipeline:
    """The pipeline without rows."""
    assert tables
    return deployed


@pytest.fixture
def connection(pipeline: Pipeline) -> Iterator[Connection]:
    """A session like the function's."""
    with closing(open_session(pipeline)) as opened:
        yield opened


class Delivery(NamedTuple):
    id: str
    deliveries: tuple[range, ...]
    repeated: int
    ranges: list[tuple[int, int, int]]


DELIVERIES = (
    Delivery("in order", (range(20), range(20, 30)), 0, [(0, 0, 30)]),
    Delivery("again", (range(20), range(20)), 20, [(0, 0, 20)]),
    Delivery("overlapping", (range(20), range(10, 30)), 10, [(0, 0, 30)]),
    Delivery("later part first", (range(20, 30), range(20)), 0, [(0, 0, 30)]),
    Delivery("a gap", (range(10), range(20, 30)), 0, [(0, 0, 10), (0, 20, 30)]),
    Delivery("the whole around parts", (range(5, 10), range(15, 20), range(30)), 10, [(0, 0, 30)]),
    Delivery("with holes", (range(0, 20, 2), range(0, 20, 2)), 10, [(0, 0, 19)]),
)


@pytest.mark.parametrize("case", DELIVERIES, ids=lambda case: case.id)
def test_each_message_is_written_once(
    case: Delivery, pipeline: Pipeline, connection: Connection, tables: WayTables
) -> None:
    writer = make_writer(pipeline)

    counts = [
        writer.write(connection, make_slice(pipeline, offsets), f"batch-{number}")
        for number, offsets in enumerate(case.deliveries)
    ]

    sent = [n for offsets in case.deliveries for n in offsets]
    assert read_offsets(connection, tables) == expected(sent)
    assert sum(count.repeated for count in counts) == case.repeated
    assert sum(count.curated + count.rejected for count in counts) == len(set(sent))
    assert read_ranges(connection, tables) == case.ranges


# Cuts of forty offsets, delivered in any order, some of them again.
ORDERS = st.lists(st.tuples(st.integers(0, 39), st.integers(1, 15)), min_size=1, max_size=6)


@given(ORDERS, st.randoms(use_true_random=False))
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_invocations_at_once_in_any_order_write_each_message_once(
    pipeline: Pipeline, connection: Connection, tables: WayTables, cuts: list[tuple[int, int]], order: random.Random
) -> None:
    deliver_at_once(pipeline, connection, tables, cuts, order, writers=2)


def test_a_partition_that_was_written_meanwhile_is_given_up(
    pipeline: Pipeline, connection: Connection, tables: WayTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between what was read and the turn another session writes; what Snowflake tells by no row, duckdb tells by an error."""
    writer, piece = make_writer(pipeline), make_slice(pipeline, range(10))
    take_turn = RowWriter._take_turn
    others: list[Counts] = []

    def write_meanwhile(*arguments: object) -> None:
        if not others:
            others.append(Counts())
            with closing(open_session(pipeline)) as other:
                others[0] = writer.write(other, piece, "other")
        take_turn(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(RowWriter, "_take_turn", write_meanwhile)
    mine, failures = open_writer(pipeline.contract, pipeline.settings).write([piece], "mine", TIMEOUT_S)

    assert (others[0].curated + others[0].rejected, failures) == (10, [])
    assert mine == Counts(repeated=10)
    assert read_offsets(connection, tables) == expected(range(10))


def test_a_turn_that_is_not_the_one_that_was_read_is_refused(pipeline: Pipeline, connection: Connection) -> None:
    writer, piece = make_writer(pipeline), make_slice(pipeline, range(10))
    standing = writer._read_standing(connection, piece)
    writer.write(connection, piece, "first")

    with pytest.raises(Overtaken):
        writer._take_turn(connection, piece, standing, "second")


def test_what_fails_in_one_partition_does_not_hold_up_another(
    pipeline: Pipeline, connection: Connection, tables: WayTables
) -> None:
    writer = open_writer(pipeline.contract, pipeline.settings)
    unknown = make_slice(pipeline, range(5), partition=7)

    counts, failures = writer.write([unknown, make_slice(pipeline, range(1, 6))], "batch", TIMEOUT_S)

    assert counts == Counts(curated=5)
    assert [(failure.slice, failure.is_passing) for failure in failures] == [(unknown, False)]
    assert "partition 7: run `python -m snowflake_integration deploy" in failures[0].reason
    assert read_offsets(connection, tables) == expected(range(1, 6))


class Recreated(NamedTuple):
    id: str
    topic_id: str
    later_ms: int


RECREATED = (
    Recreated("told by its id", "another id", 0),
    Recreated("told by its time", "an id", 10 * 365 * 24 * 3_600_000),
)


@pytest.mark.parametrize("case", RECREATED, ids=lambda case: case.id)
def test_a_topic_that_was_created_again_is_refused(
    case: Recreated, pipeline: Pipeline, connection: Connection, tables: WayTables
) -> None:
    writer = make_writer(pipeline)
    writer.write(connection, make_slice(pipeline, range(10)), "first")
    other = make_slice(pipeline, range(5), topic_id=case.topic_id, sent_ms=SENT_MS + case.later_ms)

    with pytest.raises(TopicMismatch, match="deleted and created again"):
        writer.write(connection, other, "second")

    assert read_offsets(connection, tables) == expected(range(10))


def test_a_session_that_is_lost_is_opened_again(pipeline: Pipeline, connection: Connection, tables: WayTables) -> None:
    writer = open_writer(pipeline.contract, pipeline.settings)
    writer.write([make_slice(pipeline, range(10))], "first", TIMEOUT_S)
    lost = writer._session.use()
    lost.close()

    counts, failures = writer.write([make_slice(pipeline, range(20))], "second", TIMEOUT_S)

    assert failures == []
    assert counts.repeated == 10
    assert writer._session.use() is not lost
    assert read_offsets(connection, tables) == expected(range(20))


def test_tables_that_are_not_there_are_named_with_what_to_do(pipeline: Pipeline, unique_name: str) -> None:
    other = make_pipeline(pipeline.folder, f"{unique_name}_other", pipeline.settings)
    writer = open_writer(other.contract, other.settings)

    with pytest.raises(ConfigurationError, match=r"EVENTS_LAMBDA.*snowflake_integration deploy"):
        writer._session.use()


def test_the_passport_says_where_each_row_came_from(
    pipeline: Pipeline, connection: Connection, tables: WayTables
) -> None:
    make_writer(pipeline).write(connection, make_slice(pipeline, [7, 8], partition=1), "request")

    names = '"_SOURCE_FILE", "_SOURCE_LINE", "_TOPIC", "_TOPIC_ID", "_PARTITION", "_OFFSET", "_BATCH_ID"'
    for table, offset in ((tables.curated, 8), (tables.rejected, 7)):
        rows = execute_statement(connection, f"SELECT {names} FROM {way_table_name(table)}").rows
        assert rows == [("f", offset, pipeline.name, "an id", 1, offset, "request")]
    found = Counter(pipeline.read_table("lambda", "rejected", '"REASON"')[0].values())
    assert found == {"rule:known_kind": 1}
