"""Queries as a user types them: rows, bytes, cost, and what becomes of those that fail."""

from __future__ import annotations

import json

import pytest

from tests.integration.aws_integration.conftest import Run
from tests.integration.aws_integration.way_objects import WayObjects

MONTHS = ("2013-01", "2013-02", "2013-03", "2013-04")


@pytest.fixture
def path(run: Run, objects: WayObjects) -> str:
    """A registered pipeline of four months, 500 rows each."""
    for number, month in enumerate(MONTHS):
        objects.put_curated(month, 500, first=500 * number)
    path = str(objects.contract_file)
    run("catalog", "deploy", path)
    run("catalog", "register", path)
    return path


def test_a_partition_costs_its_part_of_the_bytes(run: Run, path: str) -> None:
    every = json.loads(run("query", path, "select sum(size) n from things", "--json").stdout)
    one = json.loads(run("query", path, "select sum(size) n from things where month = '2013-02'", "--json").stdout)

    assert every["rows"] == [{"n": 4 * 500 / 100 * 4950}]
    assert one["rows"] == [{"n": 500 / 100 * 4950}]
    assert 0 < one["bytes_scanned"] == every["bytes_scanned"] / len(MONTHS)
    assert one["cost_usd"] == 0.00005
    assert one["result_location"].endswith(f"{one['query_id']}.csv")


def test_values_come_in_their_types(run: Run, path: str) -> None:
    sql = "select id, label, size / 8e0 as r, cast(1.50 as decimal(9,2)) d, id = 0 as ok, at, price from things where id = 0"

    answer = json.loads(run("query", path, sql, "--json").stdout)

    assert answer["rows"] == [
        {"id": 0, "label": "thing 0", "r": 0.0, "d": "1.50", "ok": True, "at": "2013-01-15 12:30:15.123", "price": None}
    ]


def test_more_rows_than_a_page_arrive_in_order(run: Run, path: str) -> None:
    answer = json.loads(run("query", path, "select id from things order by id", "--json").stdout)

    assert [row["id"] for row in answer["rows"]] == list(range(2000))


def test_a_person_sees_a_table_and_the_cost(run: Run, path: str) -> None:
    result = run("query", path, "select label, price from things order by id limit 1")

    assert "thing 0" in result.stdout
    assert "NULL" in result.stdout
    assert "bytes scanned, about $0.000050 (the price of 10 MB, the least)" in result.stderr


@pytest.mark.parametrize(
    ("sql", "reason"),
    [("select nothing from things", "COLUMN_NOT_FOUND"), ("drop table things", "NOT_SUPPORTED"), ("selec", "SYNTAX_ERROR")],
)  # fmt: skip
def test_a_wrong_statement_is_wrong_use_with_athenas_reason(run: Run, path: str, sql: str, reason: str) -> None:
    result = run("query", path, sql, "--json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr


def test_a_query_beyond_the_scan_limit_is_cancelled_with_advice(run: Run, objects: WayObjects, path: str) -> None:
    objects.put_curated("2013-05", 1_500_000)
    run("catalog", "register", path)
    assert run("catalog", "deploy", path, "--scan-limit-mb", "10").exit_code == 0

    result = run("query", path, "select sum(_offset), sum(id) from things")
    narrow = run("query", path, "select sum(_offset), sum(id) from things where month < '2013-05'")

    assert (result.exit_code, narrow.exit_code) == (1, 0)
    assert "Bytes scanned limit was exceeded" in result.stderr
    assert "--scan-limit-mb" in result.stderr


def test_a_query_without_an_answer_in_time_is_stopped(run: Run, path: str) -> None:
    across = ", ".join(f"things t{number}" for number in range(6))

    result = run("query", path, f"select sum(t0.size * t5.size) from {across}", "--timeout", "0.5")

    assert result.exit_code == 4
    assert "was stopped" in result.stderr
