"""Bad rows and a topic of another id on the direct way: each time nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pytest
from confluent_kafka.admin import AdminClient

from kafka_consumer.destination import open_destination
from pipeline_contract.errors import TopicMismatch
from reconciliation.way_check import check_way
from tests.integration.kafka_consumer.consumer_runs import make_runner
from tests.integration.kafka_consumer.pipelines import Pipeline, good_ids


def drain(pipeline: Pipeline) -> None:
    """Read the topics to their end."""
    with closing(open_destination("snowflake", pipeline.contract, pipeline.settings)) as destination:
        make_runner(pipeline.settings, pipeline.topics, destination).run()


def check_complete(pipeline: Pipeline) -> None:
    """The reconciliation finds nothing to say."""
    statement = check_way(pipeline.settings, pipeline.contract, "direct", [], 20, lambda _: None)
    assert statement.is_complete, statement.findings


def test_poison_rows_are_kept_with_their_reason_from_one_to_fifty_in_a_hundred(pipeline: Pipeline) -> None:
    wanted: Counter[int] = Counter()
    for number, poison in enumerate((100, 10, 2)):
        pipeline.replay(number * 1_000, 1_000, poison)
        wanted += good_ids(number * 1_000, 1_000, poison)
    drain(pipeline)

    assert pipeline.count_ids("direct") == wanted
    rejected = pipeline.read_table("direct", "rejected", '"REASON"')
    assert Counter(row["REASON"] for row in rejected) == {"rule:known_kind": 10 + 100 + 500}
    check_complete(pipeline)


def test_a_recreated_topic_is_refused_and_the_table_stays_as_it_was(pipeline: Pipeline) -> None:
    pipeline.replay(0, 100)
    drain(pipeline)
    admin = AdminClient({"bootstrap.servers": pipeline.settings.kafka.bootstrap_servers})
    for future in admin.delete_topics([*pipeline.topics, pipeline.contract.topic.progress]).values():
        future.result(timeout=30)
    pipeline.replay(100, 300)

    with pytest.raises(TopicMismatch, match=r"partition \d was deleted and created again: what table EVENTS_DIRECT"):
        drain(pipeline)

    assert pipeline.count_ids("direct") == good_ids(0, 100)
