"""Reads one staged file as a COPY statement says: the only way by which rows of files become rows of tables."""

# ruff: noqa: S608  names are quoted by quote_name, values by quote_text or bound
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from sandbox.snowpipe.copy_select import (
    FileColumn,
    LoadQuery,
    TableColumn,
    TranslateSelect,
    build_query,
    cast_expression,
)
from sandbox.snowpipe.copy_statement import FILE_TABLE, CopyStatement
from sandbox.snowpipe.file_formats import FileFormat
from sandbox.snowpipe.load_rules import OnError, Outcome, decide_outcome, get_error_limit
from sandbox.snowpipe.object_store import StagedFile
from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.sql_names import quote_name
from sandbox.snowpipe.staged_relation import StagedRelation
from sandbox.snowpipe.staged_rows import ROW_NUMBER, RowError, name_column

_VALUE_ERRORS = (
    (re.compile(r"[Cc]ould not convert string ['\"](.*)['\"] to (?:U?INT|DECIMAL|DOUBLE|FLOAT|HUGEINT)", re.DOTALL),
     "Numeric value '{}' is not recognized"),
    (re.compile(r"Could not convert string ['\"](.*)['\"] to (?:DECIMAL|NUMERIC)", re.DOTALL),
     "Numeric value '{}' is not recognized"),
    (re.compile(r"[Cc]ould not convert string ['\"](.*)['\"] to BOOL", re.DOTALL),
     "Boolean value '{}' is not recognized"),
    (re.compile(r"invalid timestamp field format: \"(.*?)\"", re.DOTALL), "Timestamp '{}' is not recognized"),
    (re.compile(r"invalid date field format: \"(.*?)\"", re.DOTALL), "Date '{}' is not recognized"),
)  # fmt: skip


class TargetTable(NamedTuple):
    """The table that a COPY fills: where it is and its columns."""

    database: str
    schema: str
    columns: tuple[TableColumn, ...]


@dataclass(frozen=True)
class FileLoad:
    """One file as read: its good rows for these columns, and the account of the bad ones."""

    file: StagedFile
    columns: tuple[TableColumn, ...]
    rows: pa.Table | None
    outcome: Outcome
    rows_parsed: int
    errors_seen: int
    error_limit: int
    first_error: RowError | None

    @property
    def rows_loaded(self) -> int:
        """The number of rows that the load adds to the table."""
        return self.rows.num_rows if self.rows is not None else 0


class CopyEngine:
    """Reads files through cursors of one duckdb instance; several threads may use it."""

    def __init__(self, root: duckdb.DuckDBPyConnection, temp_dir: Path, translate: TranslateSelect) -> None:
        self._root = root
        self._temp_dir = temp_dir
        self._translate = translate
        self._queries: dict[tuple[object, ...], LoadQuery] = {}

    def read_file(
        self,
        statement: CopyStatement,
        file_format: FileFormat,
        on_error: OnError,
        target: TargetTable,
        file: StagedFile,
        data: bytes,
    ) -> FileLoad:
        """Return the file's rows under the COPY; bad rows are accounted for, never raised."""
        with self._root.cursor() as connection:
            # The functions of the translation live in the target's database.
            connection.execute(f"USE {quote_name(target.database)}.{quote_name(target.schema)}")
            relation = StagedRelation(connection, self._temp_dir)
            try:
                relation.open_file(file, data, file_format)
                return self._evaluate(statement, file_format, on_error, target, relation, file)
            except (duckdb.Error, ValueError, pa.ArrowException) as error:
                failed = RowError(1, describe_error(error))
                return _account(file, (), None, 0, [failed], on_error)
            finally:
                relation.close()

    def _evaluate(
        self,
        statement: CopyStatement,
        file_format: FileFormat,
        on_error: OnError,
        target: TargetTable,
        relation: StagedRelation,
        file: StagedFile,
    ) -> FileLoad:
        query = self._build_query(statement, file_format, target, relation)
        is_positional = file_format.type == "CSV" and not statement.select and statement.match_by_name == "NONE"
        if is_positional and file_format.error_on_column_count_mismatch:
            relation.reject_widths(len(query.columns))
        casts = _cast_columns(relation.connection, query, file_format)
        rows, errors = _select_rows(relation.connection, query.columns, casts)
        errors = sorted([*relation.errors, *errors])
        return _account(file, query.columns, rows, rows.num_rows + len(errors), errors, on_error)

    def _build_query(
        self, statement: CopyStatement, file_format: FileFormat, target: TargetTable, relation: StagedRelation
    ) -> LoadQuery:
        columns = relation.columns
        if file_format.type == "JSON" and statement.match_by_name != "NONE":
            columns = (*_find_json_keys(relation.connection), *columns[1:])
        key = (str(statement), file_format, target, columns)
        if key not in self._queries:
            if len(self._queries) > 500:
                self._queries.clear()
            self._queries[key] = build_query(statement, file_format, target.columns, columns, self._translate)
        return self._queries[key]


def _find_json_keys(connection: duckdb.DuckDBPyConnection) -> list[FileColumn]:
    column = quote_name(name_column(1))
    found = connection.execute(f"SELECT DISTINCT unnest(json_keys({column})) AS name FROM {FILE_TABLE} ORDER BY name")
    return [FileColumn(name, "JSON") for (name,) in found.fetchall()]


def _cast_columns(connection: duckdb.DuckDBPyConnection, query: LoadQuery, file_format: FileFormat) -> list[str]:
    listed = ", ".join(f"{sql} AS c{index}" for index, sql in enumerate(query.expressions))
    try:
        described = connection.execute(f"DESCRIBE SELECT {listed} FROM {FILE_TABLE}").fetchall()
    except duckdb.CatalogException as error:
        raise SqlError(f"SQL compilation error:\n{describe_error(error)}", 2140, "42601") from None
    return [
        cast_expression(sql, row[1], column.type, file_format)
        for sql, row, column in zip(query.expressions, described, query.columns, strict=True)
    ]


def _select_rows(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[TableColumn], casts: list[str]
) -> tuple[pa.Table, list[RowError]]:
    """Return the good rows in the file's order, and the errors of the others."""
    names = [f"c{index}" for index in range(len(columns))]
    listed = ", ".join(f"{cast} AS {name}" for name, cast in zip(names, casts, strict=True))
    try:
        table = connection.execute(f"SELECT {listed} FROM {FILE_TABLE}").to_arrow_table()
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException):
        return _sift_rows(connection, columns, casts)
    if any(_breaks_limits(table.column(name), column) for name, column in zip(names, columns, strict=True)):
        return _sift_rows(connection, columns, casts)
    return table, []


def _breaks_limits(values: pa.ChunkedArray, column: TableColumn) -> bool:
    if not column.is_nullable and values.null_count:
        return True
    limit = column.text_length
    return bool(limit and column.type == "VARCHAR" and (pc.max(pc.utf8_length(values)).as_py() or 0) > limit)


def _sift_rows(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[TableColumn], casts: list[str]
) -> tuple[pa.Table, list[RowError]]:
    # TRY in a constant-folded or inlined scan is not reliable; over a stored table it is. A value that cannot be
    # converted is NULL, one that is null is a list of one NULL.
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _sandbox_stored AS SELECT * FROM {FILE_TABLE}")
    number = quote_name(ROW_NUMBER)
    tried = ", ".join(f"TRY([{cast}]) AS v{index}" for index, cast in enumerate(casts))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _sandbox_values AS SELECT {number} AS row_number, {tried} "
        "FROM temp._sandbox_stored"
    )
    checks = " ".join(f"WHEN {_failure_condition(i, column)} THEN {i}" for i, column in enumerate(columns))
    checked = f"(SELECT *, CASE {checks} ELSE -1 END AS bad_column FROM _sandbox_values)"
    bad = connection.execute(
        f"SELECT row_number, bad_column FROM {checked} WHERE bad_column >= 0 ORDER BY row_number"
    ).fetchall()
    listed = ", ".join(f"v{index}[1] AS c{index}" for index in range(len(columns)))
    good = connection.execute(
        f"SELECT {listed} FROM {checked} WHERE bad_column < 0 ORDER BY row_number"
    ).to_arrow_table()
    # Only the first error's text is ever shown; finding each one's would be a query a row.
    first = [_explain(connection, row, casts[index], columns[index]) for row, index in bad[:1]]
    messages = first + [""] * (len(bad) - 1)
    errors = [RowError(row, message, columns[index].name) for (row, index), message in zip(bad, messages, strict=True)]
    return good, errors


def _failure_condition(index: int, column: TableColumn) -> str:
    conditions = [f"v{index} IS NULL"]
    if not column.is_nullable:
        conditions.append(f"v{index}[1] IS NULL")
    if column.type == "VARCHAR" and column.text_length:
        conditions.append(f"length(v{index}[1]) > {column.text_length}")
    return f"({' OR '.join(conditions)})"


def _explain(connection: duckdb.DuckDBPyConnection, row: int, cast: str, column: TableColumn) -> str:
    where = f"FROM temp._sandbox_stored WHERE {quote_name(ROW_NUMBER)} = {row}"
    try:
        found = connection.execute(f"SELECT {cast} {where}").fetchone()
    except duckdb.Error as error:
        return describe_error(error)
    if found is None or found[0] is None:
        return f"NULL result in a non-nullable column '{column.name}'"
    return f"User character length limit ({column.text_length}) exceeded by string '{str(found[0])[:100]}'"


def describe_error(error: Exception) -> str:
    """Return an error's message in Snowflake's words where they are known."""
    text = str(error)
    for pattern, message in _VALUE_ERRORS:
        if match := pattern.search(text):
            return message.format(match[1])
    return re.sub(r"^\w+ Error: ", "", text.split("\n", maxsplit=1)[0])


def _account(
    file: StagedFile,
    columns: tuple[TableColumn, ...],
    rows: pa.Table | None,
    rows_parsed: int,
    errors: list[RowError],
    on_error: OnError,
) -> FileLoad:
    outcome = decide_outcome(on_error, rows_parsed, len(errors))
    kept = rows if outcome in (Outcome.LOADED, Outcome.PARTIALLY_LOADED) else None
    limit = get_error_limit(on_error, rows_parsed)
    return FileLoad(file, columns, kept, outcome, rows_parsed, len(errors), limit, errors[0] if errors else None)
