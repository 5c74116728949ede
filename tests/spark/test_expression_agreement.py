"""Every declared function and operator gives the answers of Spark, for odd values of every type."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.column_types import parse_type
from pipeline_contract.compiled_expressions import compile_expression
from tests.spark.agreement import show_bits
from tests.sql_cases import COLUMNS, EXPRESSIONS, ROWS

_PLACES = {name: (place, kind) for place, (name, kind) in enumerate(COLUMNS.items())}


@pytest.fixture(scope="module")
def answers(spark_session: SparkSession) -> list[tuple[Any, ...]]:
    """Spark's values of all expressions, a row for each of `ROWS`."""
    schema = ", ".join(f"{name} {kind.spark}" for name, kind in COLUMNS.items())
    rows = spark_session.createDataFrame(ROWS, schema).coalesce(1)
    wanted = [
        F.expr(text).try_cast(parse_type(kind).spark).alias(f"x{n}") for n, (text, kind) in enumerate(EXPRESSIONS)
    ]
    return [tuple(row) for row in rows.select(*wanted).collect()]


@pytest.mark.parametrize("number", range(len(EXPRESSIONS)), ids=[f"{kind}: {text}" for text, kind in EXPRESSIONS])
def test_an_expression_gives_the_answers_of_spark(number: int, answers: list[tuple[Any, ...]]) -> None:
    text, kind = EXPRESSIONS[number]
    evaluate = compile_expression(text, _PLACES, "here", parse_type(kind))

    differing = [
        (row, theirs[number], evaluate(row))
        for row, theirs in zip(ROWS, answers, strict=True)
        if show_bits(theirs[number]) != show_bits(evaluate(row))
    ]

    assert not differing, differing[:3]
