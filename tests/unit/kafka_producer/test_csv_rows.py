"""CSV as it is found in the world, row by row with its lines and bytes."""

from __future__ import annotations

import csv
import hashlib
import io
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafka_producer.row import BadRow, Row
from pipeline_contract.errors import ConfigurationError
from tests.unit.kafka_producer.source_builder import build_contract, check_spans, read_items, sketch_item

H = b"id,name,value\n"


class Case(NamedTuple):
    name: str
    data: bytes
    wanted: list[tuple[int, list[str | None] | str]]
    csv: dict[str, Any] = {}  # noqa: RUF012 - a case is never changed


CASES = [
    Case("plain", H + b"1,a,x\n2,b,y\n", [(2, ["1", "a", "x"]), (3, ["2", "b", "y"])]),
    Case("no newline at the end", H + b"1,a,x", [(2, ["1", "a", "x"])]),
    Case("header only", H, []),
    Case("header without newline", H.strip(), []),
    Case("crlf", b"id,name,value\r\n1,a,x\r\n2,b,y\r\n", [(2, ["1", "a", "x"]), (3, ["2", "b", "y"])]),
    Case("byte order mark", b"\xef\xbb\xbf" + H + b"1,a,x\n", [(2, ["1", "a", "x"])]),
    Case("quoted newlines", H + b'1,"a\nb",x\n2,c,y\n', [(2, ["1", "a\nb", "x"]), (4, ["2", "c", "y"])]),
    Case("quoted crlf", b'id,name,value\r\n1,"a\r\nb",x\r\n2,c,y\r\n', [(2, ["1", "a\r\nb", "x"]), (4, ["2", "c", "y"])]),
    Case("doubled quotes", H + b'1,"say ""hi""",x\n', [(2, ["1", 'say "hi"', "x"])]),
    Case("a quote inside a bare field", H + b'1,5" pipe,x\n2,b,y\n', [(2, ["1", '5" pipe', "x"]), (3, ["2", "b", "y"])]),
    Case("blank lines are no rows", H + b"\n1,a,x\n\r\n\n2,b,y\n\n", [(3, ["1", "a", "x"]), (6, ["2", "b", "y"])]),
    Case("empty fields", H + b",,\n", [(2, ["", "", ""])]),
    Case("NA stays NA", H + b"1,NA,null\n", [(2, ["1", "NA", "null"])]),
    Case("too few fields", H + b"1,a\n2,b,y\n", [(2, "ragged_row"), (3, ["2", "b", "y"])]),
    Case("too many fields", H + b"1,a,x,z\n2,b,y\n", [(2, "ragged_row"), (3, ["2", "b", "y"])]),
    Case("ragged over lines", H + b'1,"a\nb"\n2,b,y\n', [(2, "ragged_row"), (4, ["2", "b", "y"])]),
    Case("invalid utf-8", H + b"1,\xff\xfe,x\n2,b,y\n", [(2, "invalid_encoding"), (3, ["2", "b", "y"])]),
    Case("invalid utf-8 over lines", H + b'1,"\xff\n",x\n2,b,y\n', [(2, "invalid_encoding"), (4, ["2", "b", "y"])]),
    Case("a NUL byte", H + b"1,a\0,x\n2,b,y\n", [(2, "invalid_csv"), (3, ["2", "b", "y"])]),
    Case("text after a quoted field", H + b'1,"a"b,x\n2,b,y\n', [(2, "invalid_csv"), (3, ["2", "b", "y"])]),
    Case("a stray quote costs one line", H + b'1,"a,x\n2,b,y\n3,"c",z\n',
         [(2, "invalid_csv"), (3, ["2", "b", "y"]), (4, ["3", "c", "z"])]),
    Case("a quote never closed at the end", H + b'1,a,x\n2,"b,y', [(2, ["1", "a", "x"]), (3, "invalid_csv")]),
    Case("a quote never closed", H + b'1,"a,x\n' + b"2,b,y\n" * 3,
         [(2, "invalid_csv"), (3, ["2", "b", "y"]), (4, ["2", "b", "y"]), (5, ["2", "b", "y"])]),
    Case("a bare carriage return", H + b"1,a\rb,x\n2,b,y\n", [(2, "invalid_csv"), (3, ["2", "b", "y"])]),
    Case("unicode line separators are text", H + "1,a\u2028b\x0b\x85,x\n".encode(), [(2, ["1", "a\u2028b\x0b\x85", "x"])]),
    Case("columns in another order", b"value,id,name\nx,1,a\n", [(2, ["1", "a", "x"])]),
    Case("another order with a ragged row", b"value,id,name\nx,1\nx,1,a\n", [(2, "ragged_row"), (3, ["1", "a", "x"])]),
    Case("another order over lines", b'value,id,name\n"x\n",1,a\n', [(2, ["1", "a", "x\n"])]),
    Case("a header over lines and quoted", b'"id","name","value"\n1,a,x\n', [(2, ["1", "a", "x"])]),
    Case("semicolons", b"id;name;value\n1;a,b;x\n", [(2, ["1", "a,b", "x"])], {"delimiter": ";"}),
    Case("another quote", b"id,name,value\n1,'a,b',\"\n", [(2, ["1", "a,b", '"'])], {"quote": "'"}),
    Case("an escape", H + b'1,"a\\"b",x\n2,b\\,c,y\n',
         [(2, ["1", 'a"b', "x"]), (3, ["2", "b,c", "y"])], {"escape": "\\", "double_quote": False}),
    Case("an escaped newline", H + b"1,a\\\nb,x\n2,b,y\n", [(2, ["1", "a\nb", "x"]), (4, ["2", "b", "y"])], {"escape": "\\"}),
    Case("latin-1", H + b"1,caf\xe9,x\n", [(2, ["1", "café", "x"])], {"encoding": "latin-1"}),
    Case("cp1252", H + b"1,\x80,x\n2,\x81,y\n", [(2, ["1", "€", "x"]), (3, "invalid_encoding")], {"encoding": "cp1252"}),
]  # fmt: skip


@pytest.mark.parametrize("chunk_bytes", [1, 7, 256 * 1024], ids=["1 byte", "7 bytes", "whole"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rows_come_with_their_lines_and_bytes(case: Case, chunk_bytes: int) -> None:
    contract = build_contract(source={"csv": case.csv})
    items = read_items(contract, case.data, chunk_bytes)
    assert [sketch_item(item) for item in items] == case.wanted
    check_spans(items, case.data)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reading_goes_on_from_the_end_of_any_row(case: Case) -> None:
    contract = build_contract(source={"csv": case.csv})
    items = read_items(contract, case.data, 7)
    for count, item in enumerate(items, start=1):
        assert read_items(contract, case.data, 7, next_byte=item.end) == items[count:]


class LongCase(NamedTuple):
    name: str
    row: bytes
    reason: str
    lines: int


LONG_CASES = [
    LongCase("a field of 5 MB", b"1," + b"a" * 5_000_000 + b",x\n", "too_large", 1),
    LongCase(
        "a quoted field of 5 MB over lines", b'1,"' + (b"a" * 79 + b"\n") * 62_500 + b'",x\n', "too_large", 62_501
    ),
    LongCase("a line of 20 MB", b"1," + b"a" * 20_000_000 + b",x\n", "too_large", 1),
    LongCase("a line a little too long", b"1," + b"a" * 1_048_576 + b",x\n", "too_large", 1),
]


@pytest.mark.parametrize("case", LONG_CASES, ids=lambda case: case.name)
def test_a_row_beyond_the_limit_is_named_by_hash_length_and_span(case: LongCase) -> None:
    data = H + b"0,before,x\n" + case.row + b"2,after,y\n"
    before, bad, after = read_items(build_contract(), data)
    assert isinstance(bad, BadRow)
    assert (bad.reason, bad.raw, bad.sha256) == (case.reason, None, hashlib.sha256(case.row).hexdigest())
    assert data[bad.start : bad.end] == case.row
    assert sketch_item(before) == (2, ["0", "before", "x"])
    assert sketch_item(after) == (3 + case.lines, ["2", "after", "y"])


def test_a_quote_that_is_never_closed_does_not_swallow_a_large_file() -> None:
    rows = b"".join(b"%d,name,%0200d\n" % (number, 0) for number in range(50_000))
    items = read_items(build_contract(), H + b'x,"never closed,y\n' + rows)
    assert [sketch_item(item) for item in items[:2]] == [(2, "invalid_csv"), (3, ["0", "name", "0" * 200])]
    assert len(items) == 50_001


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.text(
    '",\n\r;\\ \'"', max_size=8
)


class Dialect(NamedTuple):
    name: str
    contract: dict[str, Any]
    writer: dict[str, Any]


DIALECTS = [
    Dialect("standard", {}, {"lineterminator": "\r\n"}),
    Dialect("all quoted", {}, {"quoting": csv.QUOTE_ALL}),
    Dialect("semicolon and crlf", {"delimiter": ";"}, {"delimiter": ";", "lineterminator": "\r\n"}),
    Dialect("apostrophes", {"quote": "'"}, {"quotechar": "'", "lineterminator": "\r\n"}),
    Dialect(
        "escaped",
        {"escape": "\\", "double_quote": False},
        {"escapechar": "\\", "doublequote": False, "quoting": csv.QUOTE_ALL},
    ),
]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@settings(max_examples=150)
@given(table=st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=8), chunk_bytes=st.integers(1, 60))
def test_any_table_comes_back_row_by_row(dialect: Dialect, table: list[tuple[str, str, str]], chunk_bytes: int) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, **{"lineterminator": "\n", **dialect.writer})
    ends = []
    for row in [("id", "name", "value"), *table]:
        writer.writerow(row)
        ends.append(len(file.getvalue().encode()))
    data = file.getvalue().encode()
    items = read_items(build_contract(source={"csv": dialect.contract}), data, chunk_bytes)
    assert [item.values for item in items if isinstance(item, Row)] == [list(row) for row in table]
    assert [(item.start, item.end) for item in items] == list(pairwise(ends))
    check_spans(items, data)


@settings(max_examples=200)
@given(data=st.binary(max_size=60) | st.text('ab,"\n\r\\', max_size=40).map(str.encode), chunk_bytes=st.integers(1, 70))
def test_any_bytes_become_rows_and_bad_rows_and_nothing_is_lost(data: bytes, chunk_bytes: int) -> None:
    whole = H + data
    items = read_items(build_contract(), whole, chunk_bytes)
    check_spans(items, whole)
    edges = [len(H), *(edge for item in items for edge in (item.start, item.end)), len(whole)]
    left_out = b"".join(whole[end:start] for end, start in zip(edges[::2], edges[1::2], strict=True))
    assert not left_out.strip(b"\r\n")
    assert items == read_items(build_contract(), whole, len(whole))


class HeaderCase(NamedTuple):
    name: str
    data: bytes
    words: tuple[str, ...]


HEADER_CASES = [
    HeaderCase("missing", b"id,value\n1,x\n", ("missing: name", "Nothing was sent")),
    HeaderCase("unexpected", b"id,name,value,extra\n", ("unexpected: 'extra'",)),
    HeaderCase("misspelt", b"id,nane,value\n", ("missing: name", "unexpected: 'nane'")),
    HeaderCase("twice", b"id,name,value,id\n", ("there twice: id",)),
    HeaderCase("no header but data", b"1,a,x\n", ("missing: id, name, value",)),
    HeaderCase("empty", b"", ("has no header",)),
    HeaderCase("blank lines only", b"\n\n", ("has no header",)),
    HeaderCase("utf-16", "id,name,value\n1,a,x\n".encode("utf-16"), ("UTF-16", "iconv")),
    HeaderCase("binary", b"\x93NUMPY\xff\xd8,x\n", ("not utf-8",)),
    HeaderCase("an unclosed quote", b'"id,name,value\n1,a,x\n', ("has no header",)),
    HeaderCase("a broken quote", b'"id"x,name,value\n1,a,x\n', ("the header cannot be parsed",)),
    HeaderCase("one endless line", b"a" * 20_000_000, ("has no header",)),
]


@pytest.mark.parametrize("case", HEADER_CASES, ids=lambda case: case.name)
def test_a_header_that_is_not_the_contracts_is_refused(case: HeaderCase) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_items(build_contract(), case.data)
    for words in case.words:
        assert words in str(raised.value)
    assert "test" in str(raised.value)
