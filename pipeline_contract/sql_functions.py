"""The functions of Spark SQL that the ways without Spark compute: each takes compiled arguments and gives a value."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from math import ceil, floor, isfinite, isnan
from typing import Any

from pipeline_contract.column_types import BIGINT, INTEGER, STRING, TIMESTAMP, ColumnType
from pipeline_contract.compiled_values import Compiled, Unsupported, apply, cast_alike, cast_to, first_of
from pipeline_contract.sql_operators import BOOLEAN, DATE, DOUBLE, find_order
from pipeline_contract.sql_values import LIMITS, NULL, wrap
from pipeline_contract.time_texts import compile_time_text

Build = Callable[[list[Compiled]], Compiled]

_ROUNDING = Context(prec=1000, rounding=ROUND_HALF_UP)
_UNITS = {
    **dict.fromkeys(("year", "yyyy", "yy"), ("month", "day", "hour", "minute", "second", "microsecond")),
    **dict.fromkeys(("month", "mon", "mm"), ("day", "hour", "minute", "second", "microsecond")),
    **dict.fromkeys(("day", "dd"), ("hour", "minute", "second", "microsecond")),
    "hour": ("minute", "second", "microsecond"),
    "minute": ("second", "microsecond"),
    "second": ("microsecond",),
}
# Functions that are casts to the type that they are named after.
_TYPES = {
    "int": INTEGER, "bigint": BIGINT, "double": DOUBLE, "boolean": BOOLEAN, "string": STRING, "date": DATE,
    "timestamp": TIMESTAMP,
}  # fmt: skip
_FIRST_OF_UNIT = {"month": 1, "day": 1}


def find_function(name: str) -> Build:
    """What builds a call of a function; `Unsupported` for one that is not declared."""
    if name not in FUNCTIONS:
        raise Unsupported(f"{name}()")
    return FUNCTIONS[name]


def _strict(takes: Sequence[ColumnType], gives: ColumnType, compute: Callable[..., Any], least: int = 0) -> Build:
    """A function of these types, the last ones optional beyond `least`; null where an argument is."""

    def build(arguments: list[Compiled]) -> Compiled:
        if not (least or len(takes)) <= len(arguments) <= len(takes):
            raise Unsupported(f"a call with {len(arguments)} arguments")
        cast = [cast_to(argument, kind).evaluate for argument, kind in zip(arguments, takes, strict=False)]
        return Compiled(gives, apply(compute, *cast))

    return build


def _of_time(compute: Callable[[Any], int]) -> Build:
    """A figure of a date or a time."""

    def build(arguments: list[Compiled]) -> Compiled:
        [time] = _take(arguments, 1)
        value = time if time.type == DATE else cast_to(time, TIMESTAMP)
        return Compiled(INTEGER, apply(compute, value.evaluate))

    return build


def _take(arguments: list[Compiled], count: int) -> list[Compiled]:
    if len(arguments) != count:
        raise Unsupported(f"a call with {len(arguments)} arguments")
    return arguments


def _constant_text(argument: Compiled) -> str:
    if not isinstance(argument.constant, str):
        raise Unsupported("a call whose pattern or unit is no constant text")
    return argument.constant


def _coalesce(arguments: list[Compiled]) -> Compiled:
    common, evaluates = cast_alike(arguments)
    return Compiled(common, first_of(evaluates))


def _null_if(arguments: list[Compiled]) -> Compiled:
    value, other = _take(arguments, 2)
    common, (left, right) = cast_alike([value, other])
    is_same = apply(find_order("=", common), left, right)
    return Compiled(value.type, lambda row: None if is_same(row) else value.evaluate(row))


def _extreme(sign: str) -> Build:
    """The greatest or the least of the values that are not null."""

    def build(arguments: list[Compiled]) -> Compiled:
        common, evaluates = cast_alike(arguments)
        is_better = find_order(sign, common)

        def run(row: Sequence[Any]) -> Any:
            best = None
            for evaluate in evaluates:
                value = evaluate(row)
                if value is not None and (best is None or is_better(value, best)):
                    best = value
            return best

        return Compiled(common, run)

    return build


def _concatenate(arguments: list[Compiled]) -> Compiled:
    texts = [cast_to(argument, STRING).evaluate for argument in arguments]
    return Compiled(STRING, apply(lambda *parts: "".join(parts), *texts))


def _absolute(arguments: list[Compiled]) -> Compiled:
    [value] = _take(arguments, 1)
    if value.type.name in LIMITS:
        limit = LIMITS[value.type.name]
        return Compiled(value.type, apply(lambda number: wrap(abs(number), limit), value.evaluate))
    if value.type.name == "decimal":
        return Compiled(value.type, apply(Decimal.copy_abs, value.evaluate))
    return Compiled(DOUBLE, apply(abs, cast_to(value, DOUBLE).evaluate))


def _to_whole(compute: Callable[[float], int], endless: Callable[[float], int]) -> Build:
    def build(arguments: list[Compiled]) -> Compiled:
        [value] = _take(arguments, 1)
        if value.type.name in (*LIMITS, NULL.name):
            return cast_to(value, BIGINT)
        if value.type.name == "decimal":
            raise Unsupported(f"a rounded {value.type}")
        return Compiled(
            BIGINT,
            apply(lambda n: compute(n) if isfinite(n) else endless(n), cast_to(value, DOUBLE).evaluate),
        )

    return build


def _limit_double(number: float) -> int:
    limit = LIMITS["bigint"]
    return 0 if isnan(number) else limit - 1 if number > 0 else -limit


def _clip(number: int) -> int:
    limit = LIMITS["bigint"]
    return max(-limit, min(limit - 1, number))


def _round(arguments: list[Compiled]) -> Compiled:
    value, *places = arguments
    decimals = places[0].constant if places else 0
    if value.type != DOUBLE or len(places) > 1 or not isinstance(decimals, int):
        raise Unsupported(f"round() of {value.type}")

    def compute(number: float) -> float:
        if not isfinite(number):
            return number
        # Adding 0.0 makes it of -0.0, as Spark has no such decimal.
        return float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-decimals), context=_ROUNDING)) + 0.0

    return Compiled(DOUBLE, apply(compute, value.evaluate))


def _format_time(arguments: list[Compiled]) -> Compiled:
    time, pattern = _take(arguments, 2)
    try:
        write = compile_time_text(_constant_text(pattern))
    except ValueError as error:
        raise Unsupported(str(error)) from error
    return Compiled(STRING, apply(write, cast_to(time, TIMESTAMP).evaluate))


def _truncate_time(arguments: list[Compiled]) -> Compiled:
    unit, time = _take(arguments, 2)
    return Compiled(TIMESTAMP, _cut(_constant_text(unit), cast_to(time, TIMESTAMP)))


def _truncate_date(arguments: list[Compiled]) -> Compiled:
    day, unit = _take(arguments, 2)
    if _constant_text(unit).lower() not in ("year", "yyyy", "yy", "month", "mon", "mm"):
        raise Unsupported(f"trunc() to {unit.constant!r}")
    return cast_to(Compiled(TIMESTAMP, _cut(_constant_text(unit), cast_to(cast_to(day, DATE), TIMESTAMP))), DATE)


def _cut(unit: str, time: Compiled) -> Callable[[Sequence[Any]], Any]:
    fields = _UNITS.get(unit.lower())
    if fields is None:
        raise Unsupported(f"a time cut to {unit!r}")
    cut = {field: _FIRST_OF_UNIT.get(field, 0) for field in fields}
    return apply(lambda value: value.replace(**cut), time.evaluate)


def _substring(text: str, start: int, length: int = 2**31 - 1) -> str:
    """The part from a place counted from 1, or from the end where it is negative."""
    begin = start - 1 if start > 0 else len(text) + start if start < 0 else 0
    return text[max(begin, 0) : max(begin + length, 0)]


def _is_null(arguments: list[Compiled]) -> Compiled:
    [value] = _take(arguments, 1)
    return Compiled(BOOLEAN, lambda row: value.evaluate(row) is None)


def _cast(kind: ColumnType) -> Build:
    return lambda arguments: cast_to(_take(arguments, 1)[0], kind)


FUNCTIONS: dict[str, Build] = {
    **dict.fromkeys(("coalesce", "ifnull", "nvl"), _coalesce),
    "nullif": _null_if,
    "greatest": _extreme(">"),
    "least": _extreme("<"),
    "concat": _concatenate,
    **dict.fromkeys(("upper", "ucase"), _strict([STRING], STRING, str.upper)),
    **dict.fromkeys(("lower", "lcase"), _strict([STRING], STRING, str.lower)),
    "trim": _strict([STRING], STRING, lambda text: text.strip(" ")),
    "ltrim": _strict([STRING], STRING, lambda text: text.lstrip(" ")),
    "rtrim": _strict([STRING], STRING, lambda text: text.rstrip(" ")),
    **dict.fromkeys(("length", "len", "char_length", "character_length"), _strict([STRING], INTEGER, len)),
    **dict.fromkeys(("substring", "substr"), _strict([STRING, INTEGER, INTEGER], STRING, _substring, least=2)),
    "left": _strict([STRING, INTEGER], STRING, lambda text, count: text[: max(count, 0)]),
    "right": _strict([STRING, INTEGER], STRING, lambda text, count: text[-count:] if count > 0 else ""),
    "replace": _strict(
        [STRING, STRING, STRING], STRING, lambda text, old, new: text.replace(old, new) if old else text
    ),
    "startswith": _strict([STRING, STRING], BOOLEAN, str.startswith),
    "endswith": _strict([STRING, STRING], BOOLEAN, str.endswith),
    "contains": _strict([STRING, STRING], BOOLEAN, str.__contains__),
    "abs": _absolute,
    "floor": _to_whole(lambda n: _clip(floor(n)), _limit_double),
    **dict.fromkeys(("ceil", "ceiling"), _to_whole(lambda n: _clip(ceil(n)), _limit_double)),
    "round": _round,
    "year": _of_time(lambda time: time.year),
    "month": _of_time(lambda time: time.month),
    "quarter": _of_time(lambda time: (time.month + 2) // 3),
    **dict.fromkeys(("day", "dayofmonth"), _of_time(lambda time: time.day)),
    "dayofweek": _of_time(lambda time: time.isoweekday() % 7 + 1),
    "weekday": _of_time(lambda time: time.weekday()),
    "dayofyear": _of_time(lambda time: time.timetuple().tm_yday),
    "hour": _strict([TIMESTAMP], INTEGER, lambda time: time.hour),
    "minute": _strict([TIMESTAMP], INTEGER, lambda time: time.minute),
    "second": _strict([TIMESTAMP], INTEGER, lambda time: time.second),
    "date_format": _format_time,
    "date_trunc": _truncate_time,
    "trunc": _truncate_date,
    **{name: _cast(kind) for name, kind in _TYPES.items()},
    **dict.fromkeys(("datediff", "date_diff"), _strict([DATE, DATE], INTEGER, lambda end, begin: (end - begin).days)),
    "isnull": _is_null,
    "isnotnull": lambda arguments: Compiled(BOOLEAN, apply(operator.not_, _is_null(arguments).evaluate)),
}
