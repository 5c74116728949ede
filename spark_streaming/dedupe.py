"""Duplicates by the contract's key: rows that an accepted one of the same key comes before. DataFrame in, DataFrame out.

A valid row is a duplicate if an accepted row of its key comes before it and their event times lie at most `within`
apart. Before it comes what has a lower offset in its partition, and all that a topic of another id has left. Only
accepted rows count: a duplicate of a duplicate is compared with the first. So the answer does not depend on how the rows
fall into batches.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.model import Dedupe
from pipeline_contract.outputs import REJECTED_COLUMNS
from pipeline_contract.passport import PASSPORT, SOURCE_FILE, SOURCE_LINE
from spark_streaming.null_safe_keys import rename_key, same_key

# A row's place in the topic; in this order rows are compared.
POSITION = ("_topic_id", "_partition", "_offset")
_NEEDED = (*POSITION, SOURCE_FILE, SOURCE_LINE, "_event_time")
# Spans narrower than this would be many, and would spare few files.
_LEAST_SPAN = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)


class Span(NamedTuple):
    """A stretch of event time in microseconds since 1970, both ends included."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Say whether there is a time in both."""
        return self.start <= other.end and other.start <= self.end


def span_times(start: datetime, end: datetime) -> Span:
    """The span between two times of the lake."""
    return Span((start - _EPOCH) // _MICROSECOND, (end - _EPOCH) // _MICROSECOND)


def select_keys(curated: DataFrame, dedupe: Dedupe) -> DataFrame:
    """What is compared of curated rows: the key, the event time and the place in topic and source."""
    return curated.select(*dedupe.key, *_NEEDED)


def read_spans(rows: DataFrame, dedupe: Dedupe) -> list[Span]:
    """The spans of event time in which accepted rows could make duplicates of these; one stray time makes one more span.

    A single span from the earliest to the latest row would, for one row of 1970, read the whole lake.
    """
    within, width = dedupe.within // _MICROSECOND, max(dedupe.within, _LEAST_SPAN) // _MICROSECOND
    number = F.floor(_microseconds(F.col("_event_time")) / width).cast("bigint")
    spans: list[Span] = []
    for n in sorted(row[0] for row in rows.select(number).distinct().collect()):
        span = Span(n * width - within, (n + 1) * width + within)
        if spans and spans[-1].overlaps(span):
            span = Span(spans.pop().start, span.end)
        spans.append(span)
    return spans


def select_same_keys(accepted: DataFrame, rows: DataFrame, dedupe: Dedupe) -> DataFrame:
    """Those of the accepted rows whose key stands among `rows` too; null is a value of a key like any other."""
    return accepted.join(rename_key(rows, dedupe.key), same_key(dedupe.key), "left_semi")


def find_repeated(rows: DataFrame, accepted: DataFrame, dedupe: Dedupe) -> DataFrame:
    """The keys that stand twice among `rows`, or in `accepted`, which holds keys of `rows` only: others are unique."""
    twice = rows.groupBy(*dedupe.key).count().where("count > 1")
    return twice.select(*dedupe.key).union(accepted.select(*dedupe.key))


def find_duplicates(rows: DataFrame, accepted: DataFrame, dedupe: Dedupe) -> DataFrame:
    """The duplicates among `rows`: their position, and `found`, the position and source of the first row.

    `accepted` holds published rows of keys of `rows`.
    """
    entry = F.struct(
        *POSITION, _microseconds(F.col("_event_time")).alias("time"), _describe_place().alias("place"),
        F.lit(None).cast("string").alias("found"),
    )  # fmt: skip
    repeated = rename_key(find_repeated(rows, accepted, dedupe), dedupe.key)
    by_key = accepted.groupBy(*dedupe.key).agg(F.sort_array(F.collect_list(entry)).alias("accepted"))
    groups = (
        rows.join(repeated, same_key(dedupe.key), "left_semi")
        .groupBy(*dedupe.key, "_topic_id", "_partition")
        .agg(F.sort_array(F.collect_list(entry)).alias("rows"))
    )
    joined = groups.join(rename_key(by_key, dedupe.key, "accepted"), same_key(dedupe.key), "left")
    # What another topic has left comes before all of this one.
    all_accepted = F.coalesce(F.col("accepted"), F.filter("rows", lambda _: F.lit(False)))
    others = F.filter(all_accepted, lambda row: row["_topic_id"] != F.col("_topic_id"))
    before = F.concat(others, F.filter(all_accepted, lambda row: row["_topic_id"] == F.col("_topic_id")))
    judged = F.aggregate("rows", before, lambda seen, row: _judge_next(seen, row, dedupe))
    duplicates = joined.select(F.inline(F.filter(judged, lambda row: row["found"].isNotNull())))
    return duplicates.select(*POSITION, "found")


def remove_duplicates(curated: DataFrame, duplicates: DataFrame) -> DataFrame:
    """The curated rows that are no duplicates."""
    return curated.join(duplicates, list(POSITION), "left_anti").select(*curated.columns)


def reject_duplicates(raw: DataFrame, duplicates: DataFrame) -> DataFrame:
    """The duplicates as rejected rows, with their own bytes from the raw rows and the first row's passport."""
    reason = F.struct(F.lit("duplicate").alias("reason"), F.lit(None).cast("string").alias("column"), "found")
    return raw.join(duplicates, list(POSITION)).select(
        F.lit("dedupe").alias("stage"),
        F.lit("duplicate").alias("reason"),
        F.to_json(F.array(reason)).alias("reasons"),
        *(name for name in REJECTED_COLUMNS if name == "value"),
        *PASSPORT,
    )


def _judge_next(seen: Column, row: Column, dedupe: Dedupe) -> Column:
    """The rows judged so far and the next one, which has `found` if one of them makes it a duplicate."""
    within = dedupe.within // _MICROSECOND

    def precedes(other: Column) -> Column:
        earlier = (other["_partition"] == row["_partition"]) & (other["_offset"] < row["_offset"])
        near = F.abs(other["time"] - row["time"]) <= within
        return other["found"].isNull() & near & (earlier | (other["_topic_id"] != row["_topic_id"]))

    first = F.get(F.filter(seen, precedes), F.lit(0))
    return F.array_append(seen, row.withField("found", first["place"]))


def _describe_place() -> Column:
    line = F.concat(F.col(SOURCE_FILE), F.lit(":"), F.col(SOURCE_LINE))
    return F.concat_ws(" ", F.concat_ws("/", *POSITION), line)


def _microseconds(time: Column) -> Column:
    return F.unix_micros(time.cast("timestamp"))
