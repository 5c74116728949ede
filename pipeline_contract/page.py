"""A pipeline on one page: all that its contract derives, as data and as text."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from pipeline_contract.contract_file import hash_contract
from pipeline_contract.ddl import athena_table, snowflake_table
from pipeline_contract.layout import output_prefix
from pipeline_contract.model import Contract
from pipeline_contract.outputs import UNKNOWN_COLUMN, Output, derive_outputs, queries

# The bucket is a setting of the environment, not of the contract.
BUCKET = "<bucket>"
_DAY_S = 86_400


def describe_pipeline(contract: Contract) -> dict[str, Any]:
    """All that a contract derives, as one JSON object."""
    outputs = derive_outputs(contract)
    curated = outputs[1]
    topic = contract.topic
    return {
        "pipeline": contract.name,
        "version": contract.version,
        "description": contract.description,
        "contract_hash": hash_contract(contract),
        "source": {"format": contract.source.format, "header": list(contract.headers)},
        "topic": {
            "name": topic.name,
            "rejected": topic.rejected,
            "progress": topic.progress,
            "key": list(topic.key),
            "partitions": topic.partitions,
            "retention_days": topic.retention.total_seconds() / _DAY_S,
            "max_message_bytes": topic.max_message_bytes,
            "value_format": topic.value_format,
        },
        "queries": list(queries(contract)),
        "columns": _describe_columns(contract, curated),
        "outputs": [_describe_output(contract, output) for output in outputs],
        "snowflake": snowflake_table(curated) if curated.has_pipe else "-- none: a Delta table is read in the lake",
        "athena": athena_table(contract, curated, BUCKET),
    }


def render_page(contract: Contract) -> RenderableType:
    """The same for a reader."""
    facts = describe_pipeline(contract)
    place = f"{contract.warehouse.database.upper()}.{contract.warehouse.schema_.upper()}"
    title = f"{contract.name}, version {contract.version} ({facts['contract_hash']})"
    return Group(
        Text(title, style="bold"),
        Text(contract.description),
        Text(),
        render_table("Columns of a curated row", facts["columns"]),
        render_table("Topic", [{"setting": name, "value": _show(value)} for name, value in facts["topic"].items()]),
        render_table(f"Outputs, as tables and views of {place}", [_shorten_output(row) for row in facts["outputs"]]),
        Text("Snowflake: the curated table", style="bold"),
        Syntax(facts["snowflake"], "sql", theme="ansi_dark", background_color="default"),
        Text(),
        Text("Athena: the same rows, queried where they lie", style="bold"),
        Syntax(facts["athena"], "sql", theme="ansi_dark", background_color="default"),
    )


def _describe_columns(contract: Contract, curated: Output) -> list[dict[str, str]]:
    origins = {column.name: f"source column {column.header}" for column in contract.columns}
    origins |= {column.name: f"lookup {lookup.name}" for lookup in contract.lookups for column in lookup.columns}
    origins |= {derived.name: f"derived: {derived.expression}" for derived in contract.derived}
    origins[UNKNOWN_COLUMN] = "fields that the contract does not know"
    required = {column.name for column in contract.columns if not column.nullable}
    return [
        {
            "column": name,
            "type": str(kind),
            "null": "no" if name in required else "yes",
            "Spark": kind.spark,
            "Snowflake": kind.snowflake,
            "Athena": kind.glue,
            "JSON": str(kind.json_schema["type"]),
            "from": origins.get(name, "passport"),
        }
        for name, kind in curated.columns.items()
    ]


def _describe_output(contract: Contract, output: Output) -> dict[str, str]:
    view = output.view or ""
    return {
        "output": output.name,
        "format": output.format,
        "prefix": f"s3://{BUCKET}/{output_prefix(contract.name, output.name)}",
        "table": f"{output.database}.{output.schema}.{output.table}" if output.has_pipe else "",
        "view": f"{output.database}.{output.schema}.{view}" if view else "",
    }


def _shorten_output(facts: dict[str, str]) -> dict[str, str]:
    """The same with bare names of table and view, so that a row fits a line."""
    return facts | {key: facts[key].rsplit(".", 1)[-1] for key in ("table", "view")}


def render_table(title: str, rows: list[dict[str, str]]) -> Table:
    """Rows of the same keys as a table with a title."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row.values()))
    return table


def _show(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else f"{value:g}" if isinstance(value, float) else str(value)
