"""The DDL of an output, in Snowflake and in Athena; pure text, for reading, rendering and deploying."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline_contract.column_types import ColumnType
from pipeline_contract.layout import output_prefix
from pipeline_contract.model import Contract
from pipeline_contract.outputs import Output
from pipeline_contract.passport import LOAD_PASSPORT
from pipeline_contract.ways import WayTable

# Of a CSV file Athena's reader knows text only, and the files are gzip with a header line:
# docs.aws.amazon.com/athena/latest/ug/csv-serde.html, docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
_ATHENA_STORAGE = {
    "parquet": "STORED AS PARQUET",
    "csv": "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'\n"
    "WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '\"', 'escapeChar' = '\"')\n"
    "STORED AS TEXTFILE",
    "json": "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'\nSTORED AS TEXTFILE",
}


def quote_snowflake(name: str) -> str:
    """A name as a quoted Snowflake identifier in upper case, so that a query may write it in any case."""
    return '"' + name.upper().replace('"', '""') + '"'


def quote_athena(name: str) -> str:
    """A name as a quoted identifier of Athena's DDL, which is Hive's."""
    return "`" + name.replace("`", "``") + "`"


def snowflake_columns(output: Output) -> dict[str, str]:
    """The columns of an output's table in order, with their Snowflake types: the file's, then what COPY adds."""
    columns = {name: column_type.snowflake for name, column_type in output.columns.items()}
    return columns | {name: column_type.snowflake for name, (column_type, _) in LOAD_PASSPORT.items()}


def snowflake_table(output: Output) -> str:
    """The CREATE TABLE statement of an output's table in Snowflake."""
    return _create_table(_qualify(output.database, output.schema, output.table), snowflake_columns(output))


def way_columns(table: WayTable) -> dict[str, str]:
    """The columns of one table of a way that writes rows without files, with their Snowflake types."""
    return {name: kind.snowflake for name, kind in table.columns.items()}


def way_table(table: WayTable) -> str:
    """The CREATE TABLE statement of such a table."""
    return _create_table(way_table_name(table), way_columns(table))


def way_table_name(table: WayTable) -> str:
    """The full quoted name of such a table."""
    return _qualify(table.database, table.schema, table.name)


def _qualify(*parts: str) -> str:
    return ".".join(map(quote_snowflake, parts))


def _create_table(name: str, columns: Mapping[str, str]) -> str:
    quoted = {quote_snowflake(column): kind for column, kind in columns.items()}
    return f"CREATE TABLE IF NOT EXISTS {name} (\n{_list_columns(quoted)}\n);"


def athena_table(contract: Contract, output: Output, bucket: str) -> str:
    """The CREATE EXTERNAL TABLE statement that reads an output where it lies in the lake."""
    name = f"{contract.name}_{output.name.rsplit('/', 1)[-1]}"
    location = f"LOCATION 's3://{bucket}/{output_prefix(contract.name, output.name)}'"
    if output.format == "delta":  # columns and partitions stand in the table's own log
        return f"CREATE EXTERNAL TABLE {quote_athena(name)}\n{location}\nTBLPROPERTIES ('table_type' = 'DELTA');"
    columns = {quote_athena(n): "string" if _is_text(output, t) else t.glue for n, t in output.columns.items()}
    partitions = contract.lake.partition_by if output.kind == "curated" else {}
    lines = [
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {quote_athena(name)} (\n{_list_columns(columns)}\n)",
        *([f"PARTITIONED BY ({', '.join(f'{quote_athena(p)} string' for p in partitions)})"] if partitions else []),
        _ATHENA_STORAGE[output.format],
        location,
        *(["TBLPROPERTIES ('skip.header.line.count' = '1')"] if output.format == "csv" else []),
    ]
    return "\n".join(lines) + ";"


def _is_text(output: Output, kind: ColumnType) -> bool:
    """Whether Athena reads a value of these files as text, which a query then casts."""
    return output.format == "csv" or (output.format == "json" and kind.is_json_text)


def _list_columns(columns: Mapping[str, str]) -> str:
    width = max(map(len, columns))
    return ",\n".join(f"    {name:<{width}} {kind}" for name, kind in columns.items())
