"""Firehose's prefixes and partition keys: the examples of AWS's pages, and what is refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from sandbox.aws.refusals import CallRefused
from sandbox.firehose.destinations import complete_configuration, read_destination
from sandbox.firehose.partitioning import NotPlaced, build_error_record, extract_keys, read_query
from sandbox.firehose.prefixes import build_suffix, evaluate_error_prefix, evaluate_prefix

MOMENT = datetime(2018, 8, 27, 10, 30, 5, 123456, tzinfo=UTC)


class PrefixCase(NamedTuple):
    prefix: str
    evaluated: str


PREFIXES = (
    PrefixCase("", "2018/08/27/10/"),
    PrefixCase("events/", "events/2018/08/27/10/"),
    PrefixCase("fire", "fire2018/08/27/10/"),
    PrefixCase("!{timestamp:yyyy'-'MM'-'dd}/", "2018-08-27/"),
    PrefixCase("y=!{timestamp:yyyy}/m=!{timestamp:MM}/d=!{timestamp:dd}/h=!{timestamp:HH}/", "y=2018/m=08/d=27/h=10/"),
    PrefixCase("!{timestamp:yy.M.d.H.m.s.SSS.DDD}", "18.8.27.10.30.5.123.239"),
    PrefixCase("!{timestamp:uuuu MMM MMMM ''}", "2018 Aug August '"),
    PrefixCase("day=!{partitionKeyFromQuery:day}/", "day=2013-01-01/"),
    PrefixCase("day=!{partitionKeyFromQuery:gone}/", "day=/"),
)


@pytest.mark.parametrize("case", PREFIXES, ids=lambda case: case.prefix)
def test_a_prefix_is_evaluated_at_the_oldest_record(case: PrefixCase) -> None:
    assert evaluate_prefix(case.prefix, MOMENT, {"day": "2013-01-01"}) == case.evaluated


def test_each_random_string_is_its_own() -> None:
    first, second = evaluate_prefix(
        "!{firehose:random-string}/!{firehose:random-string}/!{timestamp:yyyy}", MOMENT, {}
    ).split("/")[:2]

    assert (len(first), len(second)) == (11, 11)
    assert first != second


@pytest.mark.parametrize(
    ("error_prefix", "evaluated"),
    [
        ("bad/!{firehose:error-output-type}/!{timestamp:yyyy}/", "bad/processing-failed/2018/"),
        ("bad/", "bad/processing-failed/2018/08/27/10/"),
        ("", "events/processing-failed/2018/08/27/10/"),
    ],
)
def test_an_error_prefix_names_the_failure(error_prefix: str, evaluated: str) -> None:
    assert evaluate_error_prefix(error_prefix, "events/", MOMENT) == evaluated


def test_an_object_is_named_after_stream_version_and_moment() -> None:
    name = build_suffix("millrace-events", 3, MOMENT, ".gz")

    assert name.startswith("millrace-events-3-2018-08-27-10-30-05-")
    assert len(name) == len("millrace-events-3-2018-08-27-10-30-05-") + 36 + 3


class Refusal(NamedTuple):
    id: str
    configuration: dict[str, Any]
    says: str


DAY = {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{day:.day}"}
ENGINE = {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}
EXTRACT = {"Enabled": True, "Processors": [{"Type": "MetadataExtraction", "Parameters": [DAY, ENGINE]}]}
PARTITIONED = {
    "DynamicPartitioningConfiguration": {"Enabled": True},
    "ProcessingConfiguration": EXTRACT,
    "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 1},
    "Prefix": "day=!{partitionKeyFromQuery:day}/",
    "ErrorOutputPrefix": "bad/!{firehose:error-output-type}/",
}
JQ = [{"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{day:.day[0:4]}"}, ENGINE]
REFUSALS = (
    Refusal("no expression", {"Prefix": "!{x", "ErrorOutputPrefix": "e/"}, "begins no expression"),
    Refusal("no namespace", {"Prefix": "!{x:y}", "ErrorOutputPrefix": "e/"}, "no such expression"),
    Refusal("no value", {"Prefix": "!{firehose:x}", "ErrorOutputPrefix": "e/"}, "no such expression"),
    Refusal("no letter of the pattern", {"Prefix": "!{timestamp:EEE}", "ErrorOutputPrefix": "e/"}, "not emulated"),
    Refusal("an open quote", {"Prefix": "!{timestamp:'T}", "ErrorOutputPrefix": "e/"}, "not closed"),
    Refusal("no error prefix", {"Prefix": "!{timestamp:yyyy}/"}, "ErrorOutputPrefix can be null only"),
    Refusal("no error type", {"ErrorOutputPrefix": "!{timestamp:yyyy}/"}, "must include !{firehose:error-output-type}"),
    Refusal("error type in the prefix", {"Prefix": "!{firehose:error-output-type}", "ErrorOutputPrefix": "e/"}, "can't"),
    Refusal("keys without partitioning", {"Prefix": "!{partitionKeyFromQuery:a}/", "ErrorOutputPrefix": "e/"}, "not enabled"),
    Refusal("unknown key", PARTITIONED | {"Prefix": "!{partitionKeyFromQuery:a}/"}, "does not name a"),
    Refusal("prefix without keys", PARTITIONED | {"Prefix": "all/"}, "must contain partition keys"),
    Refusal("partitioned, no error prefix", PARTITIONED | {"ErrorOutputPrefix": ""}, "ErrorOutputPrefix"),
    Refusal("small buffers", PARTITIONED | {"BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 1}}, "at least 64"),
    Refusal("no buffering", PARTITIONED | {"BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 0}}, "Zero buffering"),
    Refusal("no query", PARTITIONED | {"ProcessingConfiguration": {"Enabled": False}}, "no processor"),
    Refusal("not enabled", PARTITIONED | {"DynamicPartitioningConfiguration": {"Enabled": False}}, "only be present"),
    Refusal("jq", PARTITIONED | {"ProcessingConfiguration": {"Enabled": True, "Processors": [
        {"Type": "MetadataExtraction", "Parameters": JQ}]}}, "plain paths"),
    Refusal("lambda", {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda"}]}}, "not emulated"),
    Refusal("size", {"BufferingHints": {"SizeInMBs": 129}}, "between 1 and 128"),
    Refusal("interval", {"BufferingHints": {"IntervalInSeconds": 901}}, "between 0 and 900"),
    Refusal("compression", {"CompressionFormat": "Snappy"}, "not emulated"),
    Refusal("conversion", {"DataFormatConversionConfiguration": {"Enabled": True}}, "not emulated"),
    Refusal("bucket", {"BucketARN": "lake"}, "no ARN of a bucket"),
    Refusal("zone", {"CustomTimeZone": "Nowhere/At-all"}, "no time zone"),
)  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.id)
def test_a_destination_that_firehose_would_not_take_is_refused(refusal: Refusal) -> None:
    configuration = complete_configuration({"BucketARN": "arn:aws:s3:::lake", "RoleARN": "r", **refusal.configuration})

    with pytest.raises(CallRefused, match=refusal.says.replace("{", r"\{")) as refused:
        read_destination(configuration)

    assert refused.value.name == "InvalidArgumentException"


def test_defaults_are_firehoses() -> None:
    destination = read_destination(complete_configuration({"BucketARN": "arn:aws:s3:::lake", "RoleARN": "r"}))

    assert (destination.size_bytes, destination.interval_s, destination.extension) == (5 * 1024 * 1024, 300, "")
    assert (destination.delimiter, destination.keys) == (b"", None)


def test_keys_are_read_by_paths() -> None:
    paths = read_query('{day:.day, "kind":.event.kind, n:.n}')

    assert extract_keys(paths, b'{"day":"2013-01-01","event":{"kind":"x"},"n":7}') == {
        "day": "2013-01-01",
        "kind": "x",
        "n": "7",
    }


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff", "Non UTF-8"),
        (b"no", "Non JSON"),
        (b"[]", "null or empty"),
        (b"{}", "null or empty"),
        (b'{"day":null}', "null or empty"),
        (b'{"day":""}', "null or empty"),
        (b'{"day":{}}', "null or empty"),
    ],
)
def test_a_record_without_a_key_is_not_placed(data: bytes, says: str) -> None:
    with pytest.raises(NotPlaced, match=says):
        extract_keys(read_query("{day:.day}"), data)


def test_an_error_record_holds_the_bytes() -> None:
    line = build_error_record(b"\xff\n", "why", 1535365805.5, "id")

    assert line.endswith(b"}\n")
    record = json.loads(line)
    assert base64.b64decode(record["rawData"]) == b"\xff\n"
    assert (record["arrivalTimestamp"], record["errorMessage"]) == (1535365805500, "why")
