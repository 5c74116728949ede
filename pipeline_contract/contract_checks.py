"""What the parts of a contract must be to each other: names that exist, expressions that hold, nothing leaked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pipeline_contract.expressions import check_measure, check_row_expression, find_columns
from pipeline_contract.model import Aggregate, Column, Contract

_TIMES = ("timestamp", "date")


def find_problems(contract: Contract, declared: set[str]) -> list[str]:
    """Every problem between the parts of a contract, each with its key.

    Parts that broke on their own are absent from `contract`; `declared` holds the names of their columns too.
    """
    columns = list(getattr(contract, "columns", ()))
    return [
        *_check_names(contract, columns),
        *_check_columns(contract, columns),
        *_check_references(contract, columns, declared),
        *_check_expressions(contract, columns, declared),
        *_check_aggregates(contract, columns, declared),
        *_check_lake(contract, columns, declared),
    ]


def _check_names(contract: Contract, columns: list[Column]) -> Iterator[str]:
    names = [c.name for c in columns]
    names += [c.name for lookup in contract.lookups for c in lookup.columns]
    names += [d.name for d in contract.derived]
    for name, times in Counter(names).items():
        if times > 1:
            yield f"column names: {name!r} is declared {times} times; every column, looked up or derived too, needs its own"
    for header, times in Counter(c.header for c in columns).items():
        if times > 1:
            yield f"column.source: {header!r} stands {times} times; a header names a column once"
    for key, parts in (("lookup", contract.lookups), ("rule", contract.rules), ("aggregate", contract.aggregates)):
        for name, times in Counter(part.name for part in parts).items():
            if times > 1:
                yield f"{key}: the name {name!r} is given {times} times; every {key} needs its own"


def _check_columns(contract: Contract, columns: list[Column]) -> Iterator[str]:
    for column in columns:
        if column.format and column.type.name not in _TIMES:
            yield f"column {column.name!r}.format: found a format for {column.type}, allowed: for date and timestamp only"
        if column.protect == "mask" and column.type.name != "string":
            yield f"column {column.name!r}.protect: found 'mask' for {column.type}, allowed: for string; use hash or drop"
    csv = contract.source.csv if hasattr(contract, "source") else None
    if csv and len({csv.delimiter, csv.quote, csv.escape}) < 3:
        yield "source.csv: delimiter, quote and escape must differ"


def _check_references(contract: Contract, columns: list[Column], declared: set[str]) -> Iterator[str]:
    of_source = {column.name: column for column in columns}
    known = ", ".join(of_source)
    topic = getattr(contract, "topic", None)
    for name in topic.key if topic else ():
        if name not in declared:
            yield f"topic.key: unknown column {name!r}; known: {known}"
        elif name not in of_source and columns:
            yield f"topic.key: {name!r} is not a column of the source; the producer knows only those: {known}"
    for name in contract.dedupe.key if getattr(contract, "dedupe", None) else ():  # type: ignore[union-attr]
        if name not in declared:
            yield f"dedupe.key: unknown column {name!r}; known: {known}"
    event_time = getattr(contract, "event_time", None)
    if event_time and event_time.column not in declared:
        yield f"event_time.column: unknown column {event_time.column!r}; known: {known}"
    elif event_time and (column := of_source.get(event_time.column)):
        if column.type.name not in _TIMES:
            yield f"event_time.column: {column.name!r} is of type {column.type}, allowed: timestamp, date"
        if column.nullable or column.protect:
            yield f"event_time.column: {column.name!r} must have nullable = false and no protect"
    elif event_time and columns:
        yield f"event_time.column: {event_time.column!r} is not a column of the source; known: {known}"
    for lookup in contract.lookups:
        for name in lookup.on:
            if name not in of_source and name not in declared:
                yield f"lookup {lookup.name!r}.on: unknown column {name!r}; known: {known}"
            elif name in of_source and of_source[name].protect:
                yield f"lookup {lookup.name!r}.on: {name!r} is protected; what it looks up would give it away"


def _check_expressions(contract: Contract, columns: list[Column], declared: set[str]) -> Iterator[str]:
    protected = {column.name for column in columns if column.protect}
    known = declared - {derived.name for derived in contract.derived}
    for derived in contract.derived:
        for problem in check_row_expression(derived.expression, known):
            yield f"derived {derived.name!r}.expression: {problem}"
        yield from _check_leak(f"derived {derived.name!r}.expression", derived.expression, protected)
        known = known | {derived.name}
    for rule in contract.rules:
        for problem in check_row_expression(rule.expression, known):
            yield f"rule {rule.name!r}.expression: {problem}"


def _check_aggregates(contract: Contract, columns: list[Column], declared: set[str]) -> Iterator[str]:
    if contract.aggregates and not getattr(contract, "event_time", None):
        yield "aggregate: needs [event_time], to know the window of a row"
    protected = {column.name for column in columns if column.protect}
    for aggregate in contract.aggregates:
        yield from _check_aggregate(aggregate, declared, protected)


def _check_aggregate(aggregate: Aggregate, declared: set[str], protected: set[str]) -> Iterator[str]:
    where = f"aggregate {aggregate.name!r}"
    for name in aggregate.group_by:
        if name not in declared:
            yield f"{where}.group_by: unknown column {name!r}"
        elif name in protected:
            yield f"{where}.group_by: {name!r} is protected; a group would give it away"
    names = Counter([*aggregate.group_by, *(m.name for m in aggregate.measures), "window_start", "window_end"])
    for name, times in names.items():
        if times > 1:
            yield f"{where}: {name!r} is named {times} times"
    for measure in aggregate.measures:
        for problem in check_measure(measure.expression, declared):
            yield f"{where}.measure {measure.name!r}: {problem}"
        yield from _check_leak(f"{where}.measure {measure.name!r}", measure.expression, protected)


def _check_lake(contract: Contract, columns: list[Column], declared: set[str]) -> Iterator[str]:
    protected = {column.name for column in columns if column.protect}
    lake = getattr(contract, "lake", None)
    for name, expression in lake.partition_by.items() if lake else ():
        where = f"lake.partition_by.{name}"
        if name in declared:
            yield f"{where}: is a column already; a partition's name must differ, as both would stand in one table"
        for problem in check_row_expression(expression, declared):
            yield f"{where}: {problem}"
        yield from _check_leak(where, expression, protected)


def _check_leak(where: str, expression: str, protected: set[str]) -> Iterator[str]:
    try:
        read = find_columns(expression)
    except ValueError:  # it does not parse, which is said already
        return
    for name in sorted(read & protected):
        yield f"{where}: reads {name!r}, which is protected; the result would give it away"
