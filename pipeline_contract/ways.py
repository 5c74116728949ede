"""The ways from the topic to a table: what each is called, its consumer group, its prefix, its tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pipeline_contract.column_types import BIGINT, INTEGER, STRING, TIMESTAMP, ColumnType
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, curated_columns
from pipeline_contract.passport import PASSPORT

# lake: Spark and Snowpipe; the others are the consumer's, with the destination that each writes to.
Way = Literal["lake", "direct", "s3", "lambda"]
TableWay = Literal["direct", "lambda"]
TABLE_WAYS: tuple[TableWay, ...] = ("direct", "lambda")
_WAYS: dict[str, Way] = {"snowflake": "direct", "s3": "s3", "lambda": "lambda"}

LOADED_AT = "_loaded_at"
# Which offsets of a partition are in the tables: all from `first_offset` up to, and without, `next_offset`. The scripts
# insert a row for each partition, without id and offsets, as there is no unique key that would refuse a second first one.
OFFSET_COLUMNS: dict[str, ColumnType] = {
    "_topic": STRING,
    "_topic_id": STRING,
    "_partition": INTEGER,
    "first_offset": BIGINT,
    "next_offset": BIGINT,
    "_batch_id": STRING,
}


@dataclass(frozen=True)
class WayTable:
    """One table of a way without files: its name, and its columns in order, the time of its insert last."""

    kind: Literal["curated", "rejected", "offsets"]
    database: str
    schema: str
    name: str
    written: dict[str, ColumnType]

    @property
    def columns(self) -> dict[str, ColumnType]:
        """All its columns; the last one is filled by the warehouse's clock."""
        return self.written | {LOADED_AT: TIMESTAMP}


@dataclass(frozen=True)
class WayTables:
    """The tables of a way without files. Rows, and the offsets they came from, are written in one transaction."""

    curated: WayTable
    rejected: WayTable
    offsets: WayTable

    def __iter__(self) -> Iterator[WayTable]:
        return iter((self.curated, self.rejected, self.offsets))


def name_way(destination: str) -> str:
    """The way that ends at this destination of the consumer; a destination of others is a way of its own name."""
    return _WAYS.get(destination, destination)


def name_group(pipeline: str, way: str) -> str:
    """The consumer group of a way."""
    return f"millrace-{pipeline}-{way}"


def s3_way_prefix(pipeline: str, output: str) -> str:
    """The prefix of an output's objects that the way `s3` writes; no pipe covers it."""
    return f"ways/s3/{pipeline}/{output}/"


def list_way_partitions(contract: Contract) -> list[tuple[str, int]]:
    """The partitions of both topics that a way reads."""
    topic = contract.topic
    return [*((topic.name, number) for number in range(topic.partitions)), (topic.rejected, 0)]


def derive_way_tables(contract: Contract, way: TableWay) -> WayTables:
    """The tables of a way that writes rows to the warehouse without files."""
    table = f"{contract.warehouse.table}_{way}".upper()
    place = (contract.warehouse.database.upper(), contract.warehouse.schema_.upper())
    return WayTables(
        WayTable("curated", *place, table, curated_columns(contract) | PASSPORT),
        WayTable("rejected", *place, f"{table}_REJECTED", REJECTED_COLUMNS | PASSPORT),
        WayTable("offsets", *place, f"{table}_OFFSETS", OFFSET_COLUMNS),
    )
