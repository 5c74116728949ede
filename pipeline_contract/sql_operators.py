"""The operators of Spark SQL over values that are not null: the type of the result, and what computes it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from math import fmod, isinf, isnan
from typing import Any

from pipeline_contract.column_types import ColumnType
from pipeline_contract.sql_values import LIMITS, NULL, round_decimal, wrap

Compute = Callable[[Any, Any], Any]

DOUBLE, BOOLEAN, DATE = ColumnType("double"), ColumnType("boolean"), ColumnType("date")
NUMBERS = ("integer", "bigint", "decimal", "double")
_MAX_DIGITS, _KEPT_DECIMALS = 38, 6
_EXACT = Context(prec=200)
_RANKS = {"null": 0, "integer": 1, "bigint": 2, "decimal": 3, "double": 4}
_WHOLE_DIGITS = {"integer": 10, "bigint": 20}
_EXACT_OPERATORS: dict[str, Compute] = {
    "+": _EXACT.add, "-": _EXACT.subtract, "*": _EXACT.multiply, "%": _EXACT.remainder,
}  # fmt: skip
_PLAIN_OPERATORS: dict[str, Compute] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_ORDER: dict[str, Compute] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def find_common_type(types: list[ColumnType]) -> ColumnType | None:
    """The type to which all of these are cast to be one column; None where Spark would make text of them, or refuse."""
    common = NULL
    for kind in types:
        found = _join_types(common, kind)
        if found is None:
            return None
        common = found
    return common


def find_compared_type(left: ColumnType, right: ColumnType) -> ColumnType | None:
    """The type as which two values are compared: text becomes what it is compared with."""
    if "string" in (left.name, right.name) and NULL not in (left, right):
        other = right if left.name == "string" else left
        return DOUBLE if other.name == "decimal" else other
    return _join_types(left, right)


def find_arithmetic(sign: str, left: ColumnType, right: ColumnType) -> tuple[ColumnType, ColumnType, Compute] | None:
    """The type of the operands, that of the result, and what computes it from operands that are not null.

    Null of a division by zero, of a decimal beyond 38 digits; whole numbers wrap around. None for types that are no
    numbers.
    """
    if left.name not in _RANKS or right.name not in _RANKS:
        return None
    wider = max(left, right, key=lambda kind: _RANKS[kind.name])
    if wider.name == "decimal":
        result = _size_decimal(sign, as_decimal(left), as_decimal(right))
        return ColumnType("decimal"), result, _compute_decimal(sign, result)
    if sign == "/" or wider.name == "double":
        return DOUBLE, DOUBLE, {"/": _divide, "%": _remainder}.get(sign) or _PLAIN_OPERATORS[sign]
    wider = ColumnType("integer") if wider == NULL else wider
    return wider, wider, _compute_whole(sign, LIMITS[wider.name])


def find_order(sign: str, kind: ColumnType) -> Compute:
    """What compares two values of one type; Spark's NaN equals itself and is greater than all."""
    compare = _ORDER[sign]
    if kind.name != "double":
        return compare
    return lambda left, right: compare(_order_double(left), _order_double(right))


def divide_whole(left: int, right: int) -> int | None:
    """The `div` of whole numbers, towards zero; null by zero."""
    return None if right == 0 else wrap(_truncate(left, right), LIMITS["bigint"])


def as_decimal(kind: ColumnType) -> ColumnType:
    """The decimal that holds every value of a number's type."""
    if kind.name == "decimal":
        return kind
    return ColumnType("decimal", _WHOLE_DIGITS.get(kind.name, 1), 0)


def _join_types(left: ColumnType, right: ColumnType) -> ColumnType | None:
    if right in (left, NULL):
        return left
    if left == NULL:
        return right
    if left.name in _RANKS and right.name in _RANKS:
        wider = max(left, right, key=lambda kind: _RANKS[kind.name])
        return _join_decimals(as_decimal(left), as_decimal(right)) if wider.name == "decimal" else wider
    if {left.name, right.name} == {"date", "timestamp"}:
        return ColumnType("timestamp")
    return None


def _join_decimals(left: ColumnType, right: ColumnType) -> ColumnType:
    whole, scale = _split(left), _split(right)
    return _bound(max(whole[0], scale[0]), max(whole[1], scale[1]))


def _split(kind: ColumnType) -> tuple[int, int]:
    """The digits before and behind the point."""
    assert kind.precision is not None  # noqa: S101 - a decimal has both
    assert kind.scale is not None  # noqa: S101
    return kind.precision - kind.scale, kind.scale


def _bound(whole: int, scale: int) -> ColumnType:
    """A decimal of 38 digits at most, which gives up decimals beyond six first."""
    if whole + scale <= _MAX_DIGITS:
        return ColumnType("decimal", whole + scale, scale)
    return ColumnType("decimal", _MAX_DIGITS, max(_MAX_DIGITS - whole, min(scale, _KEPT_DECIMALS)))


def _size_decimal(sign: str, left: ColumnType, right: ColumnType) -> ColumnType:
    (whole_left, scale_left), (whole_right, scale_right) = _split(left), _split(right)
    match sign:
        case "*":
            return _bound(whole_left + whole_right + 1, scale_left + scale_right)
        case "/":
            scale = max(_KEPT_DECIMALS, scale_left + whole_right + scale_right + 1)
            return _bound(whole_left + scale_right, scale)
        case "%":
            return _bound(min(whole_left, whole_right), max(scale_left, scale_right))
    return _bound(max(whole_left, whole_right) + 1, max(scale_left, scale_right))


def _compute_decimal(sign: str, result: ColumnType) -> Compute:
    whole, scale = _split(result)

    def compute(left: Decimal, right: Decimal) -> Decimal | None:
        if sign in "/%" and not right:
            return None
        if sign == "/":
            exact = _EXACT.divide(left, right).quantize(Decimal(1).scaleb(-_MAX_DIGITS), ROUND_HALF_UP, _EXACT)
        else:
            exact = _EXACT_OPERATORS[sign](left, right)
        return round_decimal(exact, whole + scale, scale)

    return compute


def _compute_whole(sign: str, limit: int) -> Compute:
    if sign == "%":
        return lambda left, right: None if right == 0 else left - right * _truncate(left, right)
    compute = _PLAIN_OPERATORS[sign]

    def compute_wrapped(left: int, right: int) -> int:
        number: int = compute(left, right)
        return number if -limit <= number < limit else wrap(number, limit)

    return compute_wrapped


def _truncate(left: int, right: int) -> int:
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


def _divide(left: float, right: float) -> float | None:
    return None if right == 0 else left / right


def _remainder(left: float, right: float) -> float | None:
    if right == 0:
        return None
    return float("nan") if isinf(left) or isnan(left) or isnan(right) else fmod(left, right)


def _order_double(number: float) -> tuple[bool, float]:
    return (True, 0.0) if isnan(number) else (False, number)
