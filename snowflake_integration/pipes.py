"""The pipes as the warehouse has them: their definitions, their queue, and how far they have loaded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from connections.warehouse import Answer, Connection, StatementFailed, execute_statement, quote_literal, run_query
from pipeline_contract.ddl import quote_snowflake
from pipeline_contract.errors import ConfigurationError, ServiceError
from snowflake_integration.naming import Names, Target

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# COPY_HISTORY reaches back 14 days (SP23).
_HISTORY_DAYS = 13
LOAD_FAILED = "Load failed"


class Pipe(NamedTuple):
    """One pipe of SHOW PIPES."""

    name: str
    definition: str
    notification_channel: str


class FoundColumn(NamedTuple):
    """One column of DESCRIBE TABLE; the type as the warehouse writes it, such as NUMBER(19,0)."""

    type: str
    is_nullable: bool


class LoadState(NamedTuple):
    """How far one table is: the objects that lie in its place, and what became of them."""

    table: str
    pipe: str
    execution_state: str
    objects: int
    loaded: int
    failed: dict[str, str]  # object key: why
    pending: tuple[str, ...]  # object keys, in order

    @property
    def is_settled(self) -> bool:
        """Whether every object is loaded, or has failed and will not be tried again."""
        return not self.pending


def take_role(connection: Connection, role: str) -> None:
    """Take the role that owns the pipes, so as to see them, if it is there: before the first deployment it is not."""
    _answer_or_none(connection, f"USE ROLE {quote_snowflake(role)}")


def read_pipes(connection: Connection, names: Names) -> dict[str, Pipe]:
    """The pipes of the pipeline's schema by name; none when the schema is not there yet."""
    answer = _answer_or_none(connection, f"SHOW PIPES IN SCHEMA {names.schema}")
    rows = (dict(zip(answer.columns, row, strict=True)) for row in answer.rows)
    pipes = (Pipe(str(row["name"]), str(row["definition"]), str(row["notification_channel"] or "")) for row in rows)
    return {pipe.name: pipe for pipe in pipes}


def is_same_copy(definition: str, wanted: str) -> bool:
    """Say whether a pipe's definition is this COPY, white space and the closing semicolon aside."""
    return " ".join(definition.rstrip("; \n").split()) == " ".join(wanted.split())


def find_queue(pipes: Iterable[Pipe]) -> str | None:
    """The address of the queue that the pipes share in a region, or None when there is no pipe (SP15)."""
    return next((pipe.notification_channel for pipe in pipes if pipe.notification_channel), None)


def is_empty(connection: Connection, target: Target) -> bool:
    """Say whether a table holds no row, or is not there yet."""
    return not _answer_or_none(connection, f"SELECT 1 FROM {target.table} LIMIT 1").rows  # noqa: S608 - quoted names


def read_columns(connection: Connection, table: str) -> dict[str, FoundColumn]:
    """The columns of a table, given by its quoted name, in order; none when it is not there yet."""
    answer = _answer_or_none(connection, f"DESCRIBE TABLE {table}")
    rows = (dict(zip(answer.columns, row, strict=True)) for row in answer.rows)
    return {str(row["name"]): FoundColumn(str(row["type"]), row["null?"] == "Y") for row in rows}


def read_pipe_status(connection: Connection, target: Target) -> dict[str, object]:
    """The answer of SYSTEM$PIPE_STATUS: executionState, pendingFileCount, and more when there is more (SP25)."""
    rows = run_query(connection, f"SELECT SYSTEM$PIPE_STATUS({quote_literal(target.pipe)}) AS STATUS")
    status: dict[str, object] = json.loads(str(rows[0]["STATUS"]))
    return status


def list_keys(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    """The keys of the objects under a prefix, in order."""
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"cannot list s3://{bucket}/{prefix}: {error}") from error


def read_history(connection: Connection, names: Names, target: Target, bucket: str) -> dict[str, tuple[str, str]]:
    """The load history of a table: object key to status and first error, the newest attempt for each file."""
    statement = f"""
        SELECT FILE_NAME, STAGE_LOCATION, STATUS, FIRST_ERROR_MESSAGE
        FROM TABLE({names.database}.INFORMATION_SCHEMA.COPY_HISTORY(
            TABLE_NAME => {quote_literal(target.table)},
            START_TIME => DATEADD(DAY, -{_HISTORY_DAYS}, CURRENT_TIMESTAMP())
        ))
        ORDER BY LAST_LOAD_TIME
    """  # noqa: S608 - quoted names
    rows = run_query(connection, statement)
    return {
        name_object(str(row["STAGE_LOCATION"]), str(row["FILE_NAME"]), bucket): (
            str(row["STATUS"]),
            str(row["FIRST_ERROR_MESSAGE"] or ""),
        )
        for row in rows
    }


def name_object(stage_location: str, file_name: str, bucket: str) -> str:
    """The object's key: COPY_HISTORY splits it into the stage's address and the name below it."""
    return f"{stage_location}{file_name}".removeprefix(f"s3://{bucket}/")


def read_load_states(connection: Connection, s3: S3Client, names: Names, bucket: str) -> list[LoadState]:
    """How far every table of a pipeline is, from the listing, the load history and the tables themselves."""
    return [read_load_state(connection, s3, names, target, bucket) for target in names.targets]


def read_load_state(connection: Connection, s3: S3Client, names: Names, target: Target, bucket: str) -> LoadState:
    """How far one table is; `ConfigurationError` when it or its pipe is not there.

    The listing comes first: a file that arrives meanwhile is seen the next time. A table's own rows count as well as
    its history, which forgets after 14 days and with a replaced pipe.
    """
    keys = list_keys(s3, bucket, target.prefix)
    try:
        history = read_history(connection, names, target, bucket)
        rows = run_query(connection, f'SELECT DISTINCT "_FILE_NAME" AS FILE_NAME FROM {target.table}')  # noqa: S608
        status = read_pipe_status(connection, target)
    except StatementFailed as error:
        if error.is_about_nothing:
            raise ConfigurationError(
                f"table {target.table} or its pipe {target.pipe_name} is not there; make them with "
                f"`python -m snowflake_integration deploy`: {error.reason}"
            ) from None
        raise
    return summarize_loads(target, keys, history, {str(row["FILE_NAME"]) for row in rows}, status)


def summarize_loads(
    target: Target,
    keys: Iterable[str],
    history: dict[str, tuple[str, str]],
    in_table: set[str],
    status: dict[str, object],
) -> LoadState:
    """The state of one table from what was read. Pure."""
    keys = sorted(keys)
    known = {key: outcome for key, outcome in history.items() if outcome[0] != "Load in progress"}
    failed = {key: known[key][1] for key in keys if key not in in_table and known.get(key, ("",))[0] == LOAD_FAILED}
    pending = tuple(key for key in keys if key not in in_table and key not in known)
    return LoadState(
        table=target.name,
        pipe=target.pipe_name,
        execution_state=str(status.get("executionState", "UNKNOWN")),
        objects=len(keys),
        loaded=len(keys) - len(failed) - len(pending),
        failed=failed,
        pending=pending,
    )


def _answer_or_none(connection: Connection, statement: str) -> Answer:
    """The answer, or an empty one when what it is about is not there."""
    try:
        return execute_statement(connection, statement)
    except StatementFailed as error:
        if error.is_about_nothing:
            return Answer((), [])
        raise
