"""Runs one statement on Athena: start, wait, and page through the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from aws_integration.naming import CatalogNames
from connections.aws_clients import explain_refusal
from pipeline_contract.errors import CheckFailed, ConfigurationError, NotFinished, PipelineError, ServiceError

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef

# Athena's category of an error that the statement's author has made:
# docs.aws.amazon.com/athena/latest/APIReference/API_AthenaError.html
_USER_ERROR = 2
_READERS: dict[str, Callable[[str], Any]] = {
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "bigint": int,
    "float": float,
    "double": float,
    "decimal": Decimal,
    "boolean": lambda text: text == "true",
}
Say = Callable[[str], None]


@dataclass(frozen=True)
class QueryAnswer:
    """What a statement answered, and what it took; values are Python's where JSON has such a type, else Athena's text."""

    query_id: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    bytes_scanned: int
    duration_s: float
    result_location: str


def run_query(athena: AthenaClient, names: CatalogNames, statement: str, timeout_s: float, say: Say) -> QueryAnswer:
    """Run a statement in the pipeline's workgroup and database, and return all of its rows.

    A statement that is wrong is a `ConfigurationError`, one that met the scan limit a `CheckFailed`, and one that failed
    otherwise a `ServiceError`, each with Athena's own reason. At the timeout, and on an interruption, it is stopped.
    """
    with explain_refusal(f"start a query in workgroup {names.workgroup} (is the catalog deployed?)"):
        identity = athena.start_query_execution(
            QueryString=statement,
            QueryExecutionContext={"Database": names.database},
            WorkGroup=names.workgroup,
        )["QueryExecutionId"]
    try:
        execution = _wait(athena, identity, timeout_s, say)
    except BaseException:
        with suppress(PipelineError), explain_refusal(f"stop query {identity}"):
            athena.stop_query_execution(QueryExecutionId=identity)
        raise
    _check_state(execution, names)
    columns, rows = _fetch(athena, identity, execution)
    statistics = execution.get("Statistics", {})
    return QueryAnswer(
        query_id=identity,
        columns=columns,
        rows=rows,
        bytes_scanned=statistics.get("DataScannedInBytes", 0),
        duration_s=statistics.get("TotalExecutionTimeInMillis", 0) / 1000,
        result_location=execution.get("ResultConfiguration", {}).get("OutputLocation", ""),
    )


def _wait(athena: AthenaClient, identity: str, timeout_s: float, say: Say) -> QueryExecutionTypeDef:
    def look() -> QueryExecutionTypeDef:
        with explain_refusal(f"look at query {identity}"):
            execution = athena.get_query_execution(QueryExecutionId=identity)["QueryExecution"]
        scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
        say(f"query {identity}: {_state(execution).lower()}, {scanned / 1e6:,.1f} MB scanned")
        return execution

    retrying = Retrying(
        retry=retry_if_result(lambda execution: _state(execution) in ("QUEUED", "RUNNING")),
        stop=stop_after_delay(timeout_s),
        wait=wait_exponential(multiplier=0.05, max=2),
    )
    try:
        return retrying(look)
    except RetryError:
        raise NotFinished(
            f"query {identity} had no answer after {timeout_s:.0f} s and was stopped: give --timeout more seconds, or read less"
        ) from None


def _check_state(execution: QueryExecutionTypeDef, names: CatalogNames) -> None:
    status = execution.get("Status", {})
    state, reason = _state(execution), status.get("StateChangeReason", "no reason given")
    identity = execution.get("QueryExecutionId")
    if state == "FAILED":
        message = f"query {identity} failed: {reason}"
        wrong = status.get("AthenaError", {}).get("ErrorCategory") == _USER_ERROR
        raise ConfigurationError(message) if wrong else ServiceError(message)
    if state == "CANCELLED" and "limit" in reason.lower():
        scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
        raise CheckFailed(
            f"query {identity} was cancelled after {scanned / 1e6:,.1f} MB: {reason}: name fewer columns and partitions, or "
            f"raise the limit with `python -m aws_integration catalog deploy {names.pipeline} --scan-limit-mb N`"
        )
    if state != "SUCCEEDED":
        raise ServiceError(f"query {identity} is {state.lower()}: {reason}")


def _fetch(
    athena: AthenaClient, identity: str, execution: QueryExecutionTypeDef
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = []
    names: tuple[str, ...] = ()
    # The first line of a SELECT's rows holds the names of its columns.
    header = 1 if execution.get("StatementType") == "DML" else 0
    with explain_refusal(f"read the rows of query {identity}"):
        for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=identity):
            columns = page["ResultSet"]["ResultSetMetadata"].get("ColumnInfo", [])
            names = tuple(column["Name"] for column in columns)
            readers = [_READERS.get(column["Type"], str) for column in columns]
            rows += (_read_row(row, readers) for row in page["ResultSet"]["Rows"][header:])
            header = 0
    return names, rows


def _read_row(row: Mapping[str, Any], readers: list[Callable[[str], Any]]) -> tuple[Any, ...]:
    values: Iterator[str | None] = (value.get("VarCharValue") for value in row.get("Data", []))
    return tuple(None if text is None else read(text) for text, read in zip(values, readers, strict=True))


def _state(execution: QueryExecutionTypeDef) -> str:
    return execution.get("Status", {}).get("State", "QUEUED")
