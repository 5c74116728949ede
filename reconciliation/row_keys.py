"""Rows of every zone as tables of the same shape, and the keys by which they are compared.

A zone's table has a row's passport and `place`, the object or file in which it was seen. Two keys are derived:
`source` (file and line) and `position` (topic id, partition, offset), both text, so that sets of them are compared by
hashing and not row by row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

PASSPORT_SCHEMA = pa.schema(
    [
        ("_source_file", pa.string()),
        ("_source_line", pa.int64()),
        ("_topic", pa.string()),
        ("_topic_id", pa.string()),
        ("_partition", pa.int32()),
        ("_offset", pa.int64()),
        ("place", pa.string()),
    ]
)


def make_zone(rows: pa.Table) -> pa.Table:
    """The zone's table of these rows: passport, place and keys.

    A message that names no source is a source row of its own, known by its position alone.
    """
    passports = rows.select(PASSPORT_SCHEMA.names).cast(PASSPORT_SCHEMA)
    position = join_text(passports, ["_topic_id", "_partition", "_offset"])
    source = join_text(passports, ["_source_file", "_source_line"])
    anonymous = pc.binary_join_element_wise("no source", position, "/")
    source = pc.coalesce(source, anonymous)
    return passports.append_column("source", source).append_column("position", position)


def empty_zone() -> pa.Table:
    """A zone without rows."""
    return make_zone(PASSPORT_SCHEMA.empty_table())


def join_zones(zones: Iterable[pa.Table]) -> pa.Table:
    """The rows of several zones after one another."""
    return pa.concat_tables([empty_zone(), *zones])


def join_text(table: pa.Table, columns: Iterable[str]) -> Any:
    """One text a row of some of its columns; null where one of them is."""
    return pc.binary_join_element_wise(*(pc.cast(table[name], pa.string()) for name in columns), "/")


def is_among(keys: Any, others: Any) -> Any:
    """Which of these keys are among others, as a mask."""
    return pc.is_in(keys, value_set=others)


def first_places(keys: Any, others: Any) -> Any:
    """Where each key stands first among others; null where it does not."""
    return pc.index_in(keys, value_set=others)


def drop_repeated(table: pa.Table, key: str) -> pa.Table:
    """The first row of each key, in order."""
    return table.filter(pc.invert(mark_repeated(table[key])))


def mark_repeated(keys: Any) -> Any:
    """Which of these keys stand before already, as a mask."""
    numbers = pa.array(range(len(keys)), pa.int64())
    table = pa.table({"key": keys, "number": numbers})
    firsts = table.group_by("key", use_threads=False).aggregate([("number", "min")])["number_min"]
    return pc.invert(pc.is_in(numbers, value_set=firsts))
