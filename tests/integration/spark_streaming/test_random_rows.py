"""Random rows of every kind, in random splits into batches: the lake holds what plain Python makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

import pytest
from confluent_kafka import Producer

from connections.kafka import describe_topic_ids
from pipeline_contract.model import LakeFormat
from tests.integration.spark_streaming.job_runs import Pipeline, Run
from tests.integration.spark_streaming.random_topic import CONTRACT, Expected, Rejection, Row, draw_partition, expect

CASES = 12
LENGTH = 40


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
def test_the_lake_holds_what_python_makes_of_random_rows(pipeline: Pipeline) -> None:
    check_random_rows(pipeline, Random(4), CASES, "csv")


def check_random_rows(pipeline: Pipeline, random: Random, cases: int, lake_format: LakeFormat) -> Expected:
    """Hold the rules on so many random partitions, published in two runs whose batches cut them anywhere.

    Before that, a contract that does not take unknown columns stops the query, and is mended. Returns what is there now.
    """
    contract = CONTRACT.format(name=pipeline.name, partitions=cases, lake_format=lake_format)
    pipeline.path.write_text(contract.replace("[drift]", '[drift]\nunknown_columns = "fail"'))
    assert pipeline.command("kafka_producer", "topics", str(pipeline.path)).returncode == 0
    partitions = [draw_partition(random, random.randrange(LENGTH // 2, LENGTH)) for _ in range(cases)]
    cuts = [random.randrange(len(values)) for values in partitions]
    send(pipeline, [values[:cut] for values, cut in zip(partitions, cuts, strict=True)])
    stopped = drain(pipeline, sum(cuts) // 2)
    assert stopped.code == 1, stopped.text
    assert f"topic {pipeline.name!r} partition " in stopped.error
    assert "unknown column" in stopped.error
    assert pipeline.lines("raw") == []

    pipeline.path.write_text(contract.replace("version = 1", "version = 2"))
    first = drain(pipeline, sum(cuts) // 2)
    assert first.code == 0, first.error
    send(pipeline, [values[cut:] for values, cut in zip(partitions, cuts, strict=True)])
    second = drain(pipeline, sum(map(len, partitions)))
    assert second.code == 0, second.error
    return check_lake(pipeline, partitions)


def drain(pipeline: Pipeline, rows_per_batch: int) -> Run:
    """Run the ingest in batches of about so many rows, spread over all partitions."""
    return pipeline.drain("--query", "ingest", "--max-offsets-per-trigger", str(rows_per_batch))


def send(pipeline: Pipeline, partitions: Sequence[Sequence[bytes]]) -> None:
    """Append values to the partitions of the pipeline's topic."""
    producer = Producer({"bootstrap.servers": pipeline.settings.kafka.bootstrap_servers})
    for number, values in enumerate(partitions):
        for value in values:
            producer.produce(pipeline.name, value, partition=number)
    assert producer.flush(60) == 0


def check_lake(pipeline: Pipeline, partitions: Sequence[Sequence[bytes]]) -> Expected:
    """Hold that a listing of the lake shows each value once, and each where the rules put it; return where that is."""
    topic_id = describe_topic_ids(pipeline.settings.kafka, (pipeline.name,))[pipeline.name]
    expected = expect(topic_id, partitions)
    sent = sorted((p, o, value) for p, values in enumerate(partitions) for o, value in enumerate(values))
    raw = pipeline.list_rows("raw").to_pylist()
    assert sorted((row["_partition"], row["_offset"], row["value"]) for row in raw) == sent

    curated = [
        ((row["_partition"], row["_offset"]), Row(row["id"], row["at"], row["kind"], row["amount"]))
        for row in pipeline.list_rows("curated").to_pylist()
    ]
    assert sorted(curated) == sorted(expected.curated.items())

    rejected = pipeline.list_rows("rejected").to_pylist()
    found = [((row["_partition"], row["_offset"]), read_rejection(row["stage"], row["reasons"])) for row in rejected]
    assert dict(found) == expected.rejected
    assert len(found) == len(expected.rejected)
    assert all(row["value"] == partitions[row["_partition"]][row["_offset"]] for row in rejected)
    assert {row["reason"].split(":")[0] for row in rejected} >= {"duplicate", "unknown", "missing", "decode", "type"}
    return expected


def read_rejection(stage: str, reasons: str) -> Rejection:
    """A rejected row's stage and reasons, as the oracle gives them."""
    listed = json.loads(reasons)
    first = listed[0].get("found") if stage == "dedupe" else None
    return Rejection(stage, tuple(reason["reason"] for reason in listed), first)
