"""A contract's work on one row, compiled: cast, look up, derive, check, protect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from pipeline_contract.cast_memory import CastMemory
from pipeline_contract.column_types import ColumnType
from pipeline_contract.compiled_expressions import compile_condition, compile_expression
from pipeline_contract.compiled_lookups import FindColumns, compile_lookup
from pipeline_contract.compiled_values import Evaluate
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.json_texts import escape_text
from pipeline_contract.lookup_files import LookupRows
from pipeline_contract.model import Column, Contract
from pipeline_contract.outputs import UNKNOWN_COLUMN, curated_columns
from pipeline_contract.protection import Protect, compile_protection
from pipeline_contract.row_reasons import Reason, make_reason
from pipeline_contract.text_casts import CastText, compile_cast

Unknown = Mapping[str, str | None] | None
Finish = Callable[[list[Any], Unknown], tuple[Any, ...]]


@dataclass(frozen=True)
class RowSteps:
    """What is done with a row: a list of the contract's columns, to which lookups and derived columns are added.

    `wrong` is where the memories put the reasons for what is no value of its column; who casts a row empties it.
    """

    memories: tuple[CastMemory, ...]
    wrong: list[Reason]
    lookups: tuple[FindColumns, ...]
    derived: tuple[Evaluate, ...]
    rules: tuple[tuple[Reason, Evaluate], ...]
    finish: Finish
    read_event_time: CastText | None
    event_place: int

    def complete(self, row: list[Any]) -> list[Reason]:
        """Add to the row of cast columns what is looked up and derived, and return the reasons of the rules it breaks."""
        for find in self.lookups:
            row += find(row)
        for evaluate in self.derived:
            row.append(evaluate(row))
        return [reason for reason, condition in self.rules if condition(row) is False]


def compile_steps(contract: Contract, lookups: LookupRows, protect_key: str | None) -> RowSteps:
    """The steps of a contract; `ConfigurationError` names what only Spark can do, or a key that is not given."""
    wrong: list[Reason] = []
    places: dict[str, tuple[int, ColumnType]] = {c.name: (n, c.type) for n, c in enumerate(contract.columns)}
    memories = tuple(_open_memory(contract, column, wrong) for column in contract.columns)
    found: list[FindColumns] = []
    for lookup in contract.lookups:
        found.append(compile_lookup(lookup, lookups[lookup.name], places))
        places |= {column.name: (len(places) + n, column.type) for n, column in enumerate(lookup.columns)}
    derived: list[Evaluate] = []
    for column in contract.derived:
        where = f"contract {contract.name!r}, derived {column.name!r}"
        derived.append(compile_expression(column.expression, places, where, column.type))
        places[column.name] = len(places), column.type
    rules = [
        (make_reason(f"rule:{rule.name}"),
         compile_condition(rule.expression, places, f"contract {contract.name!r}, rule {rule.name!r}"))
        for rule in contract.rules
    ]  # fmt: skip
    finish = _compile_finish(contract, {name: place for name, (place, _) in places.items()}, protect_key)
    read_event_time, event_place = _find_event_time(contract)
    return RowSteps(memories, wrong, tuple(found), tuple(derived), tuple(rules), finish, read_event_time, event_place)


def _open_memory(contract: Contract, column: Column, wrong: list[Reason]) -> CastMemory:
    nulls = contract.source.null_values
    return CastMemory(
        column.name,
        _compile_cast(contract, column),
        wrong,
        nulls,
        nullable=column.nullable,
        shown=column.protect is None,
    )


def _compile_cast(contract: Contract, column: Column) -> CastText:
    try:
        return compile_cast(column.type, column.format)
    except ValueError as error:
        raise ConfigurationError(
            f"contract {contract.name!r}, column {column.name!r}.format: {error}; the lake way "
            "(`python -m spark_streaming run`) takes all of Spark's patterns"
        ) from error


def _find_event_time(contract: Contract) -> tuple[CastText | None, int]:
    """What reads the event time from its column's text, and the column's place; none without such a column."""
    if contract.event_time is None:
        return None, -1
    names = [column.name for column in contract.columns]
    place = names.index(contract.event_time.column)
    column = contract.columns[place]
    return _compile_cast(contract, column), place


def to_time(value: date | None) -> datetime | None:
    """A date as the time at which it begins; a time as it is."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - times of the lake have no zone


def _compile_finish(contract: Contract, places: Mapping[str, int], protect_key: str | None) -> Finish:
    """What makes the curated columns of a row: those that are dropped left out, protected ones changed."""
    names = [name for name in curated_columns(contract) if name != UNKNOWN_COLUMN]
    adds_unknown = UNKNOWN_COLUMN in curated_columns(contract)
    protections: dict[int, Protect] = {
        n: protect for n, column in enumerate(contract.columns)
        if (protect := compile_protection(contract, column, protect_key)) is not None
    }  # fmt: skip
    if not adds_unknown and not protections and [places[name] for name in names] == list(range(len(places))):
        return lambda row, _: tuple(row)
    wanted = [places[name] for name in names]
    pick: Callable[[list[Any]], tuple[Any, ...]] = (
        itemgetter(*wanted) if len(wanted) > 1 else lambda row: (row[wanted[0]],)
    )

    def finish(row: list[Any], unknown: Unknown) -> tuple[Any, ...]:
        for place, protect in protections.items():
            if row[place] is not None:
                row[place] = protect(row[place])
        return (*pick(row), _write_unknown(unknown)) if adds_unknown else pick(row)

    return finish


def _write_unknown(unknown: Unknown) -> str | None:
    """The fields that the contract does not know as a JSON object of texts; null without any."""
    if unknown is None:
        return None
    pairs = (f"{escape_text(name)}:{'null' if t is None else escape_text(t)}" for name, t in unknown.items())
    return f"{{{','.join(pairs)}}}"
