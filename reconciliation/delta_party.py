"""A Delta table as a party: the rows that a reader of its log sees, and the batches that the log has committed."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from connections.delta_table import LakeTable
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.model import Contract
from pipeline_contract.outputs import Output, derive_outputs
from reconciliation.lake_party import read_lake_object
from reconciliation.object_store import list_objects
from reconciliation.row_keys import empty_zone, make_zone
from reconciliation.warehouse_party import Load, WarehouseTable, table_schema

# The name that `layout.final_key` gives to a batch's file.
_KEY = re.compile(r".*/(?P<lineage>[^/]+)-(?P<batch>\d{10})-\d{4}\.parquet")


def list_delta(contract: Contract) -> list[Output]:
    """The outputs that are Delta tables."""
    return [output for output in derive_outputs(contract) if output.format == "delta"]


def open_delta_table(settings: Settings, contract: Contract, output: Output) -> LakeTable:
    """The Delta table of an output."""
    return LakeTable(settings.s3, contract.name, output.name)


def read_delta_table(settings: Settings, contract: Contract, output: Output) -> WarehouseTable:
    """The table's rows, and as its load history the published files that its log has committed.

    The log comes first, so that what it calls committed is in the files read after it.
    """
    table, schema = open_delta_table(settings, contract, output), table_schema(output)
    if not table.exists():
        return WarehouseTable(output, schema.empty_table(), empty_zone(), trouble="there is no Delta log yet")
    history = read_commits(settings, table)
    s3, keys = open_s3(settings.s3), [file.key for file in table.list_files()]
    with ThreadPoolExecutor(max_workers=8) as pool:
        read = list(pool.map(lambda key: read_lake_object(s3, settings.s3.bucket, key, output), keys))
    rows = pa.concat_tables([schema.empty_table(), *(found[1] for found in read if found)])
    return WarehouseTable(output, rows, make_zone(rows), history)


def read_commits(settings: Settings, table: LakeTable) -> dict[str, Load]:
    """The published files of the batches that the table's log has committed, by key."""
    if not table.exists():
        return {}
    named = [(key, match) for key in list_objects(open_s3(settings.s3), settings.s3.bucket, table.prefix)
             if (match := _KEY.fullmatch(key))]  # fmt: skip
    versions = {lineage: table.last_version(lineage) for lineage in {match["lineage"] for _, match in named}}
    return {
        key: Load("Loaded")
        for key, match in named
        if (last := versions[match["lineage"]]) is not None and int(match["batch"]) <= last
    }
