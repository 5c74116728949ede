"""Operators of Spark SQL between compiled values: their types made alike, then what computes the result."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from pipeline_contract.column_types import STRING, ColumnType
from pipeline_contract.compiled_values import Compiled, Unsupported, apply, cast_to, make_constant
from pipeline_contract.sql_operators import BOOLEAN, DOUBLE, find_arithmetic, find_compared_type, find_order
from pipeline_contract.sql_values import LIMITS

_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def calculate(sign: str, left: Compiled, right: Compiled) -> Compiled:
    """The result of + - * / or %; null of a division by zero."""
    # Beside a number, a text is read as a double.
    left, right = (cast_to(side, DOUBLE) if side.type == STRING else side for side in (left, right))
    found = find_arithmetic(sign, _fit_literal(left, right), _fit_literal(right, left))
    if found is None:
        raise Unsupported(f"{left.type} {sign} {right.type}")
    operand, result, compute = found
    if operand.name == "decimal":
        sides = [
            side.evaluate if side.type.name == "decimal" else apply(Decimal, side.evaluate) for side in (left, right)
        ]
    else:
        sides = [cast_to(side, operand).evaluate for side in (left, right)]
    return Compiled(result, apply(compute, *sides))


def compare(sign: str, left: Compiled, right: Compiled) -> Compiled:
    """The answer of a comparison, null where a side is."""
    left, right = align(sign, left, right)
    if right.constant is not None:
        # With the constant bound to the mirrored comparison, a row costs half.
        return Compiled(BOOLEAN, apply(partial(find_order(_MIRRORED[sign], left.type), right.constant), left.evaluate))
    return Compiled(BOOLEAN, apply(find_order(sign, left.type), left.evaluate, right.evaluate))


def align(sign: str, left: Compiled, right: Compiled) -> tuple[Compiled, Compiled]:
    """Both sides as the type in which they are compared; decimals compare exactly, whatever their digits."""
    common = find_compared_type(left.type, right.type)
    if common is None:
        raise Unsupported(f"{left.type} {sign} {right.type}")
    return (left, right) if common.name == "decimal" else (cast_to(left, common), cast_to(right, common))


def read_number(text: str) -> Compiled:
    """A number that is written out, of the type that Spark takes it for."""
    if "e" in text.lower():
        return make_constant(DOUBLE, float(text))
    if "." not in text:
        number = int(text)
        for name, limit in LIMITS.items():
            if -limit <= number < limit:
                return make_constant(ColumnType(name), number)
    exact = Decimal(text)
    _, digits, exponent = exact.as_tuple()
    scale = -int(exponent)
    return make_constant(ColumnType("decimal", max(len(digits), scale), scale), exact)


def _fit_literal(side: Compiled, other: Compiled) -> ColumnType:
    """A whole number that is written out has as many digits as it shows, beside a decimal."""
    if other.type.name == "decimal" and side.type.name in LIMITS and side.constant is not None:
        return ColumnType("decimal", len(str(abs(side.constant))), 0)
    return side.type
