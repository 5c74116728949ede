"""Spark's date and time patterns without Spark: a declared part of them, as one regular expression each."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

ReadTime = Callable[[str], datetime | None]
# Trimmed around a text before it is read.
_WHITE_SPACE = " \t\r\n"
# English names, whatever the process's locale.
MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
SHORT_NAMES = tuple(name[:3] for name in MONTH_NAMES)
_MONTHS = {name.lower(): number for names in (SHORT_NAMES, MONTH_NAMES) for number, name in enumerate(names, 1)}
_OFFSETS = {
    "X": r"Z|[+-][0-9]{2}(?:[0-9]{2})?",
    "XX": r"Z|[+-][0-9]{4}",
    "XXX": r"Z|[+-][0-9]{2}:[0-9]{2}",
    "x": r"[+-][0-9]{2}(?:[0-9]{2})?",
    "xx": r"[+-][0-9]{4}",
    "xxx": r"[+-][0-9]{2}:[0-9]{2}",
    "Z": r"[+-][0-9]{4}",
}
# A number of one letter has 1 to 19 digits, one of two letters just two.
_NUMBER, _TWO = "[0-9]{1,19}", "[0-9]{2}"
_FIELDS = {
    "yyyy": r"[0-9]{4}|\+[0-9]{5,19}",
    "y": _NUMBER,
    "yy": _TWO,
    "MMMM": "|".join(MONTH_NAMES),
    "MMM": "|".join(SHORT_NAMES),
    "a": "AM|PM",
    **dict.fromkeys(("M", "d", "H", "h", "m", "s"), _NUMBER),
    **dict.fromkeys(("MM", "dd", "HH", "hh", "mm", "ss"), _TWO),
    **{"S" * digits: rf"[0-9]{{1,{digits}}}" for digits in range(1, 10)},
    **_OFFSETS,
}
_PIECES = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|([^A-Za-z'\[\]{}#]+)|(.)", re.DOTALL)
ALLOWED = "yyyy yy y MMMM MMM MM M dd d HH H hh h (with a) mm m ss s S… a X XX XXX x xx xxx Z, and text in quotes"


class Piece(NamedTuple):
    """A piece of a pattern: letters that stand for a field of a time, or text that stands for itself."""

    text: str
    is_field: bool


def split_pattern(pattern: str) -> list[Piece]:
    """The pieces of a pattern; `ValueError` for a sign that has a meaning of its own."""
    pieces = list[Piece]()
    for piece in _PIECES.finditer(pattern):
        if piece[4]:
            raise ValueError(f"{piece[0]!r} in the pattern {pattern!r} is not among: {ALLOWED}")
        # Two quotes stand for one, also by themselves.
        text = piece[0] if piece[1] is None else piece[1].replace("''", "'") or "'"
        pieces.append(Piece(text, bool(piece[2])))
    return pieces


def compile_time_pattern(pattern: str) -> ReadTime:
    """What reads a text by one of Spark's patterns as naive UTC, or None; `ValueError` for a pattern beyond `ALLOWED`.

    The years are 1 to 9999; what the pattern does not name is that of 1970-01-01 00:00.
    """
    expression, fields = "", list[str]()
    for letters, is_field in split_pattern(pattern):
        if not is_field and "'" not in letters:
            expression += re.escape(letters)
            continue
        if letters not in _FIELDS or letters[0] in fields:
            raise ValueError(f"{letters!r} in the pattern {pattern!r} is not among: {ALLOWED}")
        fields.append(letters[0])
        expression += f"(?P<{_group(letters)}>{_FIELDS[letters]})"
    if ("h" in fields) != ("a" in fields) or ("H" in fields and "h" in fields):
        raise ValueError(f"the pattern {pattern!r} needs h with a, or H alone")
    compiled = re.compile(expression, re.IGNORECASE)

    def read(text: str) -> datetime | None:
        match = compiled.fullmatch(text.strip(_WHITE_SPACE))
        return None if match is None else _build_time(match.groupdict())

    return read


def _group(letters: str) -> str:
    """A field's name in the expression: that of its letter, but a short year and a month's name are others."""
    if letters[0] in "XxZ":
        return "offset"
    return "short_year" if letters == "yy" else "month_name" if letters in ("MMM", "MMMM") else letters[0]


def _build_time(found: dict[str, str]) -> datetime | None:
    hour = int(found.get("H", 0))
    if "h" in found:
        hour = int(found["h"])
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["a"].upper() == "PM" else 0)
    year = 2000 + int(found["short_year"]) if "short_year" in found else int(found.get("y", 1970))
    month = _MONTHS[found["month_name"].lower()] if "month_name" in found else int(found.get("M", 1))
    micros = int(found.get("S", "").ljust(9, "0")[:6])
    try:
        time = datetime(
            year, month, int(found.get("d", 1)), hour, int(found.get("m", 0)), int(found.get("s", 0)), micros, UTC
        )
    except (ValueError, OverflowError):
        return None
    return _leave_zone(time, found.get("offset", "Z"))


def _leave_zone(time: datetime, offset: str) -> datetime | None:
    if offset in "Zz":
        return time.replace(tzinfo=None)
    digits = offset[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if int(digits[2:]) > 59 or minutes > 18 * 60:
        return None
    zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    try:
        return time.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # in UTC the year is not one of 1 to 9999
        return None
