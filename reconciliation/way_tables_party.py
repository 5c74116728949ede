"""The tables of a way that writes rows to the warehouse without files, as a party."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import pairwise

import pyarrow as pa

from connections.lake_files import arrow_schema
from connections.settings import Settings
from connections.warehouse import Connection, StatementFailed, open_warehouse, run_query
from pipeline_contract.ddl import quote_snowflake, way_table_name
from pipeline_contract.manifest import OffsetRange
from pipeline_contract.model import Contract
from pipeline_contract.ways import TableWay, WayTable, derive_way_tables
from reconciliation.accounts import Reading
from reconciliation.findings import Finding
from reconciliation.warehouse_party import cast_rows, fetch_columns
from reconciliation.way_sight import EndRows, WaySight


def read_way_tables(settings: Settings, contract: Contract, way: TableWay) -> WaySight:
    """The tables of a way: the offsets first, so that rows of all that they name are in what is read after them."""
    tables = derive_way_tables(contract, way)
    with closing(open_warehouse(settings.warehouse)) as connection:
        try:
            ranges = read_ranges(connection, tables.offsets)
            curated, rejected = (read_rows(connection, table) for table in (tables.curated, tables.rejected))
        except StatementFailed as error:
            if not error.is_about_nothing:
                raise
            curated, rejected = (
                EndRows(t.name, end_schema(t).empty_table()) for t in (tables.curated, tables.rejected)
            )
            return WaySight(curated, rejected, Reading({}), trouble=error.reason)
    ends = {place: max(r.end for r in of) for place, of in group_ranges(ranges).items()}
    findings = tuple(find_overlaps(tables.offsets.name, ranges))
    return WaySight(curated, rejected, Reading(ends, tuple(find_gaps(ranges))), findings)


def read_ranges(connection: Connection, table: WayTable) -> list[OffsetRange]:
    """The ranges of offsets of which the way says that their rows are in the tables."""
    columns = ("_topic", "_topic_id", "_partition", "first_offset", "next_offset")
    names = ", ".join(quote_snowflake(name) for name in columns)
    statement = f"SELECT {names} FROM {way_table_name(table)}"  # noqa: S608 - quoted names
    return [
        OffsetRange(
            topic=row["_TOPIC"],
            topic_id=row["_TOPIC_ID"],
            partition=row["_PARTITION"],
            start=row["FIRST_OFFSET"],
            end=row["NEXT_OFFSET"],
        )
        for row in run_query(connection, statement)
        if row["NEXT_OFFSET"] is not None
    ]


def read_rows(connection: Connection, table: WayTable) -> EndRows:
    """All rows of a table, in the contract's types."""
    schema = end_schema(table)
    found = fetch_columns(connection, way_table_name(table), [*table.written])
    rows, odd = cast_rows((add_place(batch) for batch in found), schema)
    return EndRows(table.name, rows, odd)


def end_schema(table: WayTable) -> pa.Schema:
    """The columns of a table's rows, and the place that they have not."""
    return arrow_schema(table.written).append(pa.field("place", pa.string()))


def add_place(rows: pa.Table) -> pa.Table:
    """The rows with an empty place."""
    return rows.append_column("place", pa.nulls(rows.num_rows, pa.string()))


def group_ranges(ranges: Sequence[OffsetRange]) -> Mapping[tuple[str, int], list[OffsetRange]]:
    """The ranges of each topic id and partition, by their start."""
    groups: dict[tuple[str, int], list[OffsetRange]] = defaultdict(list)
    for r in sorted(ranges, key=lambda r: (r.topic, r.partition, r.start)):
        groups[r.topic_id, r.partition].append(r)
    return groups


def find_gaps(ranges: Sequence[OffsetRange]) -> Iterator[OffsetRange]:
    """What lies between the ranges of a partition: it is on its way, as later batches may overtake earlier ones."""
    for of in group_ranges(ranges).values():
        for before, after in pairwise(of):
            if after.start > before.end:
                yield before.model_copy(update={"start": before.end, "end": after.start})


def find_overlaps(table: str, ranges: Sequence[OffsetRange]) -> Iterator[Finding]:
    """Ranges of a partition that say of the same offsets that they are in the tables."""
    for of in group_ranges(ranges).values():
        for before, after in pairwise(of):
            if after.start < before.end:
                text = f"{before.topic} partition {before.partition}: offsets {after.start} to {before.end} stand twice"
                yield Finding("altered", f"table {table}", text)
