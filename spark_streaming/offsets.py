"""Offsets: Spark's offset log, starting offsets, and the ranges between two ends. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Strict, TypeAdapter

from pipeline_contract.errors import ConfigurationError, PublishConflict
from pipeline_contract.manifest import OffsetRange

# topic -> partition -> offset
Offsets = dict[str, dict[int, int]]
_JSON_OFFSETS = TypeAdapter(dict[str, dict[int, Annotated[int, Strict()]]])
# What Spark's `startingOffsets` writes for the two ends of a partition.
_LATEST, _EARLIEST = -1, -2


@dataclass(frozen=True)
class OffsetLogEntry:
    """One file of the checkpoint's `offsets/`: where the batch ends, in the source's own JSON, and its watermark.

    There is no watermark before the first row.
    """

    offset: str
    watermark: datetime | None

    @property
    def ends(self) -> Offsets:
        """Where a batch of topics ends, or `PublishConflict` for another source's offset."""
        try:
            return read_offsets(self.offset)
        except ValueError as error:
            raise PublishConflict(
                f"the checkpoint's offset log has no offsets of topics: {self.offset[:80]!r}"
            ) from error


def parse_offset_log(text: str) -> OffsetLogEntry:
    """Read a file of a checkpoint's `offsets/`: version, metadata, then one line for the one source.

    Source: org.apache.spark.sql.execution.streaming.OffsetSeqLog of Spark 4.0.
    """
    lines = text.splitlines()
    if len(lines) != 3 or lines[0] != "v1":
        raise PublishConflict(f"the checkpoint's offset log is not of version 1 with one source: {text[:80]!r}")
    try:
        millis = int(json.loads(lines[1]).get("batchWatermarkMs", 0))
        json.loads(lines[2])
    except (ValueError, AttributeError) as error:
        raise PublishConflict(f"the checkpoint's offset log cannot be read: {error}: {text[:80]!r}") from error
    watermark = datetime.fromtimestamp(millis / 1000, UTC).replace(tzinfo=None) if millis else None
    return OffsetLogEntry(lines[2], watermark)


def write_offset_log(ends: Offsets) -> str:
    """A file of a checkpoint's `offsets/` for a query without state, which needs nothing of the metadata's."""
    return f'v1\n{{"batchWatermarkMs":0,"batchTimestampMs":0,"conf":{{}}}}\n{write_offsets(ends)}'


def write_commit_log() -> str:
    """A file of a checkpoint's `commits/` for a query without a watermark.

    Source: org.apache.spark.sql.execution.streaming.CommitLog of Spark 4.0.
    """
    return 'v1\n{"nextBatchWatermarkMs":0}'


def is_commit_log(text: str | None) -> bool:
    """Say whether a text is a whole file of a checkpoint's `commits/`."""
    version, _, metadata = (text or "").partition("\n")
    try:
        return version == "v1" and isinstance(json.loads(metadata), dict)
    except ValueError:
        return False


def read_offsets(text: str) -> Offsets:
    """Offsets from their JSON form, in which partitions are text, or raise `ValueError`."""
    return _JSON_OFFSETS.validate_json(text)


def write_offsets(offsets: Offsets) -> str:
    """Offsets in the JSON form of Spark's `startingOffsets`."""
    return json.dumps({t: {str(p): o for p, o in sorted(ends.items())} for t, ends in sorted(offsets.items())})


def span_ranges(starts: Offsets, ends: Offsets, topic_ids: Mapping[str, str]) -> tuple[OffsetRange, ...]:
    """The range of each partition between two ends; a partition that has no start yet begins at 0."""
    return tuple(
        OffsetRange(topic=t, topic_id=topic_ids[t], partition=p, start=starts.get(t, {}).get(p, 0), end=end)
        for t in sorted(ends)
        for p, end in sorted(ends[t].items())
    )


def range_starts(ranges: Iterable[OffsetRange]) -> Offsets:
    """The starts of ranges."""
    starts: Offsets = {}
    for r in ranges:
        starts.setdefault(r.topic, {})[r.partition] = r.start
    return starts


def range_ends(ranges: Iterable[OffsetRange]) -> Offsets:
    """The ends of ranges."""
    ends: Offsets = {}
    for r in ranges:
        ends.setdefault(r.topic, {})[r.partition] = r.end
    return ends


def sum_offsets(offsets: Offsets) -> int:
    """How many offsets lie before these ends, over all partitions."""
    return sum(end for ends in offsets.values() for end in ends.values())


def measure_lag(ends: Offsets, high: Offsets) -> Offsets:
    """How many offsets of each partition lie behind these ends; a partition that was not read yet lags by all it has."""
    return {
        topic: {p: max(end - ends.get(topic, {}).get(p, 0), 0) for p, end in sorted(of.items())}
        for topic, of in sorted(high.items())
    }


def choose_starts(wanted: str, low: Offsets, high: Offsets) -> Offsets:
    """The offsets that `--starting-offsets` means: `earliest`, `latest`, or JSON as in Spark's `startingOffsets`.

    A partition that the JSON does not name starts at its earliest offset; -2 and -1 are a partition's two ends.
    """
    if wanted == "earliest":
        return low
    if wanted == "latest":
        return high
    try:
        given = read_offsets(wanted)
    except ValueError as error:
        raise ConfigurationError(
            f'--starting-offsets: found {wanted!r}, allowed: earliest, latest, or JSON such as {{"flights": {{"0": 42}}}}'
        ) from error
    if unknown := set(given) - set(low):
        raise ConfigurationError(f"--starting-offsets: unknown topic {sorted(unknown)}, known: {sorted(low)}")
    for topic, offsets in given.items():
        if missing := sorted(set(offsets) - set(low[topic])):
            raise ConfigurationError(
                f"--starting-offsets: topic {topic!r} has no partition {missing[0]}, only {sorted(low[topic])}"
            )
    marks = {_EARLIEST: low, _LATEST: high}
    return {
        topic: {p: _resolve(given.get(topic, {}).get(p, _EARLIEST), topic, p, marks) for p in ends}
        for topic, ends in low.items()
    }


def leave_out_topics(wanted: str, topics: Collection[str]) -> str:
    """What `--starting-offsets` says of all topics but these; text that is no JSON stays as it is."""
    try:
        given = read_offsets(wanted)
    except ValueError:
        return wanted
    return write_offsets({topic: offsets for topic, offsets in given.items() if topic not in topics})


def _resolve(offset: int, topic: str, partition: int, marks: Mapping[int, Offsets]) -> int:
    return marks[offset][topic][partition] if offset in marks else offset
