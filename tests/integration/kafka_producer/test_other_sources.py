"""Sources that are no CSV files into a real broker: every row once, also over a restart and from a source of one's own."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

from connections.settings import KafkaSettings
from pipeline_contract.contract_file import load_contract
from reconciliation.source_party import read_sources
from reconciliation.topic_party import read_records
from tests.documents import install_example
from tests.http_rows import serve_rows
from tests.integration.kafka_producer.replay_runs import count_lines, read_rows, run_in_process, write_contract

PAGE = Path("docs/sources-and-sinks.md")


def test_a_feed_goes_on_after_a_restart_with_every_row_once(
    kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name)
    with serve_rows() as service:
        service.rows = [{"id": n, "name": f"n{n}", "at": "2024-05-01T10:00:00Z"} for n in range(50)]
        feed = f"{service.address}/rows?after={{offset}}"
        first = run_in_process(kafka_bootstrap, contract, feed, limit=20)
        service.offsets.clear()
        second = run_in_process(kafka_bootstrap, contract, feed, limit=30)

    assert (first.rows, second.rows, second.resumed_from_line) == (20, 30, 21)
    assert min(service.offsets) == 20
    rows = read_rows(kafka_bootstrap, unique_name)
    assert count_lines(rows) == dict.fromkeys(range(1, 51), 1)
    assert {int(row["id"]) + 1: row["_source_line"] for row in rows} == {n: n for n in range(1, 51)}
    loaded = load_contract(contract)
    [sight] = read_sources(loaded, read_records(KafkaSettings(bootstrap_servers=kafka_bootstrap), loaded), [])
    assert sight.lines is None
    assert "the feed http://127.0.0.1" in str(sight.trouble)


def test_the_documented_source_runs_as_it_stands_there(
    kafka_bootstrap: str, unique_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = install_example(PAGE, "A source of your own", tmp_path)
    assert len(code.splitlines()) < 40
    monkeypatch.syspath_prepend(tmp_path)
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table orders (id integer, name text, at text)")
        database.executemany("insert into orders values (?, ?, ?)", [(n, None, "2024-05-01") for n in range(30)])
    contract, address = write_contract(tmp_path, unique_name), f"sqlite://{tmp_path}/shop.db#orders"

    first = run_in_process(kafka_bootstrap, contract, address, limit=10)
    second = run_in_process(kafka_bootstrap, contract, address)

    assert (first.rows, second.rows, second.finished) == (10, 20, True)
    assert first.source_file.startswith("orders#")
    rows = read_rows(kafka_bootstrap, unique_name)
    assert sorted(int(row["id"]) for row in rows) == list(range(30))
    sys.modules.pop("shop_source")
