"""Random rows of every kind: two hundred and forty cases, a partition each, in splits of many sizes."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from connections.settings import Settings
from pipeline_contract.model import LakeFormat
from tests.integration.spark_streaming.job_runs import Pipeline
from tests.integration.spark_streaming.random_topic import sum_windows
from tests.integration.spark_streaming.test_random_rows import check_random_rows

CASES = 80


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("seed", "lake_format"), [(1, "parquet"), (2, "csv"), (3, "json")])
def test_the_lake_holds_what_python_makes_of_many_random_rows(
    seed: int,
    lake_format: LakeFormat,
    tmp_path: Path,
    unique_name: str,
    sandbox_settings: Settings,
    sandbox_variables: dict[str, str],
) -> None:
    pipeline = Pipeline(tmp_path, unique_name, sandbox_settings, sandbox_variables, str(tmp_path / "checkpoints"))
    expected = check_random_rows(pipeline, Random(seed), CASES, lake_format)

    # No row is later than the watermark allows, so that the windows are those of all curated rows.
    assert pipeline.run("run", str(pipeline.path), "--available-now", "--query", "aggregates").code == 0
    assert pipeline.run("close", str(pipeline.path)).code == 0
    windows = pipeline.list_rows("aggregates/hourly").to_pylist()
    found = [((row["window_start"], row["kind"]), (row["events"], row["total"])) for row in windows]
    assert dict(found) == sum_windows(expected.curated.values())
    assert len(found) == len(dict(found))
