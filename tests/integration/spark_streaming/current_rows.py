"""What a reader of the ledger sees: the rows of the current set, and the newest version of each window."""

from __future__ import annotations

import pyarrow as pa

from connections.lake_files import parse_object
from connections.operations import read_operations, read_state
from pipeline_contract.outputs import derive_outputs
from tests.integration.spark_streaming.event_rows import Window
from tests.integration.spark_streaming.job_runs import Pipeline

AGGREGATE = "aggregates/hourly"


def read_files(pipeline: Pipeline, output: str, keys: list[str]) -> pa.Table:
    """The rows of these objects of an output."""
    ledger = pipeline.ledger()
    described = next(o for o in derive_outputs(pipeline.contract) if o.name == output)
    bodies = (ledger.s3.get_object(Bucket=ledger.bucket, Key=key)["Body"].read() for key in keys)
    return pa.concat_tables(parse_object(body, described) for body in bodies)


def current_rows(pipeline: Pipeline, output: str) -> pa.Table:
    """The rows of an output's current set, in the order of their passports."""
    rows = read_files(pipeline, output, list(read_state(pipeline.ledger()).current(output)))
    return rows.sort_by([("_partition", "ascending"), ("_offset", "ascending")])


def read_windows(pipeline: Pipeline) -> dict[Window, int]:
    """The newest version of each window in the lake: those published by the stream, by closing, and by backfills."""
    replaced = [f for operation in read_operations(pipeline.ledger()) for f in operation.files if f.output == AGGREGATE]
    versions = pipeline.list_rows(AGGREGATE).to_pylist()
    if replaced:
        versions += read_files(pipeline, AGGREGATE, [file.final_key for file in replaced]).to_pylist()
    versions.sort(key=lambda row: (row["_lineage"], row["_as_of"], "backfill" in row["_batch_id"], row["_batch_id"]))
    newest = {(row["window_start"], row["kind"]): row for row in versions}
    return {window: row["events"] for window, row in newest.items() if not row["_withdrawn"]}
