"""Functions of COPY transformations that the SQL translation underneath does not know or gets less exact."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from sandbox.snowpipe.file_formats import FileFormat
from sandbox.snowpipe.sql_errors import syntax_error

_VARIANT_TYPES = {"VARIANT", "OBJECT", "ARRAY"}
_TRY_CASTS = {
    "TRY_TO_TIMESTAMP_NTZ": "TIMESTAMP", "TRY_TO_TIMESTAMP": "TIMESTAMP", "TRY_TO_DATE": "DATE", "TRY_TO_TIME": "TIME",
}  # fmt: skip
# Whole numbers as text are seconds, milliseconds, microseconds or nanoseconds by their size:
# docs.snowflake.com/en/sql-reference/functions/to_timestamp.
_TEXT_TO_TIMESTAMP = """CASE WHEN TRY_CAST({0} AS BIGINT) IS NULL THEN CAST({0} AS TIMESTAMP)
 WHEN abs(TRY_CAST({0} AS BIGINT)) < 31536000000 THEN make_timestamp(TRY_CAST({0} AS BIGINT) * 1000000)
 WHEN abs(TRY_CAST({0} AS BIGINT)) < 31536000000000 THEN make_timestamp(TRY_CAST({0} AS BIGINT) * 1000)
 WHEN abs(TRY_CAST({0} AS BIGINT)) < 31536000000000000 THEN make_timestamp(TRY_CAST({0} AS BIGINT))
 ELSE make_timestamp(TRY_CAST({0} AS BIGINT) // 1000) END"""
_SCALED_TO_TIMESTAMP = {
    "3": "make_timestamp(CAST({0} AS BIGINT) * 1000)",
    "6": "make_timestamp(CAST({0} AS BIGINT))",
    "9": "make_timestamp(CAST({0} AS BIGINT) // 1000)",
}


def rewrite_function(node: exp.Expr) -> exp.Expr:
    """Return a node of Snowflake SQL with TO_BINARY, TRY_TO_… and casts to VARIANT put in known terms."""
    if isinstance(node, exp.ToBinary):
        return _rewrite_binary(node)
    if isinstance(node, exp.Cast) and node.to.this.name in _VARIANT_TYPES:
        inner: exp.Expr = node.this
        return inner
    name = node.name.upper() if isinstance(node, exp.Anonymous) else _function_name(node)
    arguments = node.expressions if isinstance(node, exp.Anonymous) else [node.this]
    if name in _TRY_CASTS and len(arguments) == 1:
        return exp.TryCast(this=arguments[0], to=exp.DataType.build(_TRY_CASTS[name], dialect="duckdb"))
    return node


def _function_name(node: exp.Expr) -> str:
    return str(node.sql_name()) if isinstance(node, exp.Func) else ""


def _rewrite_binary(node: exp.ToBinary) -> exp.Expr:
    encoding = node.args["format"].name.upper() if node.args.get("format") else "HEX"
    function = {"HEX": "UNHEX", "BASE64": "FROM_BASE64", "UTF-8": "ENCODE", "UTF8": "ENCODE"}.get(encoding)
    if function is None:
        raise syntax_error(f"invalid format '{encoding}' for TO_BINARY: HEX, BASE64 or UTF-8")
    converted = exp.Anonymous(this=function, expressions=[node.this])
    return exp.Anonymous(this="TRY", expressions=[converted]) if node.args.get("safe") else converted


def rewrite_timestamps(select: exp.Expr, file_format: FileFormat) -> exp.Expr:
    """Return duckdb SQL with the conversions to TIMESTAMP_NTZ exact to the microsecond and true to the file's types."""

    def rewrite(node: exp.Expr) -> exp.Expr:
        if not (isinstance(node, exp.Anonymous) and node.name.upper() == "_FS_TO_TIMESTAMP"):
            return node
        value = node.expressions[0].transform(rewrite).sql("duckdb")
        scale = node.expressions[1].sql("duckdb")
        if scale in _SCALED_TO_TIMESTAMP:
            template = _SCALED_TO_TIMESTAMP[scale]
        else:
            template = "CAST({0} AS TIMESTAMP)" if file_format.type == "PARQUET" else _TEXT_TO_TIMESTAMP
        return sqlglot.parse_one(template.format(f"({value})"), read="duckdb")

    return select.transform(rewrite)
