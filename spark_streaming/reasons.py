"""Why a row is rejected: one struct for each reason, the same wherever it is found."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

REASON = "struct<reason: string, column: string, found: string>"
# How much of a wrong value a reason shows; the whole of it stands in the rejected row's bytes.
_SHOWN_CHARACTERS = 100


def make_reason(reason: str | Column, column: str | Column | None, found: Column | None) -> Column:
    """A reason by its name, the column that it is about, and the begin of what was found there."""
    name = F.lit(reason) if isinstance(reason, str) else reason
    about = column if isinstance(column, Column) else F.lit(column)
    shown = F.lit(None) if found is None else F.substring(found, 1, _SHOWN_CHARACTERS)
    return F.struct(name.alias("reason"), about.cast("string").alias("column"), shown.cast("string").alias("found"))


def shorten_name(name: Column) -> Column:
    """The begin of a name that a message brought: by it rows are counted, and it may be of any length."""
    return F.substring(name, 1, _SHOWN_CHARACTERS)
