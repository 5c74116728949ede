"""What the parts of a contract must be to each other: names that exist, expressions that hold, nothing leaked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pipeline_contract.expressions import check_condition, check_measure, check_row_expression, find_columns
from pipeline_contract.model import Aggregate, Column, Contract

_TIMES = ("timestamp", "date")


@dataclass(frozen=True)
class _Scope:
    """The names that the parts may refer to; `declared` are all columns, broken ones too."""

    columns: dict[str, Column]
    declared: frozenset[str]
    protected: frozenset[str]
    broken: frozenset[str]

    @property
    def known(self) -> str:
        return ", ".join(self.columns) or "none"


def find_problems(contract: Contract, declared: Collection[str], broken: Collection[str]) -> list[str]:
    """Every problem between the parts of a contract, each with its key.

    Parts that broke on their own are absent from `contract`; `declared` holds the names of their columns too, `broken`
    the top-level keys that have such parts.
    """
    columns = {column.name: column for column in getattr(contract, "columns", ())}
    protected = frozenset(name for name, column in columns.items() if column.protect)
    scope = _Scope(columns, frozenset(declared), protected, frozenset(broken))
    problems = [*_check_names(contract), *_check_csv(contract), *_check_drift(contract), *_check_tables(contract)]
    if not columns:  # which is said already; without any, every other name would be unknown
        return problems
    return [
        *problems,
        *_check_columns(scope),
        *_check_keys(contract, scope),
        *_check_dedupe(contract, scope),
        *_check_event_time(contract, scope),
        *_check_lookups(contract, scope),
        *_check_expressions(contract, scope),
        *_check_aggregates(contract, scope),
        *_check_lake(contract, scope),
    ]


def _check_names(contract: Contract) -> Iterator[str]:
    columns = getattr(contract, "columns", ())
    names = [column.name for column in columns]
    names += [column.name for lookup in contract.lookups for column in lookup.columns]
    names += [derived.name for derived in contract.derived]
    for name, times in _find_repeated(names):
        yield f"column {name!r}: declared {times} times; every column, looked up or derived too, needs its own name"
    # The names being the same is said above; here two names that read one column of the source.
    headers = {column.name: column.header for column in columns}
    for header, times in _find_repeated(headers.values()):
        yield f"column.source: {header!r} is read by {times} columns; a column of the source may be read once"
    for key, parts in (("lookup", contract.lookups), ("rule", contract.rules), ("aggregate", contract.aggregates)):
        for name, times in _find_repeated(part.name for part in parts):
            yield f"{key} {name!r}: declared {times} times; every {key} needs its own name"


def _check_csv(contract: Contract) -> Iterator[str]:
    csv = contract.source.csv
    signs: dict[str, str | None] = {"delimiter": csv.delimiter, "quote": csv.quote, "escape": csv.escape}
    for repeated, times in _find_repeated(s for s in signs.values() if s is not None):
        yield f"source.csv: {repeated!r} stands for {times} of delimiter, quote and escape; they must differ"
    for key, sign in signs.items():
        if sign is not None and sign in "\r\n\0":
            yield f"source.csv.{key}: found {sign!r}, allowed: one character that does not end a line"


def _check_drift(contract: Contract) -> Iterator[str]:
    topic = getattr(contract, "topic", None)
    if topic and topic.value_format == "csv" and contract.drift.unknown_columns == "add":
        yield "drift.unknown_columns: found 'add' for CSV values, which have no names; allowed: 'reject', 'fail'"
    protected = [repr(column.name) for column in getattr(contract, "columns", ()) if column.protect]
    if protected and contract.drift.unknown_columns == "add":
        yield (
            f"drift.unknown_columns: found 'add' beside {', '.join(protected)}, which is protected; a field of another name may "
            "be as personal, and would be published as it is; allowed: 'reject', 'fail'"
        )


def _check_columns(scope: _Scope) -> Iterator[str]:
    for column in scope.columns.values():
        where = f"column {column.name!r}"
        if column.format and column.type.name not in _TIMES:
            yield f"{where}.format: found {column.format!r} for type {column.type}, allowed: for date, timestamp"
        if column.protect == "mask" and column.type.name != "string":
            yield f"{where}.protect: found 'mask' for type {column.type}, allowed: 'hash', 'drop' (a mask needs text)"
    if not scope.broken & {"column"} and all(c.protect == "drop" for c in scope.columns.values()):
        yield "column: every column has protect = 'drop', so nothing of a row would be left"


def _check_keys(contract: Contract, scope: _Scope) -> Iterator[str]:
    topic = getattr(contract, "topic", None)
    for key, names in (("topic.key", topic.key if topic else ()), ("dedupe.key", _dedupe_key(contract))):
        for name, times in _find_repeated(names):
            yield f"{key}: {name!r} stands {times} times; once is enough"
        for name in names:
            if name not in scope.declared:
                yield f"{key}: unknown column {name!r}; known: {scope.known}"
    for name in topic.key if topic else ():
        if name in scope.declared and name not in scope.columns and "column" not in scope.broken:
            yield f"topic.key: {name!r} is not a column of the source; the producer knows only those: {scope.known}"


def _check_dedupe(contract: Contract, scope: _Scope) -> Iterator[str]:
    if not contract.dedupe:
        return
    topic = getattr(contract, "topic", None)
    for name in topic.key if topic else ():
        if name in scope.columns and name not in contract.dedupe.key:
            yield f"dedupe.key: lacks {name!r} of topic.key; rows of one key must share a partition, to have an order"
    for name in contract.dedupe.key:
        protection = scope.columns[name].protect if name in scope.columns else None
        if protection in ("mask", "drop"):
            yield (
                f"dedupe.key: {name!r} has protect = {protection!r}; rows are compared as they are published, allowed: "
                "'hash', or none"
            )


def _dedupe_key(contract: Contract) -> tuple[str, ...]:
    return contract.dedupe.key if contract.dedupe else ()


def _check_event_time(contract: Contract, scope: _Scope) -> Iterator[str]:
    if not contract.event_time:
        return
    name = contract.event_time.column
    column = scope.columns.get(name)
    if column is None:
        if "column" not in scope.broken or name not in scope.declared:
            yield f"event_time.column: {name!r} is not a column of the source; known: {scope.known}"
        return
    if column.type.name not in _TIMES:
        yield f"event_time.column: {name!r} is of type {column.type}, allowed: timestamp, date"
    if column.nullable:
        yield f"event_time.column: {name!r} may be null; allowed: a column with nullable = false"
    if column.protect:
        yield f"event_time.column: {name!r} is protected; every row's passport would give it away"


def _check_lookups(contract: Contract, scope: _Scope) -> Iterator[str]:
    known = set(scope.columns) if "column" not in scope.broken else set(scope.declared)
    for lookup in contract.lookups:
        where = f"lookup {lookup.name!r}.on"
        for name in lookup.on:
            if name not in known:
                yield f"{where}: {name!r} is no column of the source or of a lookup before; known: {scope.known}"
            elif name in scope.protected:
                yield f"{where}: {name!r} is protected; what it looks up would give it away"
        known |= {column.name for column in lookup.columns}


def _check_expressions(contract: Contract, scope: _Scope) -> Iterator[str]:
    known = set(scope.declared) - {derived.name for derived in contract.derived}
    for derived in contract.derived:
        where = f"derived {derived.name!r}.expression"
        yield from (f"{where}: {problem}" for problem in check_row_expression(derived.expression, known))
        yield from _check_leak(where, derived.expression, scope)
        known.add(derived.name)
    for rule in contract.rules:
        for problem in check_condition(rule.expression, scope.declared):
            yield f"rule {rule.name!r}.expression: {problem}"


def _check_aggregates(contract: Contract, scope: _Scope) -> Iterator[str]:
    if contract.aggregates and not contract.event_time and "event_time" not in scope.broken:
        yield "aggregate: needs [event_time], to know the window of a row"
    for aggregate in contract.aggregates:
        yield from _check_aggregate(aggregate, scope)


def _check_aggregate(aggregate: Aggregate, scope: _Scope) -> Iterator[str]:
    where = f"aggregate {aggregate.name!r}"
    yield from (f"{where}.{problem}" for problem in _check_window(aggregate))
    for name in aggregate.group_by:
        if name not in scope.declared:
            yield f"{where}.group_by: unknown column {name!r}; known: {', '.join(sorted(scope.declared))}"
        elif name in scope.protected:
            yield f"{where}.group_by: {name!r} is protected; a group would give it away"
    names = [*aggregate.group_by, *(m.name for m in aggregate.measures), "window_start", "window_end"]
    for name, times in _find_repeated(names):
        yield f"{where}: {name!r} is the name of {times} columns; groups, measures, window_start and window_end differ"
    for measure in aggregate.measures:
        place = f"{where}.measure {measure.name!r}"
        yield from (f"{place}: {problem}" for problem in check_measure(measure.expression, scope.declared))
        yield from _check_leak(place, measure.expression, scope)


def _check_window(aggregate: Aggregate) -> Iterator[str]:
    if (aggregate.window is None) == (aggregate.gap is None):
        found = "neither" if aggregate.window is None else "both"
        yield f"window: found {found} of window and gap, allowed: one of them (gap makes sessions)"
    elif aggregate.gap is not None and not aggregate.group_by:
        yield "gap: sessions need a group_by; Spark keeps none over all rows of a stream"
    if aggregate.slide is not None and (aggregate.window is None or aggregate.slide > aggregate.window):
        yield f"slide: found {aggregate.slide}, allowed: beside a window, and not longer than it"


def _check_lake(contract: Contract, scope: _Scope) -> Iterator[str]:
    for name, expression in contract.lake.partition_by.items():
        where = f"lake.partition_by.{name}"
        if name in scope.declared:
            yield f"{where}: is a column already; a partition's name must differ, as both would stand in one table"
        yield from (f"{where}: {problem}" for problem in check_row_expression(expression, scope.declared))
        yield from _check_leak(where, expression, scope)


def _check_tables(contract: Contract) -> Iterator[str]:
    warehouse = getattr(contract, "warehouse", None)
    if warehouse is None:
        return
    table = warehouse.table.upper()
    views = [f"{table}_{aggregate.name.upper()}" for aggregate in contract.aggregates]
    tables = [table, f"{table}_RAW", f"{table}_REJECTED", *views, *(f"{view}_VERSIONS" for view in set(views))]
    for name, times in _find_repeated(tables):
        if views.count(name) < times:  # two aggregates of one name are said already
            yield f"aggregate: {name} would name {times} tables or views of the warehouse; choose other names"


def _check_leak(where: str, expression: str, scope: _Scope) -> Iterator[str]:
    try:
        read = find_columns(expression)
    except ValueError:  # it does not parse, which is said already
        return
    for name in sorted(read & scope.protected):
        yield f"{where}: reads {name!r}, which is protected; the result would give it away"


def _find_repeated(names: Iterable[str]) -> list[tuple[str, int]]:
    return [(name, times) for name, times in Counter(names).items() if times > 1]
