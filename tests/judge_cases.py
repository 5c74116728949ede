"""Messages and what becomes of them: one table for the Spark job and for the judge without Spark."""

# ruff: noqa: DTZ001 - times of the lake have no zone

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from pipeline_contract.message import encode_csv
from tests.orders import ORDER, order_json

# Rows by their offset: curated, and rejected.
Judged = tuple[Mapping[int, Mapping[str, Any]], Mapping[int, Mapping[str, Any]]]

RULES = [
    {"name": "positive_price", "expression": "price > 0"},
    {"name": "few", "expression": "count / (count - 5) is null or count < 1000"},
    {"name": "known_country", "expression": "country in ('NO', 'SE', 'O\\'Brien \"ø\"')"},
]
DERIVED = [
    {"name": "unit_price", "type": "double", "expression": "price / count"},
    {"name": "cents", "type": "integer", "expression": "price * 100"},
]
GOOD = {
    "id": 1, "at": datetime(2024, 5, 1, 10), "price": Decimal("9.50"), "count": 2, "country": "NO",
    "unit_price": 4.75, "cents": 950,
}  # fmt: skip


class Case(NamedTuple):
    """A message's value, and either what differs from the good row, or the reasons as (reason, column, found)."""

    id: str
    value: bytes | None
    curated: dict[str, Any] | None = None
    reasons: list[tuple[str, str | None, str | None]] = []  # noqa: RUF012 - never changed


def corrupt(value: bytes, found: str | None = None) -> list[tuple[str, str | None, str | None]]:
    return [("decode:json", None, (found if found is not None else value.decode())[:100])]


def corrupt_case(name: str, value: bytes) -> Case:
    return Case(name, value, reasons=corrupt(value))


JSON_CASES = [
    Case("good", order_json(), {}),
    Case(
        "null_fields",
        order_json(price=None, count=None),
        {"price": None, "count": None, "unit_price": None, "cents": None},
    ),
    Case(
        "null_values_of_the_contract",
        order_json(price="NA", country=""),
        {"price": None, "country": None, "unit_price": None, "cents": None},
    ),
    Case("division_by_zero_is_null", order_json(count="0"), {"count": 0, "unit_price": None}),
    Case(
        "derived_beyond_its_type_is_null",
        order_json(price="99999999.99"),
        {"price": Decimal("99999999.99"), "unit_price": 49999999.995, "cents": None},
    ),
    Case("quotes_and_unicode", order_json(country='O\'Brien "ø"'), {"country": 'O\'Brien "ø"'}),
    Case(
        "numbers_instead_of_text",
        b'{"id": 1, "at": "2024-05-01T10:00:00Z", "price": 9.5, "count": 2, "country": "NO"}',
        {},
    ),
    Case("unknown_field", order_json(surplus="x"), reasons=[("unknown:surplus", "surplus", "x")]),
    Case(
        "unknown_null_field", order_json()[:-1] + b', "surplus": null}', reasons=[("unknown:surplus", "surplus", None)]
    ),
    Case(
        "unknown_fields_and_wrong_values",
        b'{"x": {"a": [1.50]}, "id": "y", "x": 2, "at": "2024-05-01T10:00:00Z", "z": ""}',
        reasons=[("unknown:x", "x", "2"), ("unknown:z", "z", ""), ("type:id", "id", "y")],
    ),
    Case("white_space_around", b"\n " + order_json() + b"\r\n", {}),
    Case("last_of_a_doubled_key", order_json()[:-1] + b', "country": "SE"}', {"country": "SE"}),
    Case("nested_object", order_json(country={"a": [1, "b"]}), reasons=[("rule:known_country", None, None)]),
    Case("field_named_corrupt", order_json(_corrupt="x"), reasons=[("unknown:_corrupt", "_corrupt", "x")]),
    Case("fields_in_another_order", b"{%s}" % b", ".join(reversed(order_json()[1:-1].split(b", "))), {}),
    Case("missing_key", order_json(id=None), reasons=[("null:id", "id", None)]),
    Case("null_value_in_key", order_json(id="NA"), reasons=[("null:id", "id", None)]),
    Case(
        "every_wrong_column",
        order_json(id="x", at="2024-02-30T00:00:00Z", count="1.5"),
        reasons=[("type:id", "id", "x"), ("type:at", "at", "2024-02-30T00:00:00Z"), ("type:count", "count", "1.5")],
    ),
    Case(
        "every_wrong_rule_and_column",
        order_json(id=None, price="-1", country="XX"),
        reasons=[("null:id", "id", None), ("rule:positive_price", None, None), ("rule:known_country", None, None)],
    ),
    Case("a_rule_with_a_null_answer_passes", order_json(country=None), {"country": None}),
    Case("found_is_cut", order_json(count="7" * 5000), reasons=[("type:count", "count", "7" * 100)]),
    Case("huge_value", order_json(country="ø" * 3_000_000), reasons=[("rule:known_country", None, None)]),
    Case("tombstone", None, reasons=[("decode:json", None, None)]),
    Case("empty", b"", reasons=[("decode:json", None, "")]),
    corrupt_case("blank", b"  "),
    corrupt_case("json_null", b"null"),
    corrupt_case("json_number", b"5"),
    corrupt_case("json_text", b'"text"'),
    corrupt_case("json_empty_array", b"[]"),
    corrupt_case("json_array", b"[" + order_json() + b"]"),
    corrupt_case("two_objects", order_json() + b" " + order_json()),
    corrupt_case("two_objects_with_comma", order_json() + b"," + order_json()),
    corrupt_case("trailing_words", order_json() + b"and more"),
    corrupt_case("cut_short", order_json()[:-1]),
    corrupt_case("single_quotes", order_json().replace(b'"', b"'")),
    corrupt_case("trailing_comma", order_json()[:-1] + b",}"),
    corrupt_case("not_a_number", b'{"id": NaN}'),
    corrupt_case("newline_in_text", b'{"id": "1\n"}'),
    corrupt_case("deeply_nested", b'{"country": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    Case("byte_order_mark", b"\xef\xbb\xbf" + order_json(), reasons=corrupt(b"", "\ufeff" + order_json().decode())),
    Case("invalid_utf8_in_a_field", b'{"id": "1", "country": "\xff"}', reasons=[("decode:utf8", None, None)]),
    Case("invalid_utf8", b"\xff\xfe\x00", reasons=[("decode:utf8", None, None)]),
    Case("utf16", order_json().decode().encode("utf-16"), reasons=[("decode:utf8", None, None)]),
]


def csv_value(*values: str) -> bytes:
    return encode_csv(values, "orders.csv#1", 7)


def csv_corrupt_case(name: str, value: bytes, found: str | None = None) -> Case:
    text = value.decode() if found is None else found
    return Case(name, value, reasons=[("decode:csv", None, text[:100])])


ROW = tuple(ORDER.values())
CSV_CASES = [
    Case("good", csv_value(*ROW), {}),
    Case("quoted_newline", csv_value(*ROW[:4], "N\nO"), {"country": "N\nO"}),
    Case("quoted_line_ends", csv_value(*ROW[:4], "\r\nN\rO\n"), {"country": "\r\nN\rO\n"}),
    Case("quoted_quotes_and_commas", csv_value(*ROW[:4], '"a", "b"'), {"country": '"a", "b"'}),
    Case("backslash", csv_value(*ROW[:4], '\\",\\'), {"country": '\\",\\'}),
    Case("white_space_is_kept", csv_value(*ROW[:4], "\t x "), {"country": "\t x "}),
    Case("comment_sign", csv_value("1", ROW[1], "", "", "#"), {"price": None, "count": None, "country": "#"}),
    Case("nul_character", csv_value(*ROW[:4], "a\0b"), {"country": "a\0b"}),
    Case("empty_fields", csv_value("1", ROW[1], "", "", ""), {"price": None, "count": None, "country": None}),
    Case(
        "null_values_of_the_contract",
        csv_value("1", ROW[1], "NA", "NA", "NA"),
        {"price": None, "count": None, "country": None},
    ),
    Case("long_text_with_commas", csv_value(*ROW[:4], "a," * 40_000), {"country": "a," * 40_000}),
    Case(
        "wrong_types",
        csv_value("x", "y", "z", "1.0", ""),
        reasons=[
            ("type:id", "id", "x"),
            ("type:at", "at", "y"),
            ("type:price", "price", "z"),
            ("type:count", "count", "1.0"),
        ],
    ),
    Case("only_commas", b",,,,,,", reasons=[("null:id", "id", None), ("null:at", "at", None)]),
    csv_corrupt_case("missing_field", csv_value(*ROW[:4])),
    csv_corrupt_case("surplus_field", csv_value(*ROW, "x")),
    csv_corrupt_case("two_lines", csv_value(*ROW) + b"\n" + csv_value(*ROW)),
    csv_corrupt_case("open_quote", b'f,1,"1,2'),
    csv_corrupt_case("blank", b"   "),
    csv_corrupt_case("empty", b""),
    csv_corrupt_case("json_value", b"{}"),
    csv_corrupt_case("more_fields_than_the_parser_takes", b"," * 250_000),
    Case("tombstone", None, reasons=[("decode:csv", None, None)]),
    Case("invalid_utf8", csv_value(*ROW)[:-2] + b"\xff\xfe", reasons=[("decode:utf8", None, None)]),
]


def check_case(case: Case, offset: int, good: Mapping[str, Any], judged: Judged) -> None:
    """Return if the message at this offset has become what its case says."""
    curated, rejected = judged
    assert (offset in curated, offset in rejected) == (case.curated is not None, case.curated is None)
    if case.curated is not None:
        assert {name: curated[offset][name] for name in good} == {**good, **case.curated}
        return
    row = rejected[offset]
    found = [(reason["reason"], reason.get("column"), reason.get("found")) for reason in json.loads(row["reasons"])]
    assert found == case.reasons
    assert row["reason"] == case.reasons[0][0]
    assert row["value"] == case.value
    assert row["stage"] == ("rules" if row["reason"].startswith("rule:") else "decode")
