"""What each Snowflake object of a pipeline is called, and where in the bucket it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from connections.settings import Settings
from pipeline_contract.data_sets import DataSet
from pipeline_contract.ddl import quote_snowflake, snowflake_columns, way_columns, way_table_name
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_outputs import derive_staged
from pipeline_contract.layout import LAKE, OPERATIONS, operations_prefix, output_prefix
from pipeline_contract.outputs import Output, derive_outputs
from pipeline_contract.ways import TABLE_WAYS, TableWay, WayTables, derive_way_tables

# One storage integration for the whole lake: a new data set then needs no new trust between the two accounts.
STORAGE_INTEGRATION = "MILLRACE_LAKE"
ERROR_INTEGRATION = "MILLRACE_PIPE_ERRORS"
ERROR_TOPIC = "millrace-pipe-errors"


@dataclass(frozen=True)
class Target:
    """One output's way into the warehouse: its table, pipe, stage path and file format, as quoted SQL names."""

    output: Output
    table: str
    pipe: str
    pipe_name: str
    stage: str
    prefix: str  # lake/flights/curated/
    file_format: str
    view: str | None

    @property
    def name(self) -> str:
        """The table's bare name, as a person reads it."""
        return self.output.table

    def location(self) -> str:
        """Its folder as a COPY names it, `@"DB"."SCHEMA"."STAGE"/curated/`."""
        return f"@{self.stage}/{self.output.name}/"


class NamedTable(NamedTuple):
    """A table of a pipeline: its bare name, its full quoted one, and its columns with their Snowflake types."""

    name: str
    table: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Names:
    """The quoted SQL names that a pipeline's scripts share, and their place in the bucket.

    A set of events has no operations and no ways without files.
    """

    database: str
    schema: str
    stage: str
    lake_url: str  # s3://bucket/lake/
    stage_url: str  # s3://bucket/lake/flights/
    stage_prefix: str  # lake/flights/
    operations_stage: str | None
    operations_root_url: str  # s3://bucket/operations/
    operations_url: str  # s3://bucket/operations/flights/
    targets: tuple[Target, ...]
    ways: dict[TableWay, WayTables]

    @property
    def tables(self) -> tuple[NamedTable, ...]:
        """Every table of the pipeline: those that pipes fill, and those of the ways without files."""
        of_pipes = (NamedTable(t.name, t.table, snowflake_columns(t.output)) for t in self.targets)
        of_ways = (table for tables in self.ways.values() for table in tables)
        return (*of_pipes, *(NamedTable(t.name, way_table_name(t), way_columns(t)) for t in of_ways))

    @property
    def file_formats(self) -> dict[str, str]:
        """The file formats that the pipeline's outputs use: parquet, csv, or both."""
        return {target.output.format: target.file_format for target in self.targets}


def qualify(*parts: str) -> str:
    """A dotted name of quoted upper-case identifiers."""
    return ".".join(quote_snowflake(part) for part in parts)


def derive_names(contract: DataSet, settings: Settings) -> Names:
    """The names of everything that a data set has in Snowflake; one schema may hold several."""
    outputs: tuple[Output, ...]
    ways: dict[TableWay, WayTables] = {}
    if isinstance(contract, EventContract):
        outputs = (derive_staged(contract),)
    else:
        outputs, ways = derive_outputs(contract), {way: derive_way_tables(contract, way) for way in TABLE_WAYS}
    database, schema = contract.warehouse.database, contract.warehouse.schema_
    stage = qualify(database, schema, f"{contract.name}_LAKE")
    stage_prefix = f"{LAKE}/{contract.name}/"
    return Names(
        database=quote_snowflake(database),
        schema=qualify(database, schema),
        stage=stage,
        lake_url=f"s3://{settings.s3.bucket}/{LAKE}/",
        stage_url=f"s3://{settings.s3.bucket}/{stage_prefix}",
        stage_prefix=stage_prefix,
        operations_stage=qualify(database, schema, f"{contract.name}_OPERATIONS") if ways else None,
        operations_root_url=f"s3://{settings.s3.bucket}/{OPERATIONS}/",
        operations_url=f"s3://{settings.s3.bucket}/{operations_prefix(contract.name)}",
        targets=tuple(_derive_target(contract.name, stage, output) for output in outputs if output.has_pipe),
        ways=ways,
    )


def _derive_target(pipeline: str, stage: str, output: Output) -> Target:
    place = (output.database, output.schema)
    return Target(
        output=output,
        table=qualify(*place, output.table),
        pipe=qualify(*place, f"{output.table}_PIPE"),
        pipe_name=f"{output.table}_PIPE",
        stage=stage,
        prefix=output_prefix(pipeline, output.name),
        file_format=qualify(*place, f"{pipeline}_{output.format}"),
        view=qualify(*place, output.view) if output.view else None,
    )
