"""What became of each object, from listing, history and table: pure. And how answers are shown."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from io import StringIO
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from connections.settings import Settings
from connections.warehouse import Answer
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ServiceError
from snowflake_integration.access import describe_policies, find_trust
from snowflake_integration.naming import derive_names
from snowflake_integration.pipes import name_object, summarize_loads
from snowflake_integration.presentation import answer_records, dump_json, show_progress, show_value
from snowflake_integration.waiting import describe_failed, describe_pending

CONTRACT = load_contract(find_contract("readings"))
TARGET = derive_names(CONTRACT, Settings()).targets[1]
KEY = "lake/readings/curated/a.csv.gz"


class LoadCase(NamedTuple):
    id: str
    history: dict[str, tuple[str, str]]
    in_table: set[str]
    counts: tuple[int, int, int]  # loaded, failed, pending


LOADS = (
    LoadCase("not-seen", {}, set(), (0, 0, 1)),
    LoadCase("under-way", {KEY: ("Load in progress", "")}, set(), (0, 0, 1)),
    LoadCase("loaded", {KEY: ("Loaded", "")}, {KEY}, (1, 0, 0)),
    LoadCase("loaded-without-rows", {KEY: ("Loaded", "")}, set(), (1, 0, 0)),
    LoadCase("history-forgotten", {}, {KEY}, (1, 0, 0)),
    LoadCase("refused", {KEY: ("Load failed", "no number")}, set(), (0, 1, 0)),
    LoadCase("refused-then-loaded-by-hand", {KEY: ("Load failed", "no number")}, {KEY}, (1, 0, 0)),
    LoadCase("another-file-loaded", {KEY + "2": ("Loaded", "")}, {KEY + "2"}, (0, 0, 1)),
)


@pytest.mark.parametrize("case", LOADS, ids=lambda case: case.id)
def test_an_object_is_loaded_refused_or_pending(case: LoadCase) -> None:
    state = summarize_loads(TARGET, [KEY], case.history, case.in_table, {"executionState": "RUNNING"})

    assert (state.loaded, len(state.failed), len(state.pending)) == case.counts
    assert state.objects == sum(case.counts)
    assert state.is_settled is (case.counts[2] == 0)


def test_what_is_pending_or_refused_is_named() -> None:
    pending = summarize_loads(TARGET, [KEY], {}, set(), {"executionState": "PAUSED"})
    failed = summarize_loads(TARGET, [KEY], {KEY: ("Load failed", "'x' is no number")}, set(), {})

    assert all(text in describe_pending([pending], 3) for text in ("MY_TABLE", KEY, "PAUSED", "3 s"))
    assert all(text in describe_failed([failed]) for text in ("MY_TABLE", KEY, "'x' is no number", "10_backfill"))


@pytest.mark.parametrize(
    ("location", "name"),
    [("s3://b/lake/readings/", "curated/a.csv.gz"), ("s3://b/lake/readings/curated/", "a.csv.gz"), ("s3://b/", KEY)],
    ids=["stage", "folder", "bucket"],
)
def test_an_object_is_named_by_its_whole_key(location: str, name: str) -> None:
    assert name_object(location, name, "b") == KEY


class ValueCase(NamedTuple):
    id: str
    value: Any
    in_json: Any
    shown: str


VALUES = (
    ValueCase("integer-decimal", Decimal(7), 7, "7"),
    ValueCase("decimal", Decimal("1.10"), "1.10", "1.10"),
    ValueCase(
        "time",
        dt.datetime.fromisoformat("2013-01-01T05:00:00.000001"),
        "2013-01-01T05:00:00.000001",
        "2013-01-01 05:00:00.000001",
    ),
    ValueCase("date", dt.date(2013, 1, 1), "2013-01-01", "2013-01-01"),
    ValueCase("bytes", b"\xff\x00", "/wA=", "0xFF00"),
    ValueCase("text", "é😀", "é😀", "é😀"),
    ValueCase("null", None, None, "None"),
)


@pytest.mark.parametrize("case", VALUES, ids=lambda case: case.id)
def test_a_value_is_whole_in_json_and_readable_in_a_table(case: ValueCase) -> None:
    records = json.loads(dump_json(answer_records(Answer(("A",), [(case.value,)]))))

    assert records == [{"A": case.in_json}]
    assert show_value(case.value) == case.shown


def test_the_trust_is_read_from_the_answer_of_desc_integration() -> None:
    rows = [
        {"property": "ENABLED", "property_value": "true"},
        {"property": "STORAGE_AWS_IAM_USER_ARN", "property_value": "arn:aws:iam::1:user/u"},
        {"property": "STORAGE_AWS_EXTERNAL_ID", "property_value": "X_SFCRole=1"},
    ]

    assert find_trust(rows) == ("arn:aws:iam::1:user/u", "X_SFCRole=1")
    with pytest.raises(ServiceError, match="STORAGE_AWS_IAM_USER_ARN"):
        find_trust(rows[:1])


def test_there_is_a_policy_for_each_party() -> None:
    assert list(describe_policies(CONTRACT, Settings())) == [
        "millrace-snowflake",
        "millrace-stream-readings",
        "millrace-deploy",
        "millrace-pipe-errors",
    ]


def test_where_there_is_no_terminal_each_change_is_told_once() -> None:
    console = Console(file=StringIO(), width=200)
    before = summarize_loads(TARGET, [KEY], {}, set(), {})
    after = summarize_loads(TARGET, [KEY], {}, {KEY}, {})

    with show_progress(console) as report:
        for state in (before, before, after):
            report([state])

    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines() == ["objects loaded: MY_TABLE 0/1", "objects loaded: MY_TABLE 1/1"]
