"""Backfills and compactions of a built lake, as the Spark job leaves them, without Spark."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from connections.kafka import describe_topic_ids, read_topic
from connections.lake_files import parse_object
from connections.operations import IngestState, put_operation, read_state
from pipeline_contract.contract_file import hash_contract
from pipeline_contract.layout import carried_prefix, name_backfill, operation_prefix
from pipeline_contract.manifest import Backfill, Compaction, OperationFile
from pipeline_contract.outputs import Output
from spark_streaming.backfill_plan import take_snapshot
from tests.integration.reconciliation.lake_builder import BuiltLake, Row, encode_object, judge_message

Position = tuple[str, int, int]


@dataclass(frozen=True)
class WrittenBackfill:
    """A backfill whose files lie there and whose record does not yet."""

    operation: Backfill
    rows: int


def write_backfill(lake: BuiltLake, begin: datetime, end: datetime, with_rejected: bool = False) -> WrittenBackfill:
    """Plan and write a backfill; today's contract takes the price `free` for 0."""
    state, attempt = read_state(lake.ledger()), uuid4().hex
    number = state.next_number
    current = {kind: read_rows(lake, state, kind) for kind in ("curated", "rejected")}
    taken = {row_position(row) for row in current["curated"] if begin <= row["_event_time"] < end}
    if with_rejected:
        own = (row for row in current["rejected"] if row["_topic"] == lake.contract.topic.name)
        taken |= {row_position(row) for row in own if row["_event_time"] is None or begin <= row["_event_time"] < end}
    superseded = {
        kind: tuple(sorted({row["place"] for row in rows if row_position(row) in taken}))
        for kind, rows in current.items()
    }
    carried = {
        kind: [row for row in rows if row["place"] in superseded[kind] and row_position(row) not in taken]
        for kind, rows in current.items()
    }
    judged = judge_again(lake, taken, name_backfill(number))
    name = lake.contract.name
    operation = Backfill(
        pipeline=name, query="ingest", number=number, attempt=attempt, contract_version=1,
        contract_hash=hash_contract(lake.contract), source="raw", event_from=begin, event_to=end,
        with_rejected=with_rejected, snapshot=take_snapshot(state.manifests), counts=(), aggregates=(),
        replacements=put_files(lake, operation_prefix(name, attempt), judged),
        carried=put_files(lake, carried_prefix(name, attempt), carried),
        superseded={kind: keys for kind, keys in superseded.items() if keys},
    )  # fmt: skip
    return WrittenBackfill(operation, len(taken))


def publish_backfill(lake: BuiltLake, begin: datetime, end: datetime, with_rejected: bool = False) -> Backfill:
    """Publish a backfill."""
    operation = write_backfill(lake, begin, end, with_rejected).operation
    assert put_operation(lake.ledger(), operation)
    return operation


def write_compaction(lake: BuiltLake, kind: str) -> Compaction:
    """Plan and write the merge of all current files of an output into one."""
    state, attempt = read_state(lake.ledger()), uuid4().hex
    rows = read_rows(lake, state, kind)
    files = put_files(lake, operation_prefix(lake.contract.name, attempt), {kind: rows})
    return Compaction(
        pipeline=lake.contract.name, query="ingest", number=state.next_number, attempt=attempt, contract_version=1,
        contract_hash=hash_contract(lake.contract), files=files, superseded={kind: tuple(state.current(kind))},
    )  # fmt: skip


def publish_compaction(lake: BuiltLake, kind: str = "curated") -> Compaction:
    """Publish a compaction."""
    operation = write_compaction(lake, kind)
    assert put_operation(lake.ledger(), operation)
    return operation


def read_rows(lake: BuiltLake, state: IngestState, kind: str) -> list[Row]:
    """The rows of an output's current files, each with its file's key as `place`."""
    rows: list[Row] = []
    for key in state.current(kind):
        body = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
        rows += [row | {"place": key} for row in parse_object(body, lake.outputs[kind]).to_pylist()]
    return rows


def row_position(row: Row) -> Position:
    """Where a row's message stands."""
    return row["_topic_id"], row["_partition"], row["_offset"]


def judge_again(lake: BuiltLake, taken: set[Position], batch_id: str) -> dict[str, list[Row]]:
    """The rows of these messages as today's contract judges them, by output."""
    ids = describe_topic_ids(lake.settings.kafka, [lake.contract.topic.name])
    judged: dict[str, list[Row]] = {"curated": [], "rejected": []}
    for message in read_topic(lake.settings.kafka, lake.contract.topic.name):
        row = judge_message(lake, message, ids, batch_id, {"free": Decimal(0)})
        if row_position(row) in taken:
            judged[row["_kind"]].append(row)
    return judged


def put_files(lake: BuiltLake, prefix: str, rows_by_kind: dict[str, list[Row]]) -> tuple[OperationFile, ...]:
    """Write the rows of each output as one object below a prefix."""
    files = []
    for kind, rows in rows_by_kind.items():
        if rows:
            files.append(
                _put_file(lake, lake.outputs[kind], f"{prefix}{kind}/part-0.{lake.outputs[kind].extension}", rows)
            )
    return tuple(files)


def _put_file(lake: BuiltLake, output: Output, key: str, rows: list[Row]) -> OperationFile:
    body = encode_object(output, rows)
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=body)
    times = [time.replace(tzinfo=None) for time in _list_times(rows)]
    return OperationFile(
        output=output.name, final_key=key, bytes=len(body), rows=len(rows), sha256=hashlib.sha256(body).hexdigest(),
        event_time_min=min(times, default=None), event_time_max=max(times, default=None),
    )  # fmt: skip


def _list_times(rows: Iterable[Row]) -> list[Any]:
    return [row["_event_time"] for row in rows if row["_event_time"] is not None]
