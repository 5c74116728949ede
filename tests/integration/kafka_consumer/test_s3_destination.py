"""The way `s3` on a real broker and real objects: every message in exactly one object, whatever comes in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connections.lake_files import arrow_schema
from connections.settings import ConsumerSettings, S3Settings, Settings
from kafka_consumer.destination import Partition
from kafka_consumer.s3_destination import S3Destination
from pipeline_contract.errors import PublishConflict
from pipeline_contract.outputs import curated_columns
from pipeline_contract.passport import PASSPORT
from sandbox.aws.service import describe_aws
from sandbox.processes import find_free_port
from sandbox.services import start_service, stop_service, wait_until_ready
from sandbox.stack import PROJECT
from tests.integration.kafka_consumer.consumer_runs import running, wait_until
from tests.integration.kafka_consumer.pipelines import good_ids
from tests.integration.kafka_consumer.s3_ways import S3Way, check_chain, make_s3_way
from tests.integration.kafka_consumer.zombies import run_zombies


@pytest.fixture
def way(
    kafka_bootstrap: str, unique_bucket: str, session_settings: Settings, tmp_path: Path, unique_name: str
) -> S3Way:
    """A pipeline with topics and a bucket of its own, whose group soon misses a dead consumer."""
    s3 = session_settings.s3.model_copy(update={"bucket": unique_bucket})
    changes = {"s3": s3, "consumer": ConsumerSettings(session_timeout_s=2)}
    return make_s3_way(tmp_path, unique_name, session_settings.model_copy(update=changes))


# The client itself tries several times before it says that S3 is away.
WAIT_S = 90


class Crash(Exception):
    """What stands for the end of the process."""


def open_crashing(way: S3Way, prefix: str, after: int) -> Any:
    """A client of which the process ends before the n-th object below a prefix is put."""
    s3, left = way.s3, iter(range(after))

    def crash(params: dict[str, Any], **_: object) -> None:
        if f"/{way.bucket}/{prefix}" in params["url"] and next(left, None) is None:
            raise Crash

    s3.meta.events.register("before-call.s3.PutObject", crash)
    return s3


def test_every_row_is_in_one_object_and_a_second_run_writes_nothing(way: S3Way) -> None:
    way.pipeline.replay(0, 1_000)

    first, second = way.drain(), way.drain()
    way.pipeline.replay(1_000, 200)
    way.drain()

    assert (first.messages, second.messages) == (1_000, 0)
    assert way.count_ids() == good_ids(0, 1_200)
    rejected = way.read_rows("rejected")
    assert rejected.num_rows == 120
    assert set(rejected["reason"].to_pylist()) == {"rule:known_kind"}
    check_chain(way)


def test_objects_have_the_contracts_types_and_lie_by_partition_topic_and_first_offset(way: S3Way) -> None:
    way.pipeline.replay(0, 300)
    way.drain()

    rows = way.read_rows("curated")
    assert rows.schema.equals(arrow_schema(curated_columns(way.pipeline.contract) | PASSPORT))
    assert rows["_offset"].null_count == rows["_source_line"].null_count == rows["_batch_id"].null_count == 0
    expected = {
        f"ways/s3/{way.pipeline.name}/curated/minute={minute:02}/{way.pipeline.name}-{partition}-{0:020}.parquet"
        for minute in range(5)
        for partition in range(2)
    }
    assert set(way.list_keys("curated")) == expected
    assert all(
        key.startswith(f"ways/s3/{way.pipeline.name}/rejected/{way.pipeline.name}-")
        for key in way.list_keys("rejected")
    )


@pytest.mark.parametrize(
    ("prefix", "after"),
    [("_ledger/", 1), ("ways/", 0), ("ways/", 3)],
    ids=["before a claim", "between a claim and its objects", "between two objects"],
)
def test_a_crash_loses_and_doubles_nothing_though_the_next_batches_are_cut_otherwise(
    way: S3Way, prefix: str, after: int
) -> None:
    way.pipeline.replay(0, 1_000)
    with pytest.raises(Crash):
        way.drain(rows=400, s3=open_crashing(way, prefix, after))

    way.drain(rows=130)

    assert way.count_ids() == good_ids(0, 1_000)
    check_chain(way)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_consumers_that_both_hold_the_partitions_put_every_message_once(way: S3Way, seed: int) -> None:
    way.pipeline.replay(0, 400)

    assert run_zombies(way, seed) == {"0", "1"}

    assert way.count_ids() == good_ids(0, 400)
    check_chain(way)


def test_objects_of_another_run_are_never_overwritten(way: S3Way) -> None:
    way.pipeline.replay(0, 100)
    way.drain()
    for key in [claim.key for claim in way.read_claims()]:
        way.s3.delete_object(Bucket=way.bucket, Key=key)
    way.pipeline.replay(100, 100)

    with pytest.raises(PublishConflict, match="there already"):
        way.drain()


def test_what_was_claimed_under_another_contract_is_not_completed_under_this_one(way: S3Way) -> None:
    way.pipeline.replay(0, 200)
    with pytest.raises(Crash):
        way.drain(s3=open_crashing(way, "ways/", 1))
    way.pipeline.path.write_text(way.pipeline.path.read_text().replace("('a', 'b')", "('a')"))

    with pytest.raises(PublishConflict, match="the contract has changed"):
        way.drain()


def test_a_dry_run_writes_nothing(way: S3Way) -> None:
    way.pipeline.replay(0, 100)
    with pytest.raises(Crash):
        way.drain(s3=open_crashing(way, "ways/", 0))
    (claim, *_) = way.read_claims()
    destination: S3Destination = way.open()

    starts = destination.resume({Partition(claim.range.topic, claim.range.topic_id, claim.range.partition): 50})

    assert list(starts.values()) == [0]
    assert way.list_keys("curated") == []


def test_s3_may_go_down_and_come_back(
    kafka_bootstrap: str, session_settings: Settings, tmp_path: Path, unique_name: str
) -> None:
    service = describe_aws("127.0.0.1", find_free_port(), "000000000000", tmp_path / "aws", PROJECT)
    s3 = S3Settings(bucket=unique_name, endpoint_url=f"http://{service.address}", timeout_s=2)
    start_service(service)
    try:
        wait_until_ready(service)
        changes = {"s3": s3, "consumer": ConsumerSettings(session_timeout_s=2)}
        way = make_s3_way(tmp_path, unique_name, session_settings.model_copy(update=changes))
        way.s3.create_bucket(Bucket=unique_name)
        way.pipeline.replay(0, 500)
        said: list[str] = []
        with running(way.make_runner(way.open(), 100, until_drained=False, say=said.append)) as errors:
            wait_until(lambda: len(way.read_claims()) > 2, WAIT_S)
            stop_service(service)
            way.pipeline.replay(500, 500)
            wait_until(lambda: any("trying again" in line for line in said), WAIT_S)
            start_service(service)
            wait_until_ready(service)
            wait_until(lambda: sum(way.count_ids().values()) == 900, WAIT_S)
        assert errors == []
        assert way.count_ids() == good_ids(0, 1_000)
        check_chain(way)
    finally:
        stop_service(service)


def test_claims_lie_where_no_query_and_no_crawler_looks(way: S3Way) -> None:
    way.pipeline.replay(0, 100)
    way.drain()

    prefixes = {claim.key.rpartition("/")[0] for claim in way.read_claims()}
    assert prefixes == {f"_ledger/{way.pipeline.name}/s3/{way.pipeline.name}/{partition}" for partition in (0, 1)}
