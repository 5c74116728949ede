"""Sources behind a real HTTP server: documents, and feeds that grow while they are polled."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kafka_producer.http_source import split_rows
from kafka_producer.row import Row, SourceItem
from kafka_producer.session import open_source_rows
from kafka_producer.source import SeekableSource, find_source
from pipeline_contract.errors import ConfigurationError, ServiceError
from tests.http_rows import PAGE_ROWS, RowService, serve_rows
from tests.unit.kafka_producer.source_builder import build_contract

CONTRACT = build_contract(("id", "name"))
CSV = b"id,name\n1,a\n2,b\n"


@pytest.fixture
def service() -> Iterator[RowService]:
    with serve_rows() as running:
        yield running


def take(items: Iterator[list[SourceItem]], count: int) -> list[SourceItem]:
    """The first items of a source that may have no end."""
    taken: list[SourceItem] = []
    while len(taken) < count:
        taken += next(items)
    return taken


@pytest.mark.parametrize("path", ["/rows", "/lines"])
def test_a_feed_is_read_page_after_page_and_as_it_grows(service: RowService, path: str) -> None:
    service.rows = [{"id": n, "name": "a\nb"} for n in range(10)]
    source = find_source(CONTRACT, f"{service.address}{path}?after={{offset}}")
    items = open_source_rows(CONTRACT, source).read_rows(0)

    first = take(items, 10)
    assert next(items) == []
    service.rows += [{"id": 10, "name": "late"}]
    last = take(items, 1)

    rows = [row for row in [*first, *last] if isinstance(row, Row)]
    assert [(row.line, row.values) for row in rows] == [
        *((n + 1, [str(n), "a\nb"]) for n in range(10)), (11, ["10", "late"]),
    ]  # fmt: skip
    assert service.offsets[:3] == [0, PAGE_ROWS, 10]
    assert (source.name, source.size) == (path[1:], None)


def test_a_feed_goes_on_without_reading_again_what_it_had(service: RowService) -> None:
    service.rows = [{"id": n} for n in range(10)]
    source = find_source(CONTRACT, f"{service.address}/rows?after={{offset}}")
    assert isinstance(source, SeekableSource)

    line = next(source.open_chunks_after(9))

    assert line == b'{ "id": 9 }\n'
    assert service.offsets == [9]


def test_a_service_that_is_down_for_a_moment_is_asked_again(service: RowService) -> None:
    service.rows, service.failures = [{"id": 0}], 2
    source = find_source(CONTRACT, f"{service.address}/rows?after={{offset}}")

    assert next(source.open_chunks()) == b'{ "id": 0 }\n'


@pytest.mark.parametrize("body", [CSV, gzip.compress(CSV)], ids=["plain", "gzip"])
def test_a_document_is_read_as_the_file_that_it_is(service: RowService, body: bytes, tmp_path: Path) -> None:
    service.documents["/data/things.csv"] = body
    local = tmp_path / "things.csv"
    local.write_bytes(body)

    source = find_source(CONTRACT, f"{service.address}/data/things.csv")
    items = [item for items in open_source_rows(CONTRACT, source).read_rows(0) for item in items]

    assert [item.values for item in items if isinstance(item, Row)] == [["1", "a"], ["2", "b"]]
    assert source.fingerprint == find_source(CONTRACT, str(local)).fingerprint
    assert (source.name, source.path) == ("things.csv", f"{service.address}/data/things.csv")


def test_a_parquet_document_is_read_by_its_columns(service: RowService, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "name": ["a"]}), tmp_path / "things.parquet")
    service.documents["/things.parquet"] = (tmp_path / "things.parquet").read_bytes()

    source = find_source(CONTRACT, f"{service.address}/things.parquet")

    assert list(source.open_chunks()) == [b'{"id":"1","name":"a"}\n']


def test_a_document_that_is_not_there_is_refused_at_once(service: RowService) -> None:
    with pytest.raises(ConfigurationError, match=r"/gone\.csv: answers 404"):
        find_source(CONTRACT, f"{service.address}/gone.csv")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as refused:
        find_source(CONTRACT, "http://ann:canary@127.0.0.1:1/rows")

    assert "canary" not in str(refused.value)


def test_an_answer_that_is_no_rows_is_named() -> None:
    with pytest.raises(ServiceError, match="http://h/rows: the answer is neither JSON lines nor an array"):
        split_rows(b"<html>", "http://h/rows")
