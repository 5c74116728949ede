"""Values that formats, dialects and zones tell apart badly, one row each: what a format must bring back bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from pipeline_contract.column_types import parse_type

COLUMNS = {
    "n": parse_type("integer"),
    "text": parse_type("string"),
    "small": parse_type("integer"),
    "big": parse_type("bigint"),
    "share": parse_type("double"),
    "price": parse_type("decimal(12,2)"),
    "exact": parse_type("decimal(38,10)"),
    "open": parse_type("boolean"),
    "day": parse_type("date"),
    "at": parse_type("timestamp"),
}


class Nasty(NamedTuple):
    """One row: the columns that are not null in it."""

    id: str
    values: Mapping[str, Any]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


TEXTS = {
    "plain": "plain",
    "empty": "",
    "blank": " ",
    "spaces_around": "  a  ",
    "tabs_around": "\ta\t",
    "quote": 'a"b',
    "one_quote": '"',
    "only_quotes": '""',
    "single_quote": "it's",
    "comma": "a,b",
    "only_a_comma": ",",
    "quote_comma_quote": '","',
    "newline": "a\nb",
    "only_a_newline": "\n",
    "carriage_return": "a\rb",
    "carriage_return_at_the_end": "a\r",
    "line_end": "a\r\nb",
    "line_separators_of_unicode": "a\u2028b\u2029c\u0085d",
    "backslash": "a\\b",
    "backslash_at_the_end": "a\\",
    "backslash_before_quote": 'a\\"b',
    "escape_that_is_text": "a\\nb\\u0041",
    "null_of_snowflake": "\\N",
    "word_null": "NULL",
    "lower_null": "null",
    "na": "NA",
    "nan": "NaN",
    "word_true": "true",
    "number": "007",
    "date": "2024-02-30",
    "comment_sign": "#a",
    "braces": '{"a": [1, null]}',
    "emoji": "👩‍👩‍👧‍👦 😀",
    "combining": "e\u0301 is not é",
    "right_to_left": "שלום \u202eabc\u202c مرحبا",
    "wide": "東京 𠮷野家",
    "byte_order_mark": "\ufeffa",
    "control_characters": "\x01\x02\x07\x08\x0b\x0c\x0e\x1b\x1f\x7f",
    "like_bytes": "\x80\xff\xfe",
    "highest_character": "\U0010ffff",
    "long": "x" * 70_000,
}
NUMBERS: dict[str, Mapping[str, Any]] = {
    "smallest_whole": {"small": -(2**31), "big": -(2**63)},
    "greatest_whole": {"small": 2**31 - 1, "big": 2**63 - 1},
    "beyond_a_double": {"big": 2**53 + 1},
    "zero": {"small": 0, "big": 0, "share": 0.0, "price": Decimal("0.00"), "exact": Decimal("0E-10")},
    "minus_zero": {"share": -0.0},
    "tenth": {"share": 0.1, "price": Decimal("0.10"), "exact": Decimal("0.1000000000")},
    "seventeen_digits": {"share": 0.30000000000000004},
    "third": {"share": 1 / 3},
    "greatest_double": {"share": 1.7976931348623157e308},
    "smallest_double": {"share": -1.7976931348623157e308},
    "smallest_normal": {"share": 2.2250738585072014e-308},
    "greatest_subnormal": {"share": 2.225073858507201e-308},
    "smallest_subnormal": {"share": 5e-324},
    "whole_double": {"share": 1e22},
    "infinite": {"share": math.inf},
    "minus_infinite": {"share": -math.inf},
    "not_a_number": {"share": math.nan},
    "greatest_decimal": {"price": Decimal("9999999999.99"), "exact": Decimal("9" * 28 + "." + "9" * 10)},
    "smallest_decimal": {"price": Decimal("-9999999999.99"), "exact": Decimal("-" + "9" * 28 + "." + "9" * 10)},
    "least_decimal": {"price": Decimal("0.01"), "exact": Decimal("0.0000000001")},
    "true": {"open": True},
    "false": {"open": False},
}
# Zones change their clocks at these hours: New York, London and Lord Howe; in UTC every one of them is an hour as any other.
TIMES: dict[str, Mapping[str, Any]] = {
    "skipped_hour_new_york": {"at": _time("2024-03-10T02:30:00.000001"), "day": date(2024, 3, 10)},
    "doubled_hour_new_york": {"at": _time("2024-11-03T01:30:00.999999"), "day": date(2024, 11, 3)},
    "skipped_hour_london": {"at": _time("2024-03-31T01:30:00.123456"), "day": date(2024, 3, 31)},
    "skipped_half_hour_lord_howe": {"at": _time("2024-10-06T02:15:00.000100"), "day": date(2024, 10, 6)},
    "first": {"at": _time("0001-01-01T00:00:00.000001"), "day": date(1, 1, 1)},
    "last": {"at": _time("9999-12-31T23:59:59.999999"), "day": date(9999, 12, 31)},
    "julian": {"at": _time("1582-10-10T12:00:00"), "day": date(1582, 10, 10)},
    "before_zones": {"at": _time("1883-11-18T12:03:57.5"), "day": date(1883, 11, 18)},
    "before_the_epoch": {"at": _time("1969-12-31T23:59:59.999999"), "day": date(1969, 12, 31)},
    "epoch": {"at": _time("1970-01-01T00:00:00"), "day": date(1970, 1, 1)},
    "leap_day": {"at": _time("2024-02-29T23:59:59.9"), "day": date(2024, 2, 29)},
}
NASTY: tuple[Nasty, ...] = (
    Nasty("nulls", {}),
    *(Nasty(name, {"text": text}) for name, text in TEXTS.items()),
    *(Nasty(name, values) for name, values in (NUMBERS | TIMES).items()),
)


def list_rows() -> list[dict[str, Any]]:
    """Every row in the order of its number `n`, null where nothing is given."""
    empty = dict.fromkeys(COLUMNS)
    return [{**empty, "n": number, **nasty.values} for number, nasty in enumerate(NASTY)]


def show_bits(value: Any) -> Any:
    """A value as one that equals only itself: -0.0 is not 0.0, and no number is NaN."""
    return value.hex() if isinstance(value, float) else value
