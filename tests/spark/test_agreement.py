"""The Spark job and the judge without Spark give the same rows for the same messages, whatever these are."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests import odd_messages as odd
from tests.spark.agreement_contracts import (
    COLUMNS,
    DRIFTS,
    PROTECTED,
    build,
    check_agreement,
    draw_batch,
    draw_values,
    list_odd_texts,
)
from tests.spark.builders import FEW_JOBS

# Each is a Spark job of many rows; the chaos suite has more of them.
ONE_JOB = settings(FEW_JOBS, max_examples=1)


@ONE_JOB
@given(st.data())
def test_json_values_and_every_odd_text(spark_session: SparkSession, tmp_path: Path, data: st.DataObject) -> None:
    contract = build(tmp_path, "json", COLUMNS, drift=DRIFTS["reject"])
    sent = data.draw(draw_values(contract, 100))

    check_agreement(spark_session, contract, [*list_odd_texts(), *sent], data.draw(draw_batch(odd.envelopes, 40)))


@ONE_JOB
@given(st.data())
def test_protected_csv_values(spark_session: SparkSession, tmp_path: Path, data: st.DataObject) -> None:
    contract = build(tmp_path, "csv", COLUMNS + PROTECTED, raw={"zone": "encrypted"})
    sent = data.draw(draw_values(contract, 100))

    check_agreement(spark_session, contract, sent, data.draw(draw_batch(odd.envelopes, 20)))
