"""Rows and offsets in one transaction, by COPY and by INSERT, whoever else writes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from contextlib import closing
from decimal import Decimal

import pytest

from connections.row_judging import open_judge
from connections.warehouse import name_loader_role, open_warehouse
from kafka_consumer.destination import Batch, Partition, Slice, Written
from kafka_consumer.snowflake_destination import SnowflakeDestination, open_snowflake
from kafka_consumer.snowflake_loading import LoadRows, choose_loading, copy_all, insert_all
from pipeline_contract.errors import ConfigurationError, TopicMismatch
from pipeline_contract.row_judge import Message
from tests.integration.kafka_consumer.consumer_runs import make_runner
from tests.integration.kafka_consumer.pipelines import Pipeline, good_ids, make_pipeline

LOADINGS = pytest.mark.parametrize("load", [copy_all, insert_all], ids=["put and copy", "insert"])


def open_destination(pipeline: Pipeline, load: LoadRows = copy_all) -> SnowflakeDestination:
    """The destination with this way of loading."""
    judge = open_judge(pipeline.contract, pipeline.settings)
    return SnowflakeDestination(pipeline.contract, pipeline.settings, judge, lambda _: load)


def make_batch(pipeline: Pipeline, first: int, end: int, name: str = "batch", topic_id: str = "an id") -> Batch:
    """A batch of one message an offset, which is its id too."""
    topic = pipeline.contract.topic.name
    text = '{{"_source_file":"f","_source_line":{0},"id":"{0}","at":"2024-01-01 00:00:00","price":"1.25","kind":"a"}}'
    messages = tuple(Message(topic, topic_id, 0, n, 1, b"k", text.format(n).encode()) for n in range(first, end))
    return Batch(name, (Slice(Partition(topic, topic_id, 0), first, end, messages),))


def place(batch: Batch) -> Partition:
    """The one partition of a batch."""
    return batch.slices[0].partition


@LOADINGS
def test_a_topic_arrives_row_by_row_and_a_second_run_reads_nothing_again(load: LoadRows, pipeline: Pipeline) -> None:
    pipeline.replay(0, 500)
    topics = (pipeline.contract.topic.name, pipeline.contract.topic.rejected)
    with closing(open_destination(pipeline, load)) as destination:
        for wanted in (500, 0):
            runner = make_runner(pipeline.settings, topics, destination)
            runner.run()
            assert runner.report.summarise().messages == wanted

    assert pipeline.count_ids("direct") == good_ids(0, 500)
    rejected = pipeline.read_table("direct", "rejected", '"REASON", "_SOURCE_LINE"')
    assert Counter(row["REASON"] for row in rejected) == {"rule:known_kind": 50}
    rows = pipeline.read_table("direct", "curated", '"AT", "PRICE", "KIND", "_LOADED_AT", "_SOURCE_LINE", "ID"')
    row = next(row for row in rows if row["ID"] == 61)
    assert (row["AT"], row["PRICE"], row["KIND"]) == (
        dt.datetime.fromisoformat("2024-01-01 00:01:01"),
        Decimal("61.50"),
        "b",
    )
    assert row["_SOURCE_LINE"] == 63
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    assert all(abs(now - row["_LOADED_AT"]) < dt.timedelta(minutes=10) for row in rows)


def test_a_server_that_takes_puts_is_found_out(pipeline: Pipeline) -> None:
    warehouse = pipeline.settings.warehouse
    with closing(open_warehouse(warehouse, role=name_loader_role(warehouse))) as connection:
        assert choose_loading(connection) is copy_all


@LOADINGS
def test_a_batch_that_is_tried_again_after_its_commit_is_known_and_written_once(
    load: LoadRows, pipeline: Pipeline
) -> None:
    batch = make_batch(pipeline, 0, 20)
    with closing(open_destination(pipeline, load)) as destination:
        first, again = destination.write(batch), destination.write(batch)

    assert first == again == Written({place(batch): 20}, {"curated": 20, "rejected": 0})
    assert pipeline.count_ids("direct") == Counter(range(20))


def test_a_consumer_that_lost_its_partition_unawares_doubles_nothing(pipeline: Pipeline) -> None:
    mine, zombies = make_batch(pipeline, 0, 20, "mine"), make_batch(pipeline, 0, 30, "zombie's")
    with closing(open_destination(pipeline)) as destination, closing(open_destination(pipeline)) as zombie:
        assert zombie.resume({place(zombies): None}) == {place(zombies): None}
        destination.write(mine)

        assert zombie.write(zombies) == Written({place(zombies): 20}, {})
        assert zombie.resume({place(zombies): 7}) == {place(zombies): 20}

    assert pipeline.count_ids("direct") == Counter(range(20))


def test_rows_that_cannot_be_loaded_leave_the_offsets_where_they_were(pipeline: Pipeline) -> None:
    batch = make_batch(pipeline, 0, 20)

    def fail_after_loading(*arguments: object) -> None:
        copy_all(*arguments)  # type: ignore[arg-type]
        raise RuntimeError("the consumer is gone")

    with closing(open_destination(pipeline, fail_after_loading)) as broken, pytest.raises(RuntimeError):
        broken.write(batch)

    assert pipeline.count_ids("direct") == Counter()
    with closing(open_destination(pipeline)) as destination:
        assert destination.resume({place(batch): None}) == {place(batch): None}


def test_rows_of_a_topic_of_another_id_are_refused(pipeline: Pipeline) -> None:
    with closing(open_destination(pipeline)) as destination:
        destination.write(make_batch(pipeline, 0, 20))
        other = place(make_batch(pipeline, 0, 1, topic_id="another id"))

        with pytest.raises(TopicMismatch, match=r"deleted and created again.*an id.*another id"):
            destination.resume({other: None})


def test_tables_that_are_not_there_are_named_with_what_to_do(pipeline: Pipeline, unique_name: str) -> None:
    other = make_pipeline(pipeline.folder, f"{unique_name}_other", pipeline.settings)
    batch = make_batch(other, 0, 1)

    with closing(open_snowflake(other.contract, other.settings)) as destination, pytest.raises(
        ConfigurationError, match=r"EVENTS_DIRECT.*snowflake_integration deploy"
    ):  # fmt: skip
        destination.resume({place(batch): None})
