"""Text to the contract's types without Spark, with the answers of the job's own casts: the value, or null."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Context, Decimal
from math import isfinite
from typing import Any

from pipeline_contract.column_types import BIGINT, ColumnType
from pipeline_contract.time_patterns import compile_time_pattern

CastText = Callable[[str], Any]

# What Java's \s and Spark's trim of whole numbers, dates and booleans stand for; Python's own take more of Unicode.
SPACE = r"[ \t\n\x0b\f\r]*"
CONTROL = r"[\x00-\x20\x7f]*"
CONTROL_CHARACTERS = "".join(map(chr, (*range(0x21), 0x7F)))
WHOLE_NUMBER = re.compile(rf"{CONTROL}([+-]?)0*([0-9]{{1,19}}){CONTROL}")
_DATE = re.compile(rf"{SPACE}(?!0000)([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}}){SPACE}")
_TIMESTAMP = re.compile(
    rf"{SPACE}(?!0000|0001-01-01.*\+|9999-12-31.{{6,}}-)([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})"
    r"[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
    rf"(?:Z|([+-])([0-9]{{2}}):?([0-9]{{2}}))?{SPACE}"
)
_DOUBLE = re.compile(rf"{SPACE}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?{SPACE}")
_DECIMAL = re.compile(rf"{SPACE}([+-]?)([0-9]*)(?:\.([0-9]*))?{SPACE}")
_TRUE, _FALSE = frozenset({"t", "true", "y", "yes", "1"}), frozenset({"f", "false", "n", "no", "0"})
# As few digits are within any limit.
_FEW_DIGITS = 10
_LIMITS = {"integer": 2**31, "bigint": 2**63}
MAX_OFFSET_MINUTES = 18 * 60
EXACT = Context(prec=100)


def compile_cast(kind: ColumnType, pattern: str | None = None) -> CastText:
    """What turns a text into a value of `kind`, or None where the text is not of it.

    Times are naive, in UTC; `pattern` is one of Spark's date patterns, and raises `ValueError` if it is beyond the
    declared ones.
    """
    if pattern is not None:
        return _compile_patterned(kind, pattern)
    if kind.name in _LIMITS:
        return _compile_whole(_LIMITS[kind.name])
    if kind.name == "decimal":
        return _compile_decimal(kind)
    return _CASTS[kind.name]


def _compile_patterned(kind: ColumnType, pattern: str) -> CastText:
    parse = compile_time_pattern(pattern)
    if kind.name == "timestamp":
        return parse

    def read_date(text: str) -> date | None:
        time = parse(text)
        return None if time is None else time.date()

    return read_date


def _compile_whole(limit: int) -> CastText:
    def read_whole(text: str) -> int | None:
        if len(text) < _FEW_DIGITS and text.isascii() and text.isdigit():
            return int(text)
        match = WHOLE_NUMBER.fullmatch(text)
        if match is None:
            return None
        number = int(match[1] + match[2])
        return number if -limit <= number < limit else None

    return read_whole


def _compile_decimal(kind: ColumnType) -> CastText:
    assert kind.precision is not None  # noqa: S101 - parse_type sets both
    assert kind.scale is not None  # noqa: S101
    precision, scale = kind.precision, kind.scale

    def read_decimal(text: str) -> Decimal | None:
        match = _DECIMAL.fullmatch(text)
        if match is None:
            return None
        sign, whole, fraction = match[1], match[2], match[3] or ""
        if not (whole or fraction) or fraction[scale:].strip("0"):
            return None
        digits = (whole + fraction[:scale].ljust(scale, "0")).lstrip("0")
        if len(digits) > precision:
            return None
        number = Decimal(digits or "0").scaleb(-scale, EXACT)
        return EXACT.minus(number) if sign == "-" and digits else number

    return read_decimal


def read_double(text: str) -> float | None:
    """A finite double."""
    if _DOUBLE.fullmatch(text) is None:
        return None
    number = float(text)
    return number if isfinite(number) else None


def read_boolean(text: str) -> bool | None:
    """A truth value, by any of the words that Spark takes for one."""
    word = text.strip(CONTROL_CHARACTERS).lower()
    return True if word in _TRUE else False if word in _FALSE else None


def read_date(text: str) -> date | None:
    """An ISO date of the years 1 to 9999."""
    match = _DATE.fullmatch(text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def read_timestamp(text: str) -> datetime | None:
    """An ISO time as naive UTC; without a zone it is UTC already."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = match.groups()
    micros = int(fraction.ljust(6, "0")) if fraction else 0
    try:
        time = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), micros, UTC)
    except ValueError:
        return None
    if sign is None:
        return time.replace(tzinfo=None)
    return shift_zone(time, sign, int(zone_hours), int(zone_minutes))


def shift_zone(time: datetime, sign: str, hours: int, minutes: int) -> datetime | None:
    """A time of this offset from UTC as naive UTC; None beyond 18 hours, as far as Java's zones go."""
    offset = hours * 60 + minutes
    if minutes > 59 or offset > MAX_OFFSET_MINUTES:
        return None
    zone = timezone(timedelta(minutes=-offset if sign == "-" else offset))
    return time.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def _keep_text(text: str) -> str:
    return text


_CASTS: dict[str, CastText] = {
    "string": _keep_text,
    "double": read_double,
    "boolean": read_boolean,
    "date": read_date,
    "timestamp": read_timestamp,
}
read_bigint = compile_cast(BIGINT)
