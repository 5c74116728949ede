"""Values of a result as Athena writes them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from sandbox.athena.results import Result, ResultColumn, write_value
from sandbox.athena.types import ResultType


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (123456.789, "123456.789"),
        (1e7, "1.0E7"),
        (-1.25e-5, "-1.25E-5"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (True, "true"),
        (12, "12"),
        (Decimal("1.50"), "1.50"),
        (dt.date(2013, 1, 1), "2013-01-01"),
        (dt.datetime.fromisoformat("2013-01-01 05:00:00.123999"), "2013-01-01 05:00:00.123"),
        (b"\x01\xff", "01 ff"),
        ([1, None, "a"], "[1, null, a]"),
        ({"a": 1, "b": None}, "{a=1, b=null}"),
    ],
    ids=str,
)
def test_values(value: object, text: str) -> None:
    assert write_value(value) == text


def test_the_object_tells_null_from_empty_text_and_doubles_quotes() -> None:
    result = Result((ResultColumn("n", ResultType("varchar")),), (('say "no"',), ("",), (None,)))

    assert result.write_csv().decode() == '"n"\n"say ""no"""\n""\n\n'
