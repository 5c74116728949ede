"""The lookups of a contract as functions of a row: the columns of the one row of a table that its key finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline_contract.column_types import ColumnType
from pipeline_contract.model import Lookup
from pipeline_contract.sql_values import show_value
from pipeline_contract.text_casts import compile_cast

FindColumns = Callable[[Sequence[Any]], tuple[Any, ...]]


def compile_lookup(
    lookup: Lookup, rows: Sequence[tuple[str | None, ...]], columns: Mapping[str, tuple[int, ColumnType]]
) -> FindColumns:
    """What finds a lookup's columns for a row, nulls where its key is in no row of the table, or null.

    Keys are compared as text, as which Spark casts them.
    """
    count = len(lookup.on)
    casts = [compile_cast(column.type) for column in lookup.columns]
    nothing = (None,) * len(casts)
    table = {
        row[:count]: tuple(None if text is None else cast(text) for cast, text in zip(casts, row[count:], strict=True))
        for row in rows
        if None not in row[:count]
    }
    places = [columns[name][0] for name in lookup.on]
    if count > 1:
        return lambda row: table.get(tuple(_show_key(row[place]) for place in places), nothing)
    [place] = places
    single = {key: found for (key,), found in table.items()}
    if columns[next(iter(lookup.on))][1].name == "string":
        return lambda row: single.get(row[place], nothing)
    return lambda row: single.get(_show_key(row[place]), nothing)


def _show_key(value: Any) -> str | None:
    return None if value is None else show_value(value)
