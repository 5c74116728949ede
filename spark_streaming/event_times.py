"""Conditions on event times, which have no zone. Columns in, columns out."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.event_range import EventRange


def time_literal(text: str) -> Column:
    """A time without a zone: from text, as a Python time would be taken for one of this machine's zone."""
    return F.lit(text).cast("timestamp_ntz")


def bound_range(event_range: EventRange) -> tuple[Column, Column]:
    """The begin and the end of a range as literals."""
    return time_literal(event_range.start.isoformat()), time_literal(event_range.end.isoformat())


def is_within(time: Column, event_range: EventRange) -> Column:
    """Whether a time lies in a half-open range."""
    start, end = bound_range(event_range)
    return (time >= start) & (time < end)
