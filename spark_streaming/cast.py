"""Text to the contract's types: a value that is not of its type becomes null, never something near it."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.column_types import ColumnType

# Spark's own casts also take a bare year for a date, and drop a zone from a time without one.
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_TIMESTAMP = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?$"


def cast_text(text: Column, kind: ColumnType, pattern: str | None = None) -> Column:
    """A text column as `kind`, null where the text is not of it; `pattern` is a date or time pattern of Spark's.

    Text stays as it is; before any other type white space around it goes. A time without a zone is UTC.
    """
    if kind.name == "string":
        return text
    trimmed = F.trim(text)
    if kind.name == "date":
        parsed = F.try_to_timestamp(trimmed, F.lit(pattern)) if pattern else _where(trimmed, _DATE)
        return parsed.try_cast("date")
    if kind.name == "timestamp":
        parsed = F.try_to_timestamp(trimmed, F.lit(pattern)) if pattern else _where(trimmed, _TIMESTAMP)
        return parsed.try_cast("timestamp").cast("timestamp_ntz")
    if kind.name == "decimal":
        # A cast would round what does not fit.
        return _where(trimmed, rf"^[+-]?\d*(\.\d{{0,{kind.scale}}}0*)?$").try_cast(kind.spark)
    return trimmed.try_cast(kind.spark)


def _where(text: Column, pattern: str) -> Column:
    return F.when(text.rlike(pattern), text)
