"""The hash of rows: of their values alone, whatever file they lie in."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.row_hash import hash_parquet, hash_rows

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("raw", pa.binary()),
        ("small", pa.int32()),
        ("large", pa.int64()),
        ("ratio", pa.float64()),
        ("flag", pa.bool_()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us")),
        ("money", pa.decimal128(20, 2)),
    ]
)
ROWS = st.lists(
    st.tuples(
        st.none() | st.text(max_size=5),
        st.none() | st.binary(max_size=5),
        st.none() | st.integers(-(2**31), 2**31 - 1),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=True),
        st.none() | st.booleans(),
        st.none() | st.dates(),
        st.none() | st.datetimes(),
        st.none() | st.decimals(-(10**17), 10**17, places=2),
    ),
    max_size=8,
)


def make_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def write(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


@given(ROWS)
def test_every_writing_of_the_same_rows_has_the_same_hash(rows: list[tuple[Any, ...]]) -> None:
    table = make_table(rows)
    twice = pa.concat_tables([table, table])

    assert hash_rows(twice.slice(len(rows))) == hash_rows(table)
    assert hash_parquet(write(table, compression="zstd")) == hash_rows(table)
    assert hash_parquet(write(table, compression="none", use_dictionary=False, row_group_size=3)) == hash_rows(table)


CHANGES: dict[str, Any] = {
    "text": "é",
    "raw": b"",
    "small": 0,
    "large": 2**62,
    "ratio": -0.0,
    "flag": False,
    "day": dt.date(1970, 1, 1),
    "at": dt.datetime.fromisoformat("1970-01-01 00:00:00.000001"),
    "money": Decimal("0.01"),
}


@pytest.mark.parametrize("name", SCHEMA.names)
def test_one_value_changes_the_hash_and_null_is_no_value(name: str) -> None:
    table = make_table([(None,) * len(SCHEMA), ("a", b"a", 1, 1, 1.0, True, None, None, None)])
    changed = table.set_column(
        table.schema.get_field_index(name),
        SCHEMA.field(name),
        pa.array([CHANGES[name], table[name][1].as_py()], SCHEMA.field(name).type),
    )

    assert hash_rows(changed) != hash_rows(table)


def test_the_border_between_two_texts_counts() -> None:
    def texts(*values: str) -> pa.Table:
        return pa.table({"text": list(values)})

    assert len({hash_rows(texts("ab", "c")), hash_rows(texts("a", "bc")), hash_rows(texts("c", "ab"))}) == 3
