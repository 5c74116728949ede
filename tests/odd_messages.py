"""Messages as nobody should send them, drawn at random: damaged, drifting, of odd numbers, dates, texts and bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from hypothesis import strategies as st

from pipeline_contract.avro_values import encode_avro
from pipeline_contract.message import encode_csv, encode_json, message_fields
from pipeline_contract.model import Contract

WHOLE = ["0", "-0", "+1", "007", " 42\t", "2147483647", "2147483648", "-2147483648", "9223372036854775807",
         "9223372036854775808", "1.0", "1e3", "1_000", "٣", "0x10", "-", "", "\x00 7\x7f", "1 2", "7" * 30, "+-1",
         "\u00a07", "0" * 40 + "5"]  # fmt: skip
FRACTIONS = ["1.5", "-.5", "5.", ".", "1e400", "-1e-400", "NaN", "Infinity", "1d", "0x1p3", "1,5", "0.30000000000000004",
             "-0.0", "1e5", "1.23456789012345678901", "9999999999.99", "10000000000", "999.995", "1.2300000", "+.0",
             "0" * 50 + "1.5", "-0.00", "1.0e+2", "4.9e-324", " 1.5\x0b", "1.5\u2028", "1e", "e1", "--1"]  # fmt: skip
TIMES = ["2024-02-29", "2023-02-29", "0001-01-01", "0000-12-31", "9999-12-31", "2024-1-1", "2024", "today", "epoch",
         "2024-05-01T10:00:00Z", "2024-05-01 10:00", "2024-05-01T10:00:00.1234567", "2024-05-01T10:00:00.123456-0530",
         "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-05-01T24:00:00", "2024-05-01T10:60:00",
         "2024-05-01T10:00:00+18:00", "2024-05-01T10:00:00+18:01", "2024-05-01T10:00:00-00:00",
         "2024-05-01T10:00:00+05:75", "\t2024-05-01T10:00\n", "2024-05-01\x0b", "2024-05-01\x85", "2024-05-01t10:00:00",
         "2024-05-01T10:00:00 UTC", "+2024-05-01", "12024-05-01", "2024-05-01T10:00:00z",
         "28.02.2024", "31.02.2024", "1.2.2024", "28.02.24", " 28.02.2024\r\n", "28.02.+12024", "29.02.2023",
         "Jan 5, 2024 3:07 pm", "sept 5, 2024 3:07 pm", "SEP 05, 2024 12:00 AM", "Feb 30, 2024 1:00 AM",
         "Jan 5, 2024 13:07 pm", "Jan 5, 2024 0:07 am", "20240501100000", "20240501100000.5+02:00",
         "20240501100000.123456Z", "20240501250000.1Z", "00010101000000.1+02:00", "20240501100000.1+19:00",
         "99991231235959.9-01:00", "+120240501100000.1Z"]  # fmt: skip
WORDS = ["true", "FALSE", " t", "Yes\n", "no", "2", "on", "NA", "null", "", "UA", "AA ", "O'Brien", "a\0b", "\ufeff",
         "😀", "e\u0301", "東京", "ß", "İ", "\u2028", '"', '""', "\\", "\\N", "a,b", "\r\n", "%", "_", "\x1f", "\x7f",
         "x" * 150, "😀" * 101]  # fmt: skip
texts = st.sampled_from(WHOLE + FRACTIONS + TIMES + WORDS) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=8
)
dates = st.dates().map(str) | st.datetimes().map(str)
numbers = st.integers(-(2**65), 2**65).map(str) | st.decimals(-(10**12), 10**12, allow_nan=False, places=3).map(str)
values = texts | dates | numbers
# What stands in JSON without quotes; numbers have few figures, as Java 17 writes some of many with one too many.
_json_numbers = st.sampled_from(
    ["0", "-0", "1.50", "-0.0", "1e400", "1E5", "2e-3", "12345678901234567890", "9007199254740993", "0.1e-7", "4.9e-324",
     "1.0E+2", "123456789.25", "-1e-400", "01", "+1", ".5", "1.", "NaN", "tru", "9" * 1001, "0." + "1" * 1000]
) | st.integers(-(2**70), 2**70).map(str) | st.integers(-(10**9), 10**9).map(lambda n: str(n / 1000))  # fmt: skip
_json_words = st.sampled_from(["true", "false", "null", "[]", "{}", "[ 1.50 , null]", '{"a": {"b": "\\u0001é/\\/"}}',
    '{"a":1,"a":2}', '"\\ud800"', '["\\ud800x"]', '"\\ud83d\\ude00"', '"a\nb"', '"\\x"', "[1,]", "[" * 998 + "]" * 998,
    "[" * 999 + "]" * 999, '["' + "x" * 100 + '"]'])  # fmt: skip


def json_values(contract: Contract) -> st.SearchStrategy[bytes]:
    """Values of the contract's fields, of some of them, of others; whole or damaged."""
    fields = message_fields(contract)
    strings = values.map(lambda text: json.dumps(text, ensure_ascii=False))
    tokens = strings | strings.map(lambda text: json.dumps(json.loads(text))) | _json_numbers | _json_words
    names = st.sampled_from([*fields, *fields, *fields, "surplus", "_corrupt", "object", "old", "n" * 120, ""])
    pairs = st.lists(st.tuples(names, tokens), max_size=8)
    return pairs.flatmap(lambda drawn: st.builds(_write_object, st.just(drawn), _ends))


_ends = st.sampled_from([("{", "}")] * 12 + [(" {\n", "\t} "), ("{", "}} x"), ("{", '}, "object": {}'), ("{", '},"x":[]'),
    ("[{", "}]"), ("{", ""), ("\ufeff{", "}"), ("{", ",}"), ("{", "}{}"), ("\x0b{", "}"), ("{", '},"object":{"id":"5"}'),
    ("{", "}}}")])  # fmt: skip


def _write_object(pairs: Sequence[tuple[str, str]], ends: tuple[str, str]) -> bytes:
    body = ", ".join(f"{json.dumps(name)}:{token}" for name, token in pairs)
    return f"{ends[0]}{body}{ends[1]}".encode("utf-8", "surrogatepass")


def whole_rows(contract: Contract) -> st.SearchStrategy[list[str | None]]:
    """A text for each column of the contract."""
    count = len(contract.columns)
    return st.lists(st.none() | values, min_size=count, max_size=count)


def csv_values(contract: Contract) -> st.SearchStrategy[bytes]:
    """Lines of the contract's columns, as our producer writes them, or quoted as nobody should."""
    count = len(contract.columns)
    own = whole_rows(contract).map(lambda row: encode_csv(row, "f.csv#1", 7))
    pieces = st.sampled_from(['"', '""', '"a"', '"a" ', ' "a"', '"a"b', '"a""b"', "a", "", "\0", '"a\0b"', '"\0"', "\n",
                              '"a\n"', '"a"\n', '"a"b"c', '" "', '"a" "b"', '"a', 'a"', "\r", '"" x', '"""'])  # fmt: skip
    odd = st.lists(pieces | values, min_size=count - 1, max_size=count + 2)
    return own | odd.map(lambda drawn: ",".join(["f.csv#1", "7", *drawn]).encode())


def avro_values(contract: Contract, schema_id: int) -> st.SearchStrategy[bytes]:
    """Values of the contract's own schema."""
    return whole_rows(contract).map(lambda row: encode_avro(schema_id, row, "f.csv#1", 7))


def own_json(contract: Contract) -> st.SearchStrategy[bytes]:
    """Values as our producer writes them."""
    fields = message_fields(contract)
    return whole_rows(contract).map(lambda row: encode_json(fields, row, "f.csv#1", 7))


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """A value with some bytes of it replaced."""
    value = bytearray(draw(whole))
    at = draw(st.integers(0, len(value)))
    value[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(value)


_encoded = st.binary(max_size=12).map(lambda raw: base64.b64encode(raw).decode())
_base64 = _encoded | _encoded.map(lambda text: text.rstrip("=")) | st.sampled_from(
    ["a", "YQ", "YQ=", "YQ==", "YQ===", "Y Q\n=\t=", "YR==", "!!", "-_==", "", "====", "YWJj\x0b", "YWJj=", "=YWJj", "YW=Jj"]
)  # fmt: skip
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "source_file": st.none() | st.text(max_size=5) | st.integers(),
        "source_line": st.none() | st.integers(-(2**65), 2**65) | st.text(max_size=2) | st.floats(0, 9) | st.booleans(),
        "reason": st.none() | st.sampled_from(["ragged_row", "too_large"]) | st.integers(0, 3),
        "detail": st.none() | st.text(max_size=130),
        "raw_base64": st.none() | _base64,
        "sha256": st.just("0"),
    },
).map(lambda fields: json.dumps(fields).encode())
