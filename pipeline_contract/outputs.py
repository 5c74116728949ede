"""What a pipeline leaves in the lake and in the warehouse: one description for files, tables, pipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline_contract.column_types import BIGINT, BINARY, BOOLEAN, STRING, TIMESTAMP, ColumnType
from pipeline_contract.model import Aggregate, Contract, LakeFormat
from pipeline_contract.passport import PASSPORT

Kind = Literal["raw", "curated", "rejected", "aggregate", "late", "staged"]
INGEST = "ingest"
LATE_PREFIX = "late/"

RAW_COLUMNS: dict[str, ColumnType] = {"key": BINARY, "value": BINARY, "_kafka_timestamp": TIMESTAMP}
REJECTED_COLUMNS: dict[str, ColumnType] = {
    "stage": STRING,  # producer, decode, rules or dedupe
    "reason": STRING,  # the first reason, such as type:dep_time, for counting
    "reasons": STRING,  # every reason, as a JSON array of {"reason", "column", "found"}
    "value": BINARY,
}
# The fields that the contract does not know, as a JSON object; a column of curated rows under that policy only.
UNKNOWN_COLUMN = "_unknown"
WINDOW_COLUMNS: dict[str, ColumnType] = {"window_start": TIMESTAMP, "window_end": TIMESTAMP}
# `_as_of` is the number of offsets that the query had read when it computed the window: of two versions of one window
# the one of the later lineage is the newer, and in one lineage the one as of more. A withdrawn version says that there is
# no such window any more.
AGGREGATE_PASSPORT: dict[str, ColumnType] = {
    "_topic": STRING,
    "_lineage": STRING,
    "_as_of": BIGINT,
    "_withdrawn": BOOLEAN,
    "_batch_id": STRING,
}
# The data files of a Delta table are Parquet.
_EXTENSIONS: dict[LakeFormat, str] = {"parquet": "parquet", "csv": "csv.gz", "json": "json.gz", "delta": "parquet"}


@dataclass(frozen=True)
class FileOutput:
    """One kind of rows as files: its place in the lake, their format, their columns in order."""

    kind: Kind
    name: str  # raw, curated, rejected, aggregates/<name>, late/<name> or delivered
    format: LakeFormat
    columns: dict[str, ColumnType]

    @property
    def extension(self) -> str:
        """The ending of its files."""
        return _EXTENSIONS[self.format]


@dataclass(frozen=True)
class Output(FileOutput):
    """One kind of rows that the warehouse has too: its table, and the view over it, if any."""

    database: str
    schema: str
    table: str
    view: str | None = None

    @property
    def has_pipe(self) -> bool:
        """Whether Snowpipe loads its files; a pipe would load files that a Delta log has replaced, so there is none."""
        return self.format != "delta"


def curated_columns(contract: Contract) -> dict[str, ColumnType]:
    """The columns of a curated row before its passport: source columns, lookups, derived; dropped ones are gone.

    The fields that the contract does not know come last, where its policy adds them.
    """
    columns = {c.name: c.output_type for c in contract.columns if c.protect != "drop"}
    columns |= {column.name: column.type for lookup in contract.lookups for column in lookup.columns}
    columns |= {derived.name: derived.type for derived in contract.derived}
    return columns | ({UNKNOWN_COLUMN: STRING} if contract.drift.unknown_columns == "add" else {})


def aggregate_columns(contract: Contract, aggregate: Aggregate) -> dict[str, ColumnType]:
    """The columns of an aggregate's row before its passport: the window, the groups, the measures."""
    curated = curated_columns(contract)
    groups = {name: curated[name] for name in aggregate.group_by}
    return WINDOW_COLUMNS | groups | {measure.name: measure.type for measure in aggregate.measures}


def derive_outputs(contract: Contract) -> tuple[Output, ...]:
    """Every output of a pipeline, in the order raw, curated, rejected, aggregates."""
    table = contract.warehouse.table.upper()
    place = {"database": contract.warehouse.database.upper(), "schema": contract.warehouse.schema_.upper()}
    curated = curated_columns(contract) | PASSPORT
    return (
        Output("raw", "raw", "parquet", RAW_COLUMNS | PASSPORT, table=f"{table}_RAW", **place),
        Output("curated", "curated", contract.lake.format, curated, table=table, **place),
        Output("rejected", "rejected", "parquet", REJECTED_COLUMNS | PASSPORT, table=f"{table}_REJECTED", **place),
        *(derive_aggregate(contract, aggregate) for aggregate in contract.aggregates),
    )


def derive_messages() -> FileOutput:
    """The raw rows of a batch where the contract has no raw zone: they are staged, counted, and never published."""
    return FileOutput("raw", "messages", "parquet", RAW_COLUMNS | PASSPORT)


def derive_aggregate(contract: Contract, aggregate: Aggregate) -> Output:
    """The output of one aggregate: its table keeps every version of a window, its view shows the newest."""
    view = f"{contract.warehouse.table}_{aggregate.name}".upper()
    return Output(
        "aggregate",
        f"aggregates/{aggregate.name}",
        "parquet",
        aggregate_columns(contract, aggregate) | AGGREGATE_PASSPORT,
        database=contract.warehouse.database.upper(),
        schema=contract.warehouse.schema_.upper(),
        table=f"{view}_VERSIONS",
        view=view,
    )


def derive_late(aggregate: Aggregate) -> FileOutput:
    """The files of the rows that came too late for windows of an aggregate, a row for each such window; in no table."""
    return FileOutput("late", f"{LATE_PREFIX}{aggregate.name}", "parquet", WINDOW_COLUMNS | PASSPORT)


def queries(contract: Contract) -> tuple[str, ...]:
    """The streaming queries of a pipeline: the ingest, and one for each aggregate."""
    return (INGEST, *(aggregate_query(aggregate) for aggregate in contract.aggregates))


def aggregate_query(aggregate: Aggregate) -> str:
    """The name of an aggregate's streaming query."""
    return f"aggregate-{aggregate.name}"
