"""Values of Spark SQL from one type to another, as Spark casts them without its ANSI mode: null where it cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from math import isfinite, isnan
from typing import Any

from pipeline_contract.column_types import ColumnType
from pipeline_contract.json_texts import show_double
from pipeline_contract.text_casts import CONTROL_CHARACTERS, read_boolean, shift_zone

Convert = Callable[[Any], Any]

NULL = ColumnType("null")
LIMITS = {"integer": 2**31, "bigint": 2**63}
_WIDE = Context(prec=2000, Emin=-999_999, Emax=999_999)
_WHOLE = re.compile(r"([+-]?)0*([0-9]+)(\.[0-9]*)?")
# More than any whole number has; Python reads no text of thousands.
_MOST_DIGITS = 20
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SPECIAL = {
    **dict.fromkeys(("inf", "+inf", "infinity", "+infinity"), float("inf")),
    **dict.fromkeys(("-inf", "-infinity"), float("-inf")),
    "nan": float("nan"),
}
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:[T ].*)?)?)?", re.DOTALL)
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[T ]([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]*))?)?(?:Z|UTC|([+-])([0-9]{1,2}):?([0-9]{2}))?)?"
)


def find_cast(source: ColumnType, target: ColumnType, *, is_exact: bool) -> Convert | None:
    """What casts a value that is not null; None for a pair of types that is not supported here.

    `is_exact` is that of try_cast, for which a number out of range or a fraction in a whole number's text is null.
    """
    if source in (target, NULL):
        return _keep
    if target.name == "string":
        return show_value
    if target.name == "decimal":
        return _find_decimal_cast(source, target)
    if source.name == "string":
        return _find_text_cast(target, is_exact=is_exact)
    if target.name in LIMITS:
        return _find_whole_cast(source, target, is_exact=is_exact)
    return _PLAIN.get((source.name, target.name))


def show_value(value: Any) -> str:
    """A value as the text that Spark casts it to."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return show_double(value)
    if kind is datetime:
        return show_time(value)
    return value.isoformat() if kind is date else str(value)


def show_time(time: datetime) -> str:
    """A time with as many decimals of a second as it needs."""
    text = time.isoformat(" ", "microseconds" if time.microsecond else "seconds")
    return text.rstrip("0") if time.microsecond else text


def wrap(number: int, limit: int) -> int:
    """A whole number as one of the 32 or 64 bits that it overflows."""
    return number if -limit <= number < limit else (number + limit) % (2 * limit) - limit


def round_decimal(number: Decimal, precision: int, scale: int) -> Decimal | None:
    """A decimal of this many digits, rounded half away from zero; None where it has more."""
    rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _WIDE)
    if rounded.is_zero():
        return rounded.copy_abs()
    return None if rounded.adjusted() >= precision - scale else rounded


def _keep(value: Any) -> Any:
    return value


def _find_decimal_cast(source: ColumnType, target: ColumnType) -> Convert | None:
    assert target.precision is not None  # noqa: S101 - parse_type sets both
    assert target.scale is not None  # noqa: S101
    precision, scale = target.precision, target.scale

    def from_text(text: str) -> Decimal | None:
        stripped = text.strip(CONTROL_CHARACTERS)
        if not _NUMBER.fullmatch(stripped):
            return None
        number = Decimal(stripped)
        return None if number.adjusted() > 40 and number else round_decimal(number, precision, scale)

    def from_double(number: float) -> Decimal | None:
        return round_decimal(Decimal(repr(number)), precision, scale) if isfinite(number) else None

    casts: dict[str, Convert] = {
        "string": from_text,
        "double": from_double,
        "decimal": lambda number: round_decimal(number, precision, scale),
        **dict.fromkeys(("integer", "bigint", "boolean"), lambda n: round_decimal(Decimal(int(n)), precision, scale)),
    }
    return casts.get(source.name)


def _find_text_cast(target: ColumnType, *, is_exact: bool) -> Convert | None:
    casts: dict[str, Convert] = {
        "boolean": read_boolean, "double": _read_double, "date": _read_date, "timestamp": _read_time,
    }  # fmt: skip
    if target.name not in LIMITS:
        return casts.get(target.name)
    limit = LIMITS[target.name]

    def read_whole(text: str) -> int | None:
        match = _WHOLE.fullmatch(text.strip(CONTROL_CHARACTERS))
        if match is None or (is_exact and match[3] is not None):
            return None
        number = int(match[1] + match[2][:_MOST_DIGITS])
        return number if -limit <= number < limit else None

    return read_whole


def _find_whole_cast(source: ColumnType, target: ColumnType, *, is_exact: bool) -> Convert | None:
    limit = LIMITS[target.name]

    def from_whole(number: int) -> int | None:
        return (number if -limit <= number < limit else None) if is_exact else wrap(int(number), limit)

    def from_double(number: float) -> int | None:
        if is_exact:
            return int(number) if isfinite(number) and -limit - 1 < number < limit else None
        if isnan(number):
            return 0
        return int(max(-limit, min(limit - 1, int(number) if isfinite(number) else number)))

    casts: dict[str, Convert] = {
        "boolean": int,
        "integer": from_whole,
        "bigint": from_whole,
        "double": from_double,
        "decimal": lambda number: from_whole(int(number.to_integral_value(ROUND_DOWN))),
    }
    return casts.get(source.name)


def _read_double(text: str) -> float | None:
    stripped = text.strip(CONTROL_CHARACTERS)
    if _NUMBER.fullmatch(stripped.rstrip("dDfF") if len(stripped) > 1 and stripped[-2].isdigit() else stripped):
        return float(stripped.rstrip("dDfF"))
    return _SPECIAL.get(stripped.lower())


def _read_date(text: str) -> date | None:
    match = _DATE.fullmatch(text.strip(CONTROL_CHARACTERS))
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1)) if match else None
    except ValueError:
        return None


def _read_time(text: str) -> datetime | None:
    match = _TIME.fullmatch(text.strip(CONTROL_CHARACTERS))
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = match.groups()
    micros = int((fraction or "")[:6].ljust(6, "0"))
    try:
        time = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros, UTC
        )
        return shift_zone(time, sign, int(hours), int(minutes)) if sign else time.replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


_PLAIN: dict[tuple[str, str], Convert] = {
    **{(name, "double"): float for name in ("integer", "bigint", "decimal", "boolean")},
    **{(name, "boolean"): bool for name in ("integer", "bigint", "decimal", "double")},
    ("date", "timestamp"): lambda day: datetime(day.year, day.month, day.day),  # noqa: DTZ001 - times have no zone
    ("timestamp", "date"): lambda time: time.date(),
}
