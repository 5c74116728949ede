"""What the format of the curated zone decides: endings, pipes, Athena's DDL."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from pipeline_contract.contract_file import parse_contract
from pipeline_contract.ddl import athena_table
from pipeline_contract.outputs import Output, derive_outputs
from pipeline_contract.page import describe_pipeline
from tests.unit.pipeline_contract.contract_builder import build_contract


class Format(NamedTuple):
    id: str
    extension: str
    has_pipe: bool
    athena: tuple[str, ...]


FORMATS = (
    Format(
        "parquet",
        "parquet",
        True,
        ("STORED AS PARQUET", "`price` decimal(12,2)", "PARTITIONED BY (`land` string)"),
    ),
    Format("csv", "csv.gz", True, ("OpenCSVSerde", "`price` string", "skip.header.line.count")),
    Format("json", "json.gz", True, ("openx.data.jsonserde", "`price` string", "`id` bigint")),
    Format("delta", "parquet", False, ("CREATE EXTERNAL TABLE `orders_curated` LOCATION", "'table_type' = 'DELTA'")),
)


def derive(lake_format: str) -> tuple[Any, tuple[Output, ...]]:
    contract, problems = parse_contract(
        build_contract(lake={"format": lake_format, "partition_by": {"land": "country"}})
    )
    assert not problems
    return contract, derive_outputs(contract)


@pytest.mark.parametrize("case", FORMATS, ids=lambda case: case.id)
def test_a_format_decides_ending_pipe_and_ddl(case: Format) -> None:
    contract, (raw, curated, rejected) = derive(case.id)

    assert (curated.extension, curated.has_pipe) == (case.extension, case.has_pipe)
    assert {output.extension for output in (raw, rejected)} == {"parquet"}
    assert raw.has_pipe
    assert rejected.has_pipe
    ddl = " ".join(athena_table(contract, curated, "bucket").split())
    assert [part for part in case.athena if part not in ddl] == []
    assert "s3://bucket/lake/orders/curated/" in ddl


def test_the_page_of_a_delta_pipeline_names_no_curated_table_of_snowflake() -> None:
    contract, _ = derive("delta")
    page = describe_pipeline(contract)

    assert [output["table"] for output in page["outputs"]] == [
        "MILLRACE.ORDERS.ORDERS_RAW", "", "MILLRACE.ORDERS.ORDERS_REJECTED"
    ]  # fmt: skip
    assert "CREATE TABLE" not in page["snowflake"]


def test_another_format_is_refused() -> None:
    _, problems = parse_contract(build_contract(lake={"format": "orc"}))

    assert any("lake.format" in problem and "'delta'" in problem for problem in problems)
