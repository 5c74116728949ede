"""Turns a COPY into a query over one staged file: `$n` and METADATA$ columns resolved, values cast to the table's types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from sandbox.snowpipe.copy_functions import rewrite_function, rewrite_timestamps
from sandbox.snowpipe.copy_statement import FILE_TABLE, CopyStatement
from sandbox.snowpipe.file_formats import FileFormat
from sandbox.snowpipe.sql_errors import SqlError, syntax_error
from sandbox.snowpipe.sql_names import quote_name, quote_text
from sandbox.snowpipe.sql_reader import get_options
from sandbox.snowpipe.staged_rows import name_column

METADATA_COLUMNS = (
    "METADATA$FILENAME", "METADATA$FILE_ROW_NUMBER", "METADATA$FILE_CONTENT_KEY", "METADATA$FILE_LAST_MODIFIED",
    "METADATA$START_SCAN_TIME",
)  # fmt: skip
TranslateSelect = Callable[[exp.Select], str]
_MISSING = exp.Null()
# Snowflake takes text for a number where it is calculated with.
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg)


class TableColumn(NamedTuple):
    """A column of the target table: its duckdb type, nullability, and length limit of text."""

    name: str
    type: str
    is_nullable: bool
    text_length: int | None = None


class FileColumn(NamedTuple):
    """A column of the staged file as the query sees it."""

    name: str
    type: str


class LoadQuery(NamedTuple):
    """The expressions (duckdb SQL over FILE_TABLE) that fill these target columns, in order."""

    columns: tuple[TableColumn, ...]
    expressions: tuple[str, ...]


def choose_columns(statement: CopyStatement, table: Sequence[TableColumn]) -> tuple[TableColumn, ...]:
    """Return the table's columns that the COPY names, or all of them."""
    if not statement.columns:
        return tuple(table)
    by_name = {column.name: column for column in table}
    for name in statement.columns:
        if name not in by_name:
            raise SqlError(f"SQL compilation error: error line 1\ninvalid identifier '{name}'", 904, "42000")
    return tuple(by_name[name] for name in statement.columns)


def build_query(
    statement: CopyStatement,
    file_format: FileFormat,
    table: Sequence[TableColumn],
    file_columns: Sequence[FileColumn],
    translate: TranslateSelect,
) -> LoadQuery:
    """Return the query that loads a file of these columns; `translate` turns Snowflake SQL into duckdb's."""
    chosen = choose_columns(statement, table)
    if statement.select is not None:
        rewritten = rewrite_select(statement.select, file_format, file_columns)
        if len(rewritten.expressions) > len(chosen):
            raise _count_mismatch(len(chosen), len(rewritten.expressions))
        if len(rewritten.expressions) < len(chosen) and statement.columns:
            raise _count_mismatch(len(chosen), len(rewritten.expressions))
        return LoadQuery(chosen[: len(rewritten.expressions)], _translate_each(rewritten, file_format, translate))
    if statement.match_by_name != "NONE":
        return _match_by_name(statement, file_format, chosen, file_columns)
    if file_format.type == "CSV":
        names = {column.name for column in file_columns}
        expressions = tuple(
            quote_name(name_column(number)) if name_column(number) in names else "NULL"
            for number in range(1, len(chosen) + 1)
        )
        return LoadQuery(chosen, expressions)
    if len(chosen) != 1 or chosen[0].type != "JSON":
        raise SqlError(
            f"SQL compilation error:\n{file_format.type} file format can produce one and only one column of type "
            "variant, object, or array. Load data into separate columns using the MATCH_BY_COLUMN_NAME copy option "
            "or copy with transformation.",
            2019,
            "0A000",
        )
    return LoadQuery(chosen, (_whole_row(file_format, file_columns).sql("duckdb"),))


def _count_mismatch(expected: int, found: int) -> SqlError:
    return SqlError(
        f"SQL compilation error:\nInsert value list does not match column list expecting {expected} but got {found}",
        2020,
        "21S01",
    )


def _translate_each(select: exp.Select, file_format: FileFormat, translate: TranslateSelect) -> tuple[str, ...]:
    """Return each expression of the select in duckdb SQL, the aliases dropped."""
    bare = exp.select(*(expression.unalias() for expression in select.expressions)).from_(exp.to_table(FILE_TABLE))
    translated = sqlglot.parse_one(translate(bare), read="duckdb")
    typed = rewrite_timestamps(translated, file_format)
    return tuple(expression.unalias().sql("duckdb") for expression in typed.expressions)


def rewrite_select(text: str, file_format: FileFormat, file_columns: Sequence[FileColumn]) -> exp.Select:
    """Return the transformation with `$n`, `$1:path` and METADATA$ names replaced by the file's columns."""
    try:
        select = sqlglot.parse_one(text, read="snowflake")
    except ParseError as error:
        raise syntax_error(f"{error}") from None
    if not isinstance(select, exp.Select):
        raise syntax_error("COPY statement only supports a simple SELECT from a stage")
    if any(select.find(kind) for kind in (exp.Subquery, exp.AggFunc, exp.Join, exp.Distinct, exp.Window)):
        raise SqlError("SQL compilation error:\nCOPY statement only supports simple SELECT from stage statements", 2)
    names = {column.name for column in file_columns}

    def rewrite(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.JSONExtract) and (number := _parameter_number(node.this)):
            return _rewrite_path(node, number, file_format, names)
        if isinstance(node, exp.Bracket) and (number := _parameter_number(node.this)):
            path = exp.JSONPath(expressions=[exp.JSONPathRoot(), _bracket_step(node)])
            return _rewrite_path(exp.JSONExtract(this=node.this, expression=path), number, file_format, names)
        if number := _parameter_number(node):
            value = _rewrite_parameter(number, file_format, file_columns)
            is_operand = file_format.type == "CSV" and isinstance(node.parent, _ARITHMETIC)
            return exp.cast(value, "DOUBLE") if is_operand else value
        return _rewrite_metadata(node) if isinstance(node, exp.Column) else node

    # Two passes: a replaced node is not visited again, and a function's arguments need the second.
    rewritten = select.transform(rewrite_function).transform(rewrite)
    if not isinstance(rewritten, exp.Select):
        raise syntax_error("COPY statement only supports a simple SELECT from a stage")
    return rewritten


def _parameter_number(node: exp.Expr) -> int:
    """Return n of `$n` or `t.$n`, or 0 for anything else."""
    inner = node.this if isinstance(node, exp.Column) else node
    if isinstance(inner, exp.Parameter) and inner.this.name.isdigit():
        return int(inner.this.name)
    return 0


def _bracket_step(node: exp.Bracket) -> exp.Expr:
    index = node.expressions[0]
    if isinstance(index, exp.Literal) and index.is_string:
        return exp.JSONPathKey(this=index.name)
    return exp.JSONPathSubscript(this=int(index.name))


def _rewrite_parameter(number: int, file_format: FileFormat, file_columns: Sequence[FileColumn]) -> exp.Expr:
    if file_format.type != "CSV":
        return _whole_row(file_format, file_columns) if number == 1 else _MISSING.copy()
    name = name_column(number)
    known = {column.name for column in file_columns}
    return _file_column(name) if name in known else _MISSING.copy()


def _whole_row(file_format: FileFormat, file_columns: Sequence[FileColumn]) -> exp.Expr:
    if file_format.type == "JSON":
        return _file_column(name_column(1))
    pairs = ", ".join(
        f"{quote_text(column.name)}, {quote_name(column.name)}"
        for column in file_columns
        if column.name not in METADATA_COLUMNS
    )
    return sqlglot.parse_one(f"json_object({pairs})", read="duckdb")


def _file_column(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True))


def _rewrite_path(node: exp.JSONExtract, number: int, file_format: FileFormat, names: set[str]) -> exp.Expr:
    """Return `$1:a.b` over the file: a JSON path for JSON and CSV text, a column (then a field) for Parquet."""
    if file_format.type != "PARQUET":
        node = node.copy()
        node.set("this", _file_column(name_column(number)))
        return node
    steps = node.expression.expressions[1:]
    if number != 1 or not isinstance(steps[0], exp.JSONPathKey) or steps[0].this not in names:
        return _MISSING.copy()
    column: exp.Expr = _file_column(steps[0].this)
    if len(steps) == 1:
        return column
    rest = exp.JSONPath(expressions=[exp.JSONPathRoot(), *(step.copy() for step in steps[1:])])
    as_variant = exp.Anonymous(this="TO_JSON", expressions=[column])
    return exp.JSONExtract(this=as_variant, expression=rest, variant_extract=True, requires_json=True)


def _rewrite_metadata(node: exp.Column) -> exp.Expr:
    name = node.name.upper()
    if not name.startswith("METADATA$"):
        return node
    if name not in METADATA_COLUMNS:
        raise SqlError(f"SQL compilation error: error line 1\ninvalid identifier '{name}'", 904, "42000")
    return _file_column(name)


def _match_by_name(
    statement: CopyStatement,
    file_format: FileFormat,
    chosen: Sequence[TableColumn],
    file_columns: Sequence[FileColumn],
) -> LoadQuery:
    """Return the query of MATCH_BY_COLUMN_NAME: columns with no match are left to their default (SP18, SP19)."""
    metadata = {
        split.upper().strip('"'): str(source).upper()
        for split, source in get_options(statement.options, "INCLUDE_METADATA").items()
    }
    fold: Callable[[str], str] = str.upper if statement.match_by_name == "CASE_INSENSITIVE" else str
    by_name = {fold(column.name): column.name for column in file_columns if column.name not in METADATA_COLUMNS}
    pairs: list[tuple[TableColumn, str]] = []
    for column in chosen:
        if column.name in metadata:
            pairs.append((column, quote_name(metadata[column.name])))
        elif fold(column.name) in by_name:
            source = by_name[fold(column.name)]
            pairs.append((column, _named_source(file_format, source)))
    missing = set(metadata) - {column.name for column in chosen}
    if missing:
        raise SqlError(f"SQL compilation error:\ninvalid identifier '{sorted(missing)[0]}' in INCLUDE_METADATA", 904)
    if not pairs:
        pairs = [(column, "NULL") for column in chosen[:1]]
    return LoadQuery(tuple(column for column, _ in pairs), tuple(sql for _, sql in pairs))


def _named_source(file_format: FileFormat, name: str) -> str:
    if file_format.type != "JSON":
        return quote_name(name)
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    return f"json_extract({quote_name(name_column(1))}, {quote_text(pointer)})"


def cast_expression(sql: str, source_type: str, target: str, file_format: FileFormat) -> str:
    """Return the expression cast to the target's duckdb type as COPY casts; a value that does not fit raises."""
    if source_type == '"NULL"' or (source_type == target and target != "VARCHAR"):
        return f"CAST({sql} AS {target})"
    if target == "JSON":
        return f"to_json({sql})"
    text = f"(({sql}) ->> '$')" if source_type == "JSON" else f"({sql})"
    if file_format.type != "CSV" and file_format.null_if and source_type in ("VARCHAR", "JSON"):
        listed = ", ".join(quote_text(value) for value in file_format.null_if)
        text = f"(CASE WHEN {text} IN ({listed}) THEN NULL ELSE {text} END)"
    if target == "BLOB" and source_type in ("VARCHAR", "JSON"):
        function = {"HEX": "unhex", "BASE64": "from_base64"}.get(file_format.binary_format, "encode")
        return f"{function}({text})"
    return f"CAST({text} AS {target})"
