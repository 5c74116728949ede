"""The small parts: ranges, the sources of messages, open windows, counts, verdicts."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_contract.message import encode_csv, encode_json
from pipeline_contract.model import Aggregate
from reconciliation.content_check import mark_differing
from reconciliation.fast_check import TableCount, judge_counts
from reconciliation.findings import Finding, Kind
from reconciliation.ranges import compress_ranges, format_ranges
from reconciliation.statement import Statement
from reconciliation.topic_party import Source, parse_csv_source, parse_json_source, parse_rejected_source
from reconciliation.warehouse_party import Load
from reconciliation.windows import count_open_windows

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.integers(-50, 50)))
def test_ranges_hold_exactly_the_numbers(numbers: list[int]) -> None:
    ranges = compress_ranges(numbers)

    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(set(numbers))
    assert all(one[1] + 1 < other[0] for one, other in itertools.pairwise(ranges))


@pytest.mark.parametrize(
    ("numbers", "limit", "text"),
    [([], 5, ""), ([7], 5, "7"), ([3, 1, 2, 9], 5, "1-3, 9"), ([1, 3, 5, 6, 7, 9], 2, "1, 3 and 4 more")],
    ids=["none", "one", "some", "cut"],
)
def test_ranges_are_written_for_a_reader(numbers: list[int], limit: int, text: str) -> None:
    assert format_ranges(numbers, limit) == text


@given(TEXT, st.integers(1, 10**15), st.lists(TEXT, min_size=1, max_size=3))
def test_the_source_of_our_own_messages_is_read_back(file: str, line: int, values: list[str]) -> None:
    names = ["_source_file", "_source_line", *(f"c{number}" for number in range(len(values)))]

    assert parse_json_source(encode_json(names, values, file, line)) == (file, line)
    assert parse_csv_source(encode_csv(values, file, line)) == (file, line)


class Foreign(NamedTuple):
    id: str
    value: bytes | None
    json: Source
    csv: Source


NONE: Source = (None, None)


@pytest.mark.parametrize(
    "case",
    [
        Foreign("tombstone", None, NONE, NONE),
        Foreign("empty", b"", NONE, NONE),
        Foreign("garbage", b"\xff\xfe\x00", NONE, NONE),
        Foreign("array", b"[1]", NONE, NONE),
        Foreign("other_order", b'{"a":"1","_source_line":3,"_source_file":"f"}', ("f", 3), NONE),
        Foreign("no_line", b'{"_source_file":"f"}', NONE, NONE),
        Foreign("line_as_text", b'{"_source_file":"f","_source_line":"3"}', NONE, NONE),
        Foreign("cut_short", b'{"_source_file":"f","_source_line":', NONE, NONE),
        Foreign("csv", b"f,3,x", NONE, ("f", 3)),
        Foreign("csv_of_one", b"f", NONE, NONE),
        Foreign("csv_not_utf8", b"\xff,3,x", NONE, NONE),
    ],
    ids=lambda case: case.id,
)
def test_a_message_of_somebody_else_names_no_source(case: Foreign) -> None:
    assert (parse_json_source(case.value), parse_csv_source(case.value)) == (case.json, case.csv)


def test_the_source_of_a_rejected_row_is_read() -> None:
    assert parse_rejected_source(b'{"source_file":"f","source_line":3,"reason":"ragged_row"}') == ("f", 3)


def build_aggregate(**spans: str) -> Aggregate:
    measures = [{"name": "n", "type": "bigint", "expression": "count(*)"}]
    return Aggregate.model_validate({"name": "hourly", "group_by": ["country"], "measures": measures} | spans)


HOURLY = build_aggregate(window="1 hour")
PASSPORTS = [("_topic_id", pa.string()), ("_partition", pa.int32()), ("_offset", pa.int64())]
NO_ROWS = pa.schema(PASSPORTS).empty_table()


def build_curated(times: list[datetime], groups: list[str | None]) -> pa.Table:
    count = len(times)
    columns = [["id"] * count, [0] * count, list(range(count)), times, groups]
    schema = pa.schema([*PASSPORTS, ("_event_time", pa.timestamp("us")), ("country", pa.string())])
    return pa.table(columns, schema=schema)


def build_published(starts: list[datetime]) -> pa.Table:
    schema = pa.schema([("window_start", pa.timestamp("us")), ("country", pa.string())])
    return pa.table([starts, ["DE"] * len(starts)], schema=schema)


def at(hour: int, minute: int = 0, year: int = 2024) -> datetime:
    return datetime(year, 1, 1, hour, minute)  # noqa: DTZ001 - UTC without a zone, as the files have it


@pytest.mark.parametrize(
    ("watermark", "published", "count"),
    [
        (None, [], 4),
        (None, [(at(10), "DE")], 3),
        (datetime(2024, 1, 1, 11, tzinfo=UTC), [], 2),
        (datetime(2024, 1, 1, 11, tzinfo=UTC), [(at(11), None)], 1),
        (datetime(2024, 1, 1, 12, tzinfo=UTC), [], 0),
    ],
    ids=["no_watermark", "one_published", "older_ended", "null_group", "all_ended"],
)
def test_open_windows_end_behind_the_watermark(
    watermark: datetime | None, published: list[tuple[datetime, str | None]], count: int
) -> None:
    times = [at(10), at(10, 59), at(11), at(11, 30), at(23, 30, 1969)]
    groups = ["DE", "DE", "FR", None, "DE"]
    curated = build_curated(times, groups)
    done = pa.table(
        {
            "window_start": pa.array([start for start, _ in published], pa.timestamp("us")),
            "country": pa.array([group for _, group in published], pa.string()),
        }
    )

    assert count_open_windows(curated, NO_ROWS, done, HOURLY, watermark) == count


class Spans(NamedTuple):
    id: str
    spans: dict[str, str]
    published: list[datetime]
    late: list[int]
    windows: int


@pytest.mark.parametrize(
    "case",
    [
        # 10:05 and 10:50 lie in the windows that begin at 09:30, 10:00 and 10:30; those that end by 10:30 are over.
        Spans("sliding", {"window": "1 hour", "slide": "30 minutes"}, [], [], 2),
        Spans("sliding_published", {"window": "1 hour", "slide": "30 minutes"}, [at(10, 30)], [], 1),
        Spans("slide_that_does_not_divide", {"window": "1 hour", "slide": "40 minutes"}, [], [], 2),
        Spans("one_session", {"gap": "45 minutes"}, [], [], 1),
        Spans("two_sessions", {"gap": "44 minutes"}, [], [], 2),
        Spans("session_published", {"gap": "45 minutes"}, [at(10, 5)], [], 0),
        Spans("late_row_in_no_session", {"gap": "45 minutes"}, [at(10, 50)], [0], 0),
    ],
    ids=lambda case: case.id,
)
def test_open_windows_that_slide_and_sessions(case: Spans) -> None:
    curated = build_curated([at(10, 5), at(10, 50)], ["DE", "DE"])
    watermark = datetime(2024, 1, 1, 10, 30, tzinfo=UTC)

    found = count_open_windows(
        curated,
        curated.take(pa.array(case.late, pa.int64())),
        build_published(case.published),
        build_aggregate(**case.spans),
        watermark,
    )

    assert found == case.windows


def test_null_equals_null_and_nothing_else() -> None:
    left = pa.array([1.0, None, None, float("nan"), float("nan"), 0.0])
    right = pa.array([1.0, None, 1.0, float("nan"), None, -0.0])

    assert mark_differing(left, right).to_pylist()[:4] == [False, False, True, False]


def build_statement(*findings: Finding, pending: int = 0, missing: int = 0, duplicates: int = 0) -> Statement:
    return Statement("p", 10, 10, 10, 0, 10 - pending - missing, pending, missing, duplicates, findings=findings)


class Verdict(NamedTuple):
    id: str
    statement: Statement
    code: int


def finding(kind: Kind) -> Finding:
    return Finding(kind, "zone", "text", 1)


@pytest.mark.parametrize(
    "case",
    [
        Verdict("nothing", build_statement(), 0),
        Verdict("note", build_statement(finding("note")), 0),
        Verdict("pending", build_statement(pending=1), 4),
        Verdict("pending_elsewhere", build_statement(finding("pending")), 4),
        Verdict("missing", build_statement(missing=1), 1),
        Verdict("missing_elsewhere", build_statement(finding("missing")), 1),
        Verdict("duplicates", build_statement(duplicates=1), 1),
        Verdict("altered", build_statement(finding("altered")), 1),
        Verdict("unexplained", build_statement(finding("unexplained")), 1),
        Verdict("missing_and_pending", build_statement(missing=1, pending=1), 1),
    ],
    ids=lambda case: case.id,
)
def test_the_exit_code_follows(case: Verdict) -> None:
    assert case.statement.exit_code == case.code
    assert case.statement.as_json()["complete"] is (case.code == 0)


class Counts(NamedTuple):
    id: str
    produced: int
    loaded_files: tuple[str, ...]
    rows: int
    different: int
    figures: tuple[int, int, int, int, int]  # curated, loaded, pending, missing, duplicates
    code: int


@pytest.mark.parametrize(
    "case",
    [
        Counts("complete", 10, ("a", "b"), 8, 8, (8, 8, 0, 0, 0), 0),
        Counts("one_file_waits", 10, ("a",), 5, 5, (8, 5, 3, 0, 0), 4),
        Counts("rows_lost", 10, ("a", "b"), 6, 6, (8, 6, 0, 2, 0), 1),
        Counts("rows_twice", 10, ("a", "b"), 11, 8, (8, 8, 0, 0, 3), 1),
        Counts("rows_of_nobody", 10, ("a", "b"), 9, 9, (8, 8, 0, 0, 0), 1),
        Counts("not_published", 15, ("a", "b"), 8, 8, (13, 8, 5, 0, 0), 4),
        Counts("more_than_produced", 9, ("a", "b"), 8, 8, (7, 7, 0, 0, 0), 1),
    ],
    ids=lambda case: case.id,
)
def test_the_quick_check_judges_by_counts(case: Counts) -> None:
    files = {"raw": {"r": 10}, "curated": {"a": 5, "b": 3}, "rejected": {"x": 2}}
    history = {key: Load("Loaded") for key in case.loaded_files}
    counts = {
        "raw": TableCount("RAW", 10, 10, {"r": Load("Loaded")}),
        "curated": TableCount("T", case.rows, case.different, history),
        "rejected": TableCount("REJECTED", 2, 2, {"x": Load("Loaded")}),
    }

    found = judge_counts("p", case.produced, "records", files, counts, ())

    assert (found.curated, found.loaded, found.pending, found.missing, found.duplicates) == case.figures
    assert found.curated == found.loaded + found.pending + found.missing
    assert found.exit_code == case.code


def test_the_quick_check_counts_messages_that_were_not_kept() -> None:
    files: dict[str, dict[str, int]] = {"raw": {}, "curated": {"a": 8}, "rejected": {"x": 2}}
    loaded = {key: Load("Loaded") for key in "ax"}
    counts = {
        "raw": TableCount("RAW", 0, 0, {}),
        "curated": TableCount("T", 8, 8, loaded),
        "rejected": TableCount("REJECTED", 2, 2, loaded),
    }

    assert judge_counts("p", 10, "records", files, counts, (), 10).exit_code == 0
    assert judge_counts("p", 10, "records", files, counts, (), 9).exit_code == 4
    assert judge_counts("p", 10, "records", files, counts, (), 11).exit_code == 1
