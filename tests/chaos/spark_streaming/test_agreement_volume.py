"""Many batches of odd messages, in every format and under every policy, judged alike with and without Spark."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests import odd_messages as odd
from tests.spark.agreement_contracts import COLUMNS, DRIFTS, build, check_agreement, draw_batch, draw_values
from tests.spark.builders import FEW_JOBS


@pytest.mark.chaos
@settings(FEW_JOBS, max_examples=5)
@given(st.data())
@pytest.mark.parametrize("policy", DRIFTS)
@pytest.mark.parametrize("value_format", ["json", "csv", "avro"])
def test_many_values(
    spark_session: SparkSession, tmp_path: Path, value_format: str, policy: str, data: st.DataObject
) -> None:
    drift = DRIFTS[policy] if value_format != "csv" else {}
    contract = build(tmp_path, value_format, COLUMNS, drift=drift)
    sent = data.draw(draw_values(contract, 100))

    check_agreement(spark_session, contract, sent, data.draw(draw_batch(odd.envelopes, 40)))
