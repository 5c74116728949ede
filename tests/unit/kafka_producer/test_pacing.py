"""When rows are due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from kafka_producer.pacing import choose_pace, translate_pattern
from kafka_producer.replay import count_due
from kafka_producer.row import Row, SourceItem, reject_bytes
from pipeline_contract.errors import ConfigurationError
from tests.unit.kafka_producer.source_builder import build_contract


def build_rows(*times: str) -> list[SourceItem]:
    return [Row(line, 0, b"", [str(line), time]) for line, time in enumerate(times, start=2)]


def build_timed(**column: str) -> dict[str, object]:
    return {
        "event_time": {"column": "at"},
        "column": [
            {"name": "id", "type": "string"},
            {"name": "at", "type": "timestamp", "nullable": False, **column},
        ],
    }


CONTRACT = build_contract(("id", "at"), **build_timed())
DAY = "2013-01-01"


class Case(NamedTuple):
    name: str
    delay_s: float | None
    rate: float | None
    speed: float | None
    dues_s: list[float]


TIMES = [f"{DAY}T05:00:00Z", f"{DAY} 05:30:00", "NA", f"{DAY}T04:00:00Z", f"{DAY}T07:00:00+01:00", f"{DAY}T07:00:00.5Z"]
CASES = [
    Case("full speed", None, None, None, [0, 0, 0, 0, 0, 0]),
    Case("delay", 1.5, None, None, [0, 1.5, 3, 4.5, 6, 7.5]),
    Case("rate", None, 4, None, [0, 0.25, 0.5, 0.75, 1, 1.25]),
    Case("speed", None, None, 3600, [0, 0.5, 0, 0, 1, 7200.5 / 3600]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rows_are_due_as_asked(case: Case) -> None:
    pace = choose_pace(CONTRACT, case.delay_s, case.rate, case.speed)
    rows = build_rows(*TIMES)
    assert pace.schedule(rows[:2]) + pace.schedule(rows[2:]) == pytest.approx(case.dues_s)


def test_a_bad_row_is_due_at_once() -> None:
    pace = choose_pace(CONTRACT, None, None, 1.0)
    bad = reject_bytes(3, 0, b"?", 1, "ragged_row", "")
    assert pace.schedule([*build_rows(f"{DAY}T05:00:00Z"), bad, *build_rows(f"{DAY}T05:00:09Z")]) == [0, 0, 9]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1.0, 2.0, None), "--delay and --rate exclude each other"),
        ((0.0, None, None), "--delay must be greater than 0"),
        ((None, -1.0, None), "--rate must be greater than 0"),
        ((None, None, 0.0), "--speed must be greater than 0"),
    ],
)
def test_impossible_paces_are_refused(arguments: tuple[float | None, float | None, float | None], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        choose_pace(CONTRACT, *arguments)


def test_speed_needs_an_event_time() -> None:
    with pytest.raises(ConfigurationError, match="declares none"):
        choose_pace(build_contract(), None, None, 10)


def test_times_are_read_in_the_contracts_own_format() -> None:
    contract = build_contract(("id", "at"), **build_timed(format="dd.MM.yyyy 'at' HH:mm"))
    pace = choose_pace(contract, None, None, 1)
    assert pace.schedule(build_rows("01.02.2013 at 10:00", "01.02.2013 at 10:01", "2013-02-01T10:05:00")) == [0, 60, 0]


def test_a_pattern_is_translated_whole_or_refused() -> None:
    directives = translate_pattern("yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
    time = datetime.strptime("2013-02-01T10:00:00.250+00:00", directives).astimezone(UTC)
    assert time == datetime(2013, 2, 1, 10, 0, 0, 250_000, UTC)
    with pytest.raises(ConfigurationError, match="'EEEE' is not supported"):
        translate_pattern("EEEE dd")


@pytest.mark.parametrize(
    ("dues_s", "count"), [([0, 0, 0], 3), ([0, 5, 0], 1), ([5, 0], 0), ([1, 2, 3], 2), ([2], 1)], ids=str
)
def test_one_row_that_is_not_due_holds_back_the_rest(dues_s: list[float], count: int) -> None:
    assert count_due(dues_s, 2.0) == count
