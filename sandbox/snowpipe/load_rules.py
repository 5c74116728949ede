"""The rules of loading as pure functions: what ON_ERROR decides, and what the load histories decide.

The ids (SP01 …) are explained in docs/sandbox_snowflake.md.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sandbox.snowpipe.sql_errors import invalid_option

PIPE_HISTORY = timedelta(days=14)
TABLE_HISTORY = timedelta(days=64)
REFRESH_REACH = timedelta(days=7)
STALE_AFTER = timedelta(days=14)


class OnError(NamedTuple):
    """A parsed ON_ERROR: its kind, and the limit of SKIP_FILE_n or 'SKIP_FILE_n%'."""

    kind: str
    limit: float = 1


class Outcome(StrEnum):
    """What becomes of one file."""

    LOADED = "LOADED"
    PARTIALLY_LOADED = "PARTIALLY_LOADED"
    LOAD_FAILED = "LOAD_FAILED"
    ABORTED = "ABORTED"


HISTORY_STATUS = {
    Outcome.LOADED: "Loaded",
    Outcome.PARTIALLY_LOADED: "Partially loaded",
    Outcome.LOAD_FAILED: "Load failed",
}


def parse_on_error(text: str) -> OnError:
    """Return the parsed ON_ERROR option (SP07, SP08)."""
    value = text.upper()
    if value in ("CONTINUE", "ABORT_STATEMENT", "SKIP_FILE"):
        return OnError(value)
    if match := re.fullmatch(r"SKIP_FILE_(\d+)(%?)", value):
        return OnError("SKIP_FILE_PERCENT" if match[2] else "SKIP_FILE_COUNT", float(match[1]))
    raise invalid_option(
        f"invalid value '{text}' for parameter 'ON_ERROR': "
        "CONTINUE, SKIP_FILE, SKIP_FILE_<num>, 'SKIP_FILE_<num>%' or ABORT_STATEMENT"
    )


def decide_outcome(on_error: OnError, rows_parsed: int, errors_seen: int) -> Outcome:
    """Return what becomes of a file with so many bad rows (SP07, SP08)."""
    if not errors_seen:
        return Outcome.LOADED
    if on_error.kind == "ABORT_STATEMENT":
        return Outcome.ABORTED
    is_skipped = {
        "SKIP_FILE": True,
        "SKIP_FILE_COUNT": errors_seen >= on_error.limit,
        "SKIP_FILE_PERCENT": errors_seen * 100 > on_error.limit * rows_parsed,
        "CONTINUE": False,
    }[on_error.kind]
    return Outcome.LOAD_FAILED if is_skipped or errors_seen >= rows_parsed else Outcome.PARTIALLY_LOADED


def get_error_limit(on_error: OnError, rows_parsed: int) -> int:
    """Return the error limit that Snowflake reports with a loaded file."""
    if on_error.kind == "CONTINUE":
        return max(rows_parsed, 1)
    if on_error.kind == "SKIP_FILE_PERCENT":
        return int(rows_parsed * on_error.limit / 100)
    return int(on_error.limit)


def is_known_to_pipe(last_load: datetime | None, now: datetime) -> bool:
    """Return whether the pipe's history holds the file: by path and name, loaded or failed, for 14 days (SP01, SP02)."""
    return last_load is not None and now - last_load <= PIPE_HISTORY


def is_known_to_table(last_load: datetime | None, status: str | None, now: datetime) -> bool:
    """Return whether COPY's own history of the table holds the file: loaded in the last 64 days (SP04).

    A file whose load failed is tried again by the next COPY.
    """
    return last_load is not None and status != "Load failed" and now - last_load <= TABLE_HISTORY


def is_in_refresh_reach(last_modified: datetime, modified_after: datetime | None, now: datetime) -> bool:
    """Return whether ALTER PIPE … REFRESH takes a file of this age (SP10)."""
    return now - last_modified <= REFRESH_REACH and (modified_after is None or last_modified > modified_after)


def is_stale(paused_at: datetime | None, now: datetime) -> bool:
    """Return whether a pipe that was paused at that time can only be resumed by force (SP11)."""
    return paused_at is not None and now - paused_at > STALE_AFTER
