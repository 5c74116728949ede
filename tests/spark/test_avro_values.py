"""Avro values in Confluent's frame, in Spark: what each becomes, what is damaged, and that the reconciliation agrees."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.avro_values import encode_avro
from reconciliation.topic_party import open_avro_parser
from spark_streaming.curate import judge_rows, select_curated, select_rejected
from spark_streaming.source import select_raw
from tests.avro_cases import CASES, CONTRACT, GOOD, NAMES, OWN, RECURSIVE, SCHEMAS, build_avro_contract
from tests.orders import BATCH_ID, TOPIC_IDS
from tests.spark.builders import FEW_JOBS, build_messages, frame_of


def read(spark: SparkSession, values: list[bytes | None]) -> tuple[list[Any], dict[int, Any], dict[int, Any]]:
    """The raw rows, and the curated and rejected ones by their offsets."""
    messages = frame_of(spark, build_messages(values))
    raw = select_raw(messages, CONTRACT, TOPIC_IDS, F.lit(BATCH_ID), SCHEMAS).localCheckpoint()
    judged = judge_rows(raw, CONTRACT, {}, SCHEMAS).localCheckpoint()
    curated, rejected = select_curated(judged, CONTRACT).collect(), select_rejected(judged, CONTRACT).collect()
    return (
        raw.orderBy("_offset").collect(),
        {row["_offset"]: row for row in curated},
        {row["_offset"]: row for row in rejected},
    )


def test_each_value_becomes_its_row_or_is_rejected(spark_session: SparkSession) -> None:
    raw, curated, rejected = read(spark_session, [case.value for case in CASES])

    outcomes = {
        case.id: {name: value for name in NAMES if (value := curated[n][name]) is not None}
        if n in curated
        else rejected[n]["reason"]
        for n, case in enumerate(CASES)
    }
    assert outcomes == {case.id: case.row for case in CASES}
    assert [bytes(row["value"]) for row in raw] == [case.value for case in CASES]
    assert {bytes(rejected[n]["value"]) for n in rejected} == {
        case.value for case in CASES if isinstance(case.row, str)
    }


def test_the_writers_schema_says_what_is_unknown_and_missing(spark_session: SparkSession) -> None:
    [later] = [case.value for case in CASES if case.id == "a-later-schema"]
    contract = build_avro_contract(drift={"missing_columns": "reject"})
    messages = frame_of(spark_session, build_messages([GOOD, later]))
    raw = select_raw(messages, contract, TOPIC_IDS, F.lit(BATCH_ID), SCHEMAS)

    [row] = select_rejected(judge_rows(raw, contract, {}, SCHEMAS), contract).collect()

    reasons = [(reason["reason"], reason.get("found")) for reason in json.loads(row["reasons"])]
    assert reasons == [("unknown:surplus", '{"value":{"a":1}}'), ("missing:good", None), ("missing:day", None)]
    assert row["_offset"] == 1


def test_spark_and_the_reconciliation_find_the_same_source(spark_session: SparkSession) -> None:
    raw, _, _ = read(spark_session, [case.value for case in CASES])
    parse = open_avro_parser({number: schema for number, schema in SCHEMAS.items() if number != RECURSIVE})

    found = {case.id: (row["_source_file"], row["_source_line"]) for case, row in zip(CASES, raw, strict=True)}

    assert found == {case.id: parse(case.value) for case in CASES}
    assert found["our-own"] == ("f.csv#1", 7)
    assert found["a-later-schema"] == ("g.csv#2", 9)


texts = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=7, max_size=7)
values = texts.map(lambda row: encode_avro(OWN, row, "f#1", 1))


@FEW_JOBS
@given(st.lists(values | st.binary(max_size=40) | st.none(), min_size=50, max_size=80))
def test_any_bytes_at_all_land_in_exactly_one_output(spark_session: SparkSession, sent: list[bytes | None]) -> None:
    raw, curated, rejected = read(spark_session, sent)
    parse = open_avro_parser(SCHEMAS)

    assert sorted([*curated, *rejected]) == list(range(len(sent)))
    assert [(row["_source_file"], row["_source_line"]) for row in raw] == [parse(value) for value in sent]


def test_a_value_is_decoded_once_for_each_schema(spark_session: SparkSession) -> None:
    messages = frame_of(spark_session, build_messages([GOOD]))
    raw = select_raw(messages, CONTRACT, TOPIC_IDS, F.lit(BATCH_ID), SCHEMAS).localCheckpoint()

    plan = (
        select_curated(judge_rows(raw, CONTRACT, {}, SCHEMAS), CONTRACT)._jdf.queryExecution().executedPlan().toString()
    )

    readable = set(SCHEMAS) - {RECURSIVE}
    assert plan.count("from_avro(") == len(readable), plan
