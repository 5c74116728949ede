"""Spark's offset log, starting offsets and ranges."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from pipeline_contract.errors import ConfigurationError, PublishConflict
from spark_streaming.offsets import (
    Offsets,
    choose_starts,
    leave_out_topics,
    parse_offset_log,
    range_ends,
    span_ranges,
    sum_offsets,
    write_offsets,
)

# As Spark 4.0 wrote them, but for the configuration, which is longer.
FIRST_BATCH = """v1
{"batchWatermarkMs":0,"batchTimestampMs":1718000000000,"conf":{"spark.sql.shuffle.partitions":"4"}}
{"flights":{"2":30,"1":20,"0":10},"flights.rejected":{"0":0}}"""
LATER_BATCH = """v1
{"batchWatermarkMs":1388527200500,"batchTimestampMs":1718000005000,"conf":{}}
{"flights":{"0":11}}"""
NO_METADATA = 'v1\n{}\n{"flights":{"0":11}}\n'


def test_the_first_batch_has_ends_and_no_watermark() -> None:
    entry = parse_offset_log(FIRST_BATCH)

    assert entry.ends == {"flights": {0: 10, 1: 20, 2: 30}, "flights.rejected": {0: 0}}
    assert entry.watermark is None


def test_a_later_batch_has_a_watermark_in_utc() -> None:
    expected = datetime(2013, 12, 31, 22, 0, 0, 500_000, UTC).replace(tzinfo=None)

    assert parse_offset_log(LATER_BATCH).watermark == expected


def test_a_log_without_a_watermark_is_read() -> None:
    assert parse_offset_log(NO_METADATA).ends == {"flights": {0: 11}}


class BadLog(NamedTuple):
    id: str
    text: str


BAD_LOGS = [
    BadLog("empty", ""),
    BadLog("other_version", LATER_BATCH.replace("v1", "v2")),
    BadLog("two_sources", LATER_BATCH + '\n{"other":{"0":1}}'),
    BadLog("cut_short", LATER_BATCH.rpartition("\n")[0]),
    BadLog("not_json", 'v1\n{"batchWaterm\n{"flights":{"0":11}}'),
    BadLog("source_without_offsets", 'v1\n{"batchWatermarkMs":0}\n-'),
    BadLog("no_offsets", 'v1\n{"batchWatermarkMs":0}\n{"flights": 3}'),
]


@pytest.mark.parametrize("bad", BAD_LOGS, ids=[bad.id for bad in BAD_LOGS])
def test_a_log_of_another_form_is_refused(bad: BadLog) -> None:
    with pytest.raises(PublishConflict, match="offset log"):
        _ = parse_offset_log(bad.text).ends


LOW: Offsets = {"flights": {0: 5, 1: 0}, "flights.rejected": {0: 0}}
HIGH: Offsets = {"flights": {0: 50, 1: 40}, "flights.rejected": {0: 3}}


class Start(NamedTuple):
    id: str
    wanted: str
    starts: Offsets


STARTS = [
    Start("earliest", "earliest", LOW),
    Start("latest", "latest", HIGH),
    Start("json", '{"flights": {"0": 7, "1": 8}}', {"flights": {0: 7, 1: 8}, "flights.rejected": {0: 0}}),
    Start("json_of_one_partition", '{"flights": {"1": 8}}', {"flights": {0: 5, 1: 8}, "flights.rejected": {0: 0}}),
    Start("spark_s_earliest", '{"flights": {"0": -2, "1": -2}}', LOW),
    Start("spark_s_latest", '{"flights": {"0": -1}}', {"flights": {0: 50, 1: 0}, "flights.rejected": {0: 0}}),
    Start("empty_json", "{}", LOW),
]


@pytest.mark.parametrize("start", STARTS, ids=[start.id for start in STARTS])
def test_starting_offsets(start: Start) -> None:
    assert choose_starts(start.wanted, LOW, HIGH) == start.starts


class BadStart(NamedTuple):
    id: str
    wanted: str
    named: str


BAD_STARTS = [
    BadStart("word", "first", "'first'"),
    BadStart("cut_json", '{"flights": {', "allowed"),
    BadStart("json_list", "[1]", "allowed"),
    BadStart("json_number", "7", "allowed"),
    BadStart("offset_of_no_partition", '{"flights": 7}', "allowed"),
    BadStart("partition_no_number", '{"flights": {"a": 7}}', "allowed"),
    BadStart("offset_no_number", '{"flights": {"0": "7"}}', "allowed"),
    BadStart("offset_a_fraction", '{"flights": {"0": 7.5}}', "allowed"),
    BadStart("unknown_topic", '{"fligths": {"0": 7}}', "fligths"),
    BadStart("unknown_partition", '{"flights": {"9": 7}}', "partition 9"),
]


@pytest.mark.parametrize("bad", BAD_STARTS, ids=[bad.id for bad in BAD_STARTS])
def test_wrong_starting_offsets_are_refused(bad: BadStart) -> None:
    with pytest.raises(ConfigurationError, match="--starting-offsets") as caught:
        choose_starts(bad.wanted, LOW, HIGH)

    assert bad.named in str(caught.value)


def test_ranges_lie_between_two_ends_in_order() -> None:
    ids = {"b": "id-b", "a": "id-a"}

    ranges = span_ranges({"b": {1: 5}}, {"b": {1: 9, 0: 4}, "a": {0: 2}}, ids)

    assert [(r.topic, r.topic_id, r.partition, r.start, r.end) for r in ranges] == [
        ("a", "id-a", 0, 0, 2),
        ("b", "id-b", 0, 0, 4),
        ("b", "id-b", 1, 5, 9),
    ]
    assert range_ends(ranges) == {"a": {0: 2}, "b": {0: 4, 1: 9}}
    assert sum_offsets(range_ends(ranges)) == 15


def test_no_ranges_have_no_ends() -> None:
    assert (range_ends([]), sum_offsets({})) == ({}, 0)


def test_offsets_are_written_as_spark_reads_them() -> None:
    assert json.loads(write_offsets({"b": {1: 2, 0: 1}})) == {"b": {"0": 1, "1": 2}}


def test_what_is_said_of_another_topic_is_left_out() -> None:
    both = '{"flights": {"0": 42}, "flights.rejected": {"0": 1}}'

    assert leave_out_topics(both, {"flights.rejected"}) == '{"flights": {"0": 42}}'
    assert leave_out_topics("latest", {"flights.rejected"}) == "latest"
