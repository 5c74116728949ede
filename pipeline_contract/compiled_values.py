"""Parts of a compiled expression: a type and what computes a value from a row, and how several become one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pipeline_contract.column_types import ColumnType
from pipeline_contract.sql_operators import find_common_type
from pipeline_contract.sql_values import NULL, find_cast

Row = Sequence[Any]
Evaluate = Callable[[Row], Any]


class Unsupported(Exception):
    """A part of an expression that only Spark computes; names it."""


class Compiled(NamedTuple):
    """An expression's type, and what computes its value from a row; `constant` is set where it reads no column."""

    type: ColumnType
    evaluate: Evaluate
    constant: Any = None


def make_constant(kind: ColumnType, value: Any) -> Compiled:
    """A value that is the same for every row."""
    return Compiled(kind, lambda _: value, value)


def cast_to(value: Compiled, target: ColumnType, *, is_exact: bool = False) -> Compiled:
    """A value cast to a type, `is_exact` as Spark's try_cast does it; `Unsupported` for a pair of types beyond ours."""
    if value.type in (target, NULL):
        return value._replace(type=target)
    convert = find_cast(value.type, target, is_exact=is_exact)
    if convert is None:
        raise Unsupported(f"the cast of {value.type} to {target}")
    if value.constant is not None:
        return make_constant(target, convert(value.constant))
    return Compiled(target, apply(convert, value.evaluate))


def cast_alike(values: Sequence[Compiled]) -> tuple[ColumnType, list[Evaluate]]:
    """Values of several types as those of the one type that Spark finds for them."""
    common = find_common_type([value.type for value in values])
    if common is None:
        raise Unsupported(f"one value of the types {', '.join(str(value.type) for value in values)}")
    return common, [cast_to(value, common).evaluate for value in values]


def apply(compute: Callable[..., Any], *arguments: Evaluate) -> Evaluate:
    """What computes from arguments that are not null; null where one of them is."""
    if len(arguments) == 1:
        return _apply_one(compute, arguments[0])
    if len(arguments) == 2:
        return _apply_two(compute, *arguments)

    def run(row: Row) -> Any:
        values = [argument(row) for argument in arguments]
        return None if None in values else compute(*values)

    return run


def _apply_one(compute: Callable[..., Any], argument: Evaluate) -> Evaluate:
    def run(row: Row) -> Any:
        value = argument(row)
        return None if value is None else compute(value)

    return run


def _apply_two(compute: Callable[..., Any], left: Evaluate, right: Evaluate) -> Evaluate:
    def run(row: Row) -> Any:
        first = left(row)
        if first is None:
            return None
        second = right(row)
        return None if second is None else compute(first, second)

    return run


def both(left: Evaluate, right: Evaluate) -> Evaluate:
    """`and` in three-valued logic."""

    def run(row: Row) -> bool | None:
        first = left(row)
        if first is False:
            return False
        second = right(row)
        if second is False:
            return False
        return None if first is None or second is None else True

    return run


def either(left: Evaluate, right: Evaluate) -> Evaluate:
    """`or` in three-valued logic."""

    def run(row: Row) -> bool | None:
        first = left(row)
        if first is True:
            return True
        second = right(row)
        if second is True:
            return True
        return None if first is None or second is None else False

    return run


def first_of(evaluates: Sequence[Evaluate]) -> Evaluate:
    """The first value that is not null."""

    def run(row: Row) -> Any:
        for evaluate in evaluates:
            value = evaluate(row)
            if value is not None:
                return value
        return None

    return run


def is_member(value: Evaluate, members: frozenset[Any]) -> Evaluate:
    """Whether a value is one of some constants, none of them null."""

    def run(row: Row) -> bool | None:
        found = value(row)
        return None if found is None else found in members

    return run


def is_among(value: Evaluate, options: Sequence[Evaluate], is_same: Callable[[Any, Any], Any]) -> Evaluate:
    """Whether a value is one of several; null where it is none of them and one of them is null."""

    def run(row: Row) -> bool | None:
        found = value(row)
        if found is None:
            return None
        others = [option(row) for option in options]
        if any(other is not None and is_same(found, other) for other in others):
            return True
        return None if None in others else False

    return run
