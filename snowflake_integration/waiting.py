"""Waiting for the pipes: until every object is loaded, or until one pipe can be paused with nothing pending."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from connections.warehouse import Connection, execute_statement
from pipeline_contract.errors import CheckFailed, NotFinished
from snowflake_integration.naming import Names, Target
from snowflake_integration.pipes import LoadState, read_load_states, read_pipe_status

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Report = Callable[[list[LoadState]], None]


def wait_loaded(
    connection: Connection, s3: S3Client, names: Names, bucket: str, timeout_s: float, report: Report
) -> list[LoadState]:
    """Wait until every object of a pipeline is loaded, telling `report` at each look.

    Raise `NotFinished` at the timeout, or `CheckFailed` when files were refused; both name files.
    """

    def look() -> list[LoadState]:
        states = read_load_states(connection, s3, names, bucket)
        report(states)
        return states

    try:
        states = _poll(timeout_s, lambda found: not all(state.is_settled for state in found))(look)
    except RetryError as error:
        raise NotFinished(describe_pending(error.last_attempt.result(), timeout_s)) from None
    if any(state.failed for state in states):
        raise CheckFailed(describe_failed(states))
    return states


def wait_for_files(look: Callable[[], LoadState], files: Set[str], timeout_s: float) -> None:
    """Wait until these objects of one table are loaded.

    Raise `NotFinished` at the timeout, or `CheckFailed` when one of them was refused.
    """
    try:
        state = _poll(timeout_s, lambda found: not files.isdisjoint(found.pending))(look)
    except RetryError as error:
        pending = files & set(error.last_attempt.result().pending)
        raise NotFinished(
            f"{len(pending)} superseded object(s) are not loaded after {timeout_s:g} s, first {min(pending)}; nothing was "
            "changed: try again when `python -m snowflake_integration wait-loaded` is done"
        ) from None
    if refused := {key: reason for key, reason in state.failed.items() if key in files}:
        raise CheckFailed(describe_failed([state._replace(failed=refused)]))


def pause_drained(connection: Connection, target: Target, timeout_s: float) -> None:
    """Pause a pipe at a moment when no file is pending, or raise `NotFinished` naming it and leave it running."""

    def count_pending() -> int:
        return int(str(read_pipe_status(connection, target).get("pendingFileCount", 0)))

    def try_pause() -> int:
        pending = count_pending()
        if not pending:
            execute_statement(connection, f"ALTER PIPE {target.pipe} SET PIPE_EXECUTION_PAUSED = TRUE")
            # A paused pipe keeps what was announced since the first look, and never loads it.
            pending = count_pending()
            if pending:
                resume_pipe(connection, target)
        return pending

    try:
        _poll(timeout_s, lambda pending: pending > 0)(try_pause)
    except RetryError as error:
        raise NotFinished(
            f"pipe {target.pipe_name} still has {error.last_attempt.result()} file(s) pending after {timeout_s:g} s; "
            "it was not replaced: deploy again when they are loaded"
        ) from None


def resume_pipe(connection: Connection, target: Target) -> None:
    """Let a paused pipe go on."""
    execute_statement(connection, f"ALTER PIPE {target.pipe} SET PIPE_EXECUTION_PAUSED = FALSE")


def describe_pending(states: list[LoadState], timeout_s: float) -> str:
    """What is not loaded yet, with the first files of each table."""
    lines = [
        f"  - {state.table}: {len(state.pending)} of {state.objects} object(s) pending, first {state.pending[0]} "
        f"(pipe {state.pipe} is {state.execution_state})"
        for state in states
        if state.pending
    ]
    return f"not everything is loaded after {timeout_s:g} s:\n" + "\n".join(lines)


def describe_failed(states: list[LoadState]) -> str:
    """What was refused, with reasons, and how to load it after repair."""
    lines = [
        f"  - {state.table}: {key}: {reason}" for state in states for key, reason in list(state.failed.items())[:5]
    ]
    count = sum(len(state.failed) for state in states)
    return f"{count} file(s) were refused and will not be tried again (10_backfill.sql loads a file by name):\n" + (
        "\n".join(lines)
    )


def _poll(timeout_s: float, is_waiting: Callable[[Any], bool]) -> Retrying:
    return Retrying(
        retry=retry_if_result(is_waiting),
        wait=wait_exponential(multiplier=0.2, max=2.0),
        stop=stop_after_delay(timeout_s),
    )
