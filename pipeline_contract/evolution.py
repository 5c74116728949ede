"""What may change from one version of a contract to the next, and what a change means for what is published. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline_contract.column_types import ColumnType
from pipeline_contract.errors import ContractChanged
from pipeline_contract.evolution_rules import REQUIRED, Verdict, judge_change
from pipeline_contract.expressions import find_columns
from pipeline_contract.model import Aggregate, Contract, LakeFormat, Part
from pipeline_contract.outputs import aggregate_columns, curated_columns

_NAMED_PARTS = ("column", "derived", "lookup", "rule", "aggregate")


@dataclass(frozen=True)
class Change:
    """One difference between two contracts: the key as a person writes it, what it is now, and what that amounts to."""

    key: str
    text: str
    verdict: Verdict
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.text}" + (f": {self.reason}" if self.reason else "")


def check_evolution(history: Sequence[Contract], today: Contract) -> list[Change]:
    """The changes since the newest contract that the pipeline has run with, all of them compatible or free.

    `history` holds one contract a version, in order. Raises `ContractChanged` where a change is refused, where readers
    would notice one and the version was not raised, or where it goes down.
    """
    if not history:
        return []
    newest = history[-1]
    changes = find_changes(history, today)
    if refused := [change for change in changes if change.verdict == "refused"]:
        raise ContractChanged(
            f"pipeline {today.name!r}: its contract cannot follow version {newest.version}, with which it has run:"
            f"{_list_lines(refused)}\n{advise_new_table(today)}"
        )
    if today.version < newest.version:
        raise ContractChanged(
            f"pipeline {today.name!r}: version = {today.version}, but it has run with version {newest.version}; a version "
            f"only goes up: take a newer file, or write version = {newest.version + 1}"
        )
    noticed = [change for change in changes if change.verdict != "free"]
    if noticed and today.version == newest.version:
        raise ContractChanged(
            f"pipeline {today.name!r}: its contract has changed since it ran with version {newest.version}, and says "
            f"version {today.version} still:{_list_lines(noticed)}\nWrite version = {newest.version + 1}; then migrate the "
            f"tables with `python -m snowflake_integration migrate {today.name}` and start the job again"
        )
    check_ignored(newest, today)
    return changes


def check_ignored(newest: Contract, today: Contract) -> None:
    """Return if every column that is gone is passed over: the topic and the raw zone still hold values that have it.

    CSV values have no names, and a contract that adds unknown columns rejects none.
    """
    if today.topic.value_format == "csv" or today.drift.unknown_columns == "add":
        return
    known = {column.name for column in today.columns} | set(today.drift.ignored_columns)
    before = (*(column.name for column in newest.columns), *newest.drift.ignored_columns)
    if unsaid := [name for name in before if name not in known]:
        names = ", ".join(f'"{name}"' for name in (*today.drift.ignored_columns, *unsaid))
        raise ContractChanged(
            f"pipeline {today.name!r}: version {newest.version} of its contract knew {', '.join(map(repr, unsaid))}, and today's "
            f"would reject its messages for that; write ignored_columns = [{names}] under [drift]"
        )


def advise_new_table(contract: Contract) -> str:
    """What to do where a change is refused."""
    successor = f"{contract.name}_v2"
    return (
        f"Nothing was changed. Make a new table of it: copy the contract to conf/pipelines/{successor}.toml with name = "
        f'"{successor}", version = 1 and another warehouse.table. With the same topic.name it reads what the topic still '
        "holds; with another one, replay the source"
    )


def find_changes(history: Sequence[Contract], today: Contract) -> list[Change]:
    """Every difference from the newest contract, and each type that an older one's files and tables would not fit."""
    newest = history[-1]
    # What a type's change means for files and tables says more than that the key differs.
    changes = {change.key: change for change in _compare_parts(newest, today, "")}
    changes |= {change.key: change for change in _compare_positions(newest, today)}
    types = [change for older in history for change in _compare_types(older, today)]
    # Of several contracts the one that refuses has the last word.
    changes |= {change.key: change for change in sorted(types, key=lambda change: change.verdict == "refused")}
    return list(changes.values())


def _compare_parts(older: Part, newer: Part, prefix: str) -> Iterator[Change]:
    for name, field in type(newer).model_fields.items():
        key = prefix + (field.alias or name)
        was, now = getattr(older, name), getattr(newer, name)
        if was == now:
            continue
        if key in _NAMED_PARTS:
            yield from _compare_lists(key, was, now)
        elif isinstance(was, Part) and isinstance(now, Part):
            yield from _compare_parts(was, now, f"{key}.")
        else:
            rule = judge_change(key, was, now)
            yield Change(key, f"{_show(now)}, was {_show(was)}", rule.verdict, rule.reason)


def _compare_lists(kind: str, older: Sequence[Any], newer: Sequence[Any]) -> Iterator[Change]:
    before, after = {part.name: part for part in older}, {part.name: part for part in newer}
    for name in before.keys() - after.keys():
        yield Change(f"{kind} {name!r}", "removed", "compatible")
    for name, part in after.items():
        key = f"{kind} {name!r}"
        if name in before:
            changes = _compare_parts(before[name], part, f"{kind}.")
            yield from (replace(change, key=key + change.key.removeprefix(kind)) for change in changes)
        elif getattr(part, "nullable", True):
            yield Change(key, "added", "compatible")
        else:
            yield Change(f"{key}.nullable", "false, and the column is new", REQUIRED.verdict, REQUIRED.reason)
    if list(before) != list(after) and before.keys() == after.keys():
        yield Change(kind, "in another order", "compatible")


def _compare_positions(older: Contract, newer: Contract) -> Iterator[Change]:
    """Where rows lie by position, the list of columns cannot change: the old rows' values would move."""
    if newer.topic.value_format == "csv" and [c.name for c in older.columns] != [c.name for c in newer.columns]:
        reason = "the topic's values are CSV, which is read by position; allowed: the same columns, or JSON values"
        yield Change("column", "other columns", "refused", reason)
    if newer.lake.format == "csv" and list(curated_columns(older)) != list(curated_columns(newer)):
        reason = "curated files are CSV, which the pipe reads by position; allowed: the same columns, or another format"
        yield Change("lake.format", "other columns in its files", "refused", reason)


def _compare_types(older: Contract, newer: Contract) -> Iterator[Change]:
    """The columns of files and tables whose types differ: wider ones are read back from old files, others are not."""
    widened = set()
    derived = {column.name for column in newer.derived}
    for name, (was, now) in _pair_types(curated_columns(older), curated_columns(newer)):
        widened.add(name)
        key = f"{'derived' if name in derived else 'column'} {name!r}"
        if reason := _find_obstacle(newer.lake.format, was, now):
            yield Change(f"{key}.type", f"{now}, was {was}", "refused", reason)
        else:
            yield _judge_type(key, was, now)
    before = {aggregate.name: aggregate for aggregate in older.aggregates}
    for aggregate in newer.aggregates:
        if aggregate.name not in before:
            continue
        key = f"aggregate {aggregate.name!r}"
        was_columns, now_columns = aggregate_columns(older, before[aggregate.name]), aggregate_columns(newer, aggregate)
        for name, (was, now) in _pair_types(was_columns, now_columns):
            yield _judge_type(f"{key}, column {name!r}", was, now)
        if widened and (read := sorted(widened & _columns_read(aggregate))):
            yield Change(key, f"reads {', '.join(read)}", "new lineage", "its state holds values of the old type")


def _pair_types(
    older: Mapping[str, ColumnType], newer: Mapping[str, ColumnType]
) -> Iterator[tuple[str, tuple[ColumnType, ColumnType]]]:
    for name, now in newer.items():
        if older.get(name, now) != now:
            yield name, (older[name], now)


def _find_obstacle(file_format: LakeFormat, was: ColumnType, now: ColumnType) -> str | None:
    """Why files of this format cannot hold both types of a column, where they cannot."""
    if file_format == "json" and (was.name == "decimal") != (now.name == "decimal"):
        return "JSON lines hold a decimal as text and other numbers as numbers"
    return "a Delta table keeps the types that it was made with" if file_format == "delta" else None


def _judge_type(key: str, was: ColumnType, now: ColumnType) -> Change:
    text = f"{now}, was {was}"
    if was.widens_to(now):
        return Change(f"{key}.type", text, "compatible", "old files are read as the wider type")
    wider = ", ".join(was.list_wider())
    allowed = f"allowed: {wider}" if wider else f"a {was} has no wider type"
    return Change(f"{key}.type", text, "refused", f"not every {was} is a {now} in files and tables; {allowed}")


def _columns_read(aggregate: Aggregate) -> set[str]:
    expressions = [find_columns(measure.expression) for measure in aggregate.measures]
    return set(aggregate.group_by).union(*expressions)


def _list_lines(changes: Sequence[Change]) -> str:
    return "".join(f"\n  - {change}" for change in changes)


def _show(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and value and isinstance(value[0], Part):
        return ", ".join(str(part.name) for part in value)
    return repr(value) if isinstance(value, str) else str(value)
