"""Text to the contract's types: a value that is not of its type becomes null, never something near it."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.column_types import ColumnType

# Spark's own casts also take a bare year for a date, drop a zone from a time without one, and read Java's number
# literals (1d, 0x1p3). The years are 1 to 9999, which every reader knows; on the first and the last day a zone could
# lead out of them.
_DATE = r"^\s*(?!0000)\d{4}-\d{2}-\d{2}\s*$"
_TIMESTAMP = (
    r"^\s*(?!0000|0001-01-01.*\+|9999-12-31.{6,}-)"
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?\s*$"
)
_DOUBLE = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_WHITE_SPACE = " \t\r\n"


def cast_text(text: Column, kind: ColumnType, pattern: str | None = None) -> Column:
    """A text column as `kind`, null where the text is not of it; `pattern` is a date or time pattern of Spark's.

    Text stays as it is; around any other type white space goes. A time without a zone is UTC, a year is one of 1 to
    9999, and a double is finite. Nothing is rounded but a double to its nearest value.
    """
    if kind.name == "string":
        return text
    if kind.name in ("date", "timestamp"):
        return _cast_time(text, kind, pattern)
    if kind.name == "decimal":
        # A cast would round what does not fit.
        return _where(text, rf"^\s*[+-]?\d*(\.\d{{0,{kind.scale}}}0*)?\s*$").try_cast(kind.spark)
    if kind.name == "double":
        number = _where(text, _DOUBLE).try_cast("double")
        return F.when(F.abs(number) < F.lit(float("inf")), number)
    return text.try_cast(kind.spark)


def _cast_time(text: Column, kind: ColumnType, pattern: str | None) -> Column:
    if pattern:
        parsed = F.try_to_timestamp(F.trim(text, F.lit(_WHITE_SPACE)), F.lit(pattern))
        time = F.when(F.year(parsed).between(1, 9999), parsed)
    else:
        time = _where(text, _DATE if kind.name == "date" else _TIMESTAMP)
    return time.try_cast("date") if kind.name == "date" else time.try_cast("timestamp").cast("timestamp_ntz")


def _where(text: Column, pattern: str) -> Column:
    return F.when(text.rlike(pattern), text)
