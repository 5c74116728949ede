"""The loading rules of Snowflake, by the ids of docs/sandbox_snowflake.md."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from sandbox.snowpipe.load_rules import (
    OnError,
    Outcome,
    decide_outcome,
    get_error_limit,
    is_in_refresh_reach,
    is_known_to_pipe,
    is_known_to_table,
    is_stale,
    parse_on_error,
)
from sandbox.snowpipe.sql_errors import SqlError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    """A moment so many days before NOW."""
    return NOW - timedelta(days=days)


class OutcomeCase(NamedTuple):
    """An ON_ERROR and a file's bad rows, and what becomes of the file."""

    id: str
    on_error: str
    rows: int
    errors: int
    outcome: Outcome


OUTCOMES = [
    OutcomeCase("SP07-no-error", "ABORT_STATEMENT", 10, 0, Outcome.LOADED),
    OutcomeCase("SP07-abort", "ABORT_STATEMENT", 10, 1, Outcome.ABORTED),
    OutcomeCase("SP07-skip-file", "SKIP_FILE", 10, 1, Outcome.LOAD_FAILED),
    OutcomeCase("SP08-below-count", "SKIP_FILE_3", 10, 2, Outcome.PARTIALLY_LOADED),
    OutcomeCase("SP08-at-count", "SKIP_FILE_3", 10, 3, Outcome.LOAD_FAILED),
    OutcomeCase("SP08-at-percent", "SKIP_FILE_20%", 10, 2, Outcome.PARTIALLY_LOADED),
    OutcomeCase("SP08-above-percent", "SKIP_FILE_20%", 10, 3, Outcome.LOAD_FAILED),
    OutcomeCase("continue", "continue", 10, 9, Outcome.PARTIALLY_LOADED),
    OutcomeCase("continue-nothing-left", "CONTINUE", 10, 10, Outcome.LOAD_FAILED),
    OutcomeCase("empty-file", "SKIP_FILE", 0, 0, Outcome.LOADED),
]


@pytest.mark.parametrize("case", OUTCOMES, ids=lambda case: case.id)
def test_outcome_follows_on_error(case: OutcomeCase) -> None:
    assert decide_outcome(parse_on_error(case.on_error), case.rows, case.errors) == case.outcome


@pytest.mark.parametrize("text", ["", "SKIP", "SKIP_FILE_", "SKIP_FILE_x", "SKIP_FILE_5%%", "IGNORE"])
def test_unknown_on_error_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(SqlError, match="SKIP_FILE_<num>"):
        parse_on_error(text)


@pytest.mark.parametrize(
    ("on_error", "rows", "limit"),
    [(OnError("SKIP_FILE"), 10, 1), (OnError("SKIP_FILE_COUNT", 3), 10, 3), (OnError("SKIP_FILE_PERCENT", 20), 50, 10),
     (OnError("CONTINUE"), 50, 50)],
)  # fmt: skip
def test_error_limit_is_reported_as_snowflake_does(on_error: OnError, rows: int, limit: int) -> None:
    assert get_error_limit(on_error, rows) == limit


class HistoryCase(NamedTuple):
    """How long ago a file was loaded and how that ended, and whether pipe and table know it."""

    id: str
    last_load: datetime | None
    status: str
    pipe_knows: bool
    table_knows: bool


HISTORIES = [
    HistoryCase("SP01-never", None, "Loaded", False, False),
    HistoryCase("SP01-a-minute-ago", days_ago(0.001), "Loaded", True, True),
    HistoryCase("SP01-14-days", days_ago(14), "Loaded", True, True),
    HistoryCase("SP01-past-14-days", days_ago(14.01), "Loaded", False, True),
    HistoryCase("SP04-64-days", days_ago(64), "Loaded", False, True),
    HistoryCase("SP04-past-64-days", days_ago(64.01), "Loaded", False, False),
    HistoryCase("SP02-failed", days_ago(1), "Load failed", True, False),
    HistoryCase("SP02-partial", days_ago(1), "Partially loaded", True, True),
]


@pytest.mark.parametrize("case", HISTORIES, ids=lambda case: case.id)
def test_histories_remember_as_long_as_snowflake_does(case: HistoryCase) -> None:
    assert is_known_to_pipe(case.last_load, NOW) == case.pipe_knows
    assert is_known_to_table(case.last_load, case.status, NOW) == case.table_knows


class RefreshCase(NamedTuple):
    """A file's age and MODIFIED_AFTER, and whether REFRESH takes it."""

    id: str
    modified: datetime
    after: datetime | None
    taken: bool


REFRESHES = [
    RefreshCase("SP10-new", days_ago(0), None, True),
    RefreshCase("SP10-7-days", days_ago(7), None, True),
    RefreshCase("SP10-past-7-days", days_ago(7.01), None, False),
    RefreshCase("SP10-after", days_ago(1), days_ago(2), True),
    RefreshCase("SP10-before", days_ago(3), days_ago(2), False),
]


@pytest.mark.parametrize("case", REFRESHES, ids=lambda case: case.id)
def test_refresh_reaches_back_seven_days(case: RefreshCase) -> None:
    assert is_in_refresh_reach(case.modified, case.after, NOW) == case.taken


@pytest.mark.parametrize(
    ("paused_at", "stale"), [(None, False), (days_ago(14), False), (days_ago(14.01), True)], ids=["no", "14d", "past"]
)
def test_a_pipe_is_stale_after_14_days_of_pause(paused_at: datetime | None, stale: bool) -> None:
    assert is_stale(paused_at, NOW) == stale
