"""Merging the pipes' rule into whatever notifications a bucket has: pure."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from pipeline_contract.errors import ConfigurationError
from snowflake_integration.notifications import Wiring, merge_wiring, remove_wiring

QUEUE = "arn:aws:sqs:us-east-1:1:sf-snowpipe-abc"
WIRING = Wiring("flights", "lake/flights/", QUEUE)
CREATED = ("s3:ObjectCreated:*",)


def rule(
    *,
    prefix: str | None,
    name: str = "other",
    arn: str = "arn:aws:sqs:us-east-1:1:mine",
    events: tuple[str, ...] = CREATED,
    suffix: str | None = None,
    target: str = "QueueArn",
) -> dict[str, Any]:
    """One rule of a bucket as S3 answers it, which spells the filter's names with a capital."""
    filters = [{"Name": n, "Value": v} for n, v in (("Prefix", prefix), ("Suffix", suffix)) if v is not None]
    key = {"Filter": {"Key": {"FilterRules": filters}}} if filters else {}
    return {"Id": name, target: arn, "Events": list(events), **key}


OWN = rule(prefix="lake/flights/", name="millrace-flights", arn=QUEUE)


def test_an_empty_bucket_gets_one_rule_for_every_way_of_creating_sp13() -> None:
    merged = merge_wiring({}, WIRING)

    assert merged == {
        "QueueConfigurations": [
            {
                "Id": "millrace-flights",
                "QueueArn": QUEUE,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "lake/flights/"}]}},
            }
        ]
    }


class KeptCase(NamedTuple):
    id: str
    current: dict[str, Any]


KEPT = (
    KeptCase("another-pipeline", {"QueueConfigurations": [rule(prefix="lake/readings/", arn=QUEUE)]}),
    KeptCase("a-longer-name", {"QueueConfigurations": [rule(prefix="lake/flights_old/")]}),
    KeptCase("deletions-of-the-same", {"QueueConfigurations": [rule(prefix=None, events=("s3:ObjectRemoved:*",))]}),
    KeptCase(
        "a-topic-elsewhere", {"TopicConfigurations": [rule(prefix="in/", arn="arn:aws:sns:x", target="TopicArn")]}
    ),
    KeptCase("event-bridge", {"EventBridgeConfiguration": {}}),
    KeptCase("its-own-old-rule", {"QueueConfigurations": [{**OWN, "QueueArn": "arn:aws:sqs:us-east-1:1:old"}]}),
)


@pytest.mark.parametrize("case", KEPT, ids=lambda case: case.id)
def test_what_the_bucket_has_is_kept_and_the_own_rule_is_there_once(case: KeptCase) -> None:
    merged = merge_wiring(case.current, WIRING)

    assert merged is not None
    queues = merged["QueueConfigurations"]
    assert [q["QueueArn"] for q in queues if q["Id"] == "millrace-flights"] == [QUEUE]
    assert remove_wiring(merged, "flights") == {"QueueConfigurations": [], **remove_wiring(case.current, "flights")}


UNCHANGED = (
    KeptCase("the-own-rule", {"QueueConfigurations": [OWN]}),
    KeptCase("the-whole-lake-to-the-same-queue", {"QueueConfigurations": [rule(prefix="lake/", arn=QUEUE)]}),
    KeptCase("the-whole-bucket-to-the-same-queue", {"QueueConfigurations": [rule(prefix=None, arn=QUEUE)]}),
)


@pytest.mark.parametrize("case", UNCHANGED, ids=lambda case: case.id)
def test_a_bucket_that_tells_already_is_left_alone(case: KeptCase) -> None:
    assert merge_wiring(case.current, WIRING) is None


class OverlapCase(NamedTuple):
    id: str
    current: dict[str, Any]
    prefix: str


OVERLAPS = (
    OverlapCase("whole-bucket", {"QueueConfigurations": [rule(prefix=None)]}, "''"),
    OverlapCase("above", {"QueueConfigurations": [rule(prefix="lake/")]}, "'lake/'"),
    OverlapCase("below", {"QueueConfigurations": [rule(prefix="lake/flights/raw/")]}, "'lake/flights/raw/'"),
    OverlapCase(
        "put-only", {"QueueConfigurations": [rule(prefix="lake/", events=("s3:ObjectCreated:Put",))]}, "'lake/'"
    ),
    OverlapCase(
        "a-topic", {"TopicConfigurations": [rule(prefix="lake/", arn="arn:aws:sns:x", target="TopicArn")]}, "'lake/'"
    ),
    OverlapCase(
        "a-function",
        {"LambdaFunctionConfigurations": [rule(prefix="lake/", arn="arn:aws:lambda:x", target="LambdaFunctionArn")]},
        "'lake/'",
    ),
    OverlapCase(
        "the-same-queue-for-some-names",
        {"QueueConfigurations": [rule(prefix="lake/", arn=QUEUE, suffix=".csv")]},
        "'lake/'",
    ),
)


@pytest.mark.parametrize("case", OVERLAPS, ids=lambda case: case.id)
def test_an_overlap_that_s3_would_refuse_is_refused_with_the_other_rule_named_sp14(case: OverlapCase) -> None:
    with pytest.raises(ConfigurationError) as caught:
        merge_wiring(case.current, WIRING)

    assert f"under {case.prefix} (rule 'other')" in str(caught.value)
    assert "SNS" in str(caught.value)


def test_removing_leaves_the_rules_of_others() -> None:
    other = rule(prefix="lake/readings/", arn=QUEUE)

    assert remove_wiring({"QueueConfigurations": [OWN, other]}, "flights") == {"QueueConfigurations": [other]}
