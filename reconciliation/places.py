"""Rows named for a reader: which lines of which file, which offsets of which partition, in which object."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.ranges import format_ranges


def describe_rows(rows: pa.Table, limit: int) -> str:
    """The source lines and the offsets of rows of a zone, as ranges; `limit` bounds files, partitions and ranges."""
    parts = [*_describe_lines(rows, limit), *_describe_offsets(rows, limit)]
    return "; ".join(parts) or "no passport"


def describe_places(rows: pa.Table, limit: int) -> str:
    """The objects in which rows of a zone stand."""
    names = sorted(name for name in pc.unique(rows["place"]).to_pylist() if name)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _describe_lines(rows: pa.Table, limit: int) -> list[str]:
    known = rows.filter(pc.is_valid(rows["_source_file"]))
    lines: dict[str, list[int]] = {}
    for file, line in zip(known["_source_file"].to_pylist(), known["_source_line"].to_pylist(), strict=True):
        lines.setdefault(file, []).append(line)
    shown = [f"{file} line {format_ranges(numbers, limit)}" for file, numbers in sorted(lines.items())[:limit]]
    return shown + ([f"{len(lines) - limit} more files"] if len(lines) > limit else [])


def _describe_offsets(rows: pa.Table, limit: int) -> list[str]:
    known = rows.filter(pc.is_valid(rows["_offset"]))
    offsets: dict[tuple[str, int], list[int]] = {}
    for topic, partition, offset in zip(
        known["_topic"].to_pylist(), known["_partition"].to_pylist(), known["_offset"].to_pylist(), strict=True
    ):
        offsets.setdefault((topic, partition), []).append(offset)
    shown = [
        f"topic {topic} partition {partition} offset {format_ranges(numbers, limit)}"
        for (topic, partition), numbers in sorted(offsets.items(), key=str)[:limit]
    ]
    return shown + ([f"{len(offsets) - limit} more partitions"] if len(offsets) > limit else [])
