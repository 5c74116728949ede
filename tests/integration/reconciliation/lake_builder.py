"""A lake in the shape that the Spark job leaves, without Spark: a real replay, objects with manifests, real pipes."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from typer import Typer
from typer.testing import CliRunner, Result

from connections.kafka import TopicRecord, describe_topic_ids, read_topic
from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import Settings
from kafka_producer.__main__ import app as producer
from pipeline_contract.contract_file import hash_contract, load_contract
from pipeline_contract.layout import final_key, name_batch, staging_prefix
from pipeline_contract.manifest import Lineage, Manifest, OffsetRange, PartitionCount, PublishedFile
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST, Output, aggregate_query, derive_outputs
from snowflake_integration.__main__ import app as warehouse

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Row = dict[str, Any]
LINEAGE = "0001-abcdef"
START = datetime(2024, 5, 1, 10, tzinfo=UTC)
CONTRACT = """
name = "{name}"
version = 1

[topic]
name = "{name}"
partitions = 2
key = ["id"]

[event_time]
column = "at"

[lake]
format = "{lake_format}"

[warehouse]
schema = "{name}"
table = "orders"

[[column]]
name = "id"
type = "bigint"
nullable = false

[[column]]
name = "at"
type = "timestamp"
nullable = false

[[column]]
name = "country"
type = "string"

[[column]]
name = "price"
type = "decimal(12,2)"

[[column]]
name = "weight"
type = "double"

[[aggregate]]
name = "hourly"
window = "1 hour"
group_by = ["country"]
measures = [{{ name = "orders", type = "bigint", expression = "count(*)" }}]
"""
_ARROW = {
    "string": pa.string(), "integer": pa.int32(), "bigint": pa.int64(), "double": pa.float64(),
    "timestamp": pa.timestamp("us"), "binary": pa.binary(), "decimal": pa.decimal128(12, 2), "boolean": pa.bool_(),
}  # fmt: skip


@dataclass(frozen=True)
class BuiltLake:
    """One pipeline of the tests and where its services are; `variables` point any command at them."""

    settings: Settings
    variables: dict[str, str]
    contract_file: Path
    contract: Contract
    source: Path

    @property
    def s3(self) -> S3Client:
        return open_s3(self.settings.s3)

    @property
    def bucket(self) -> str:
        return self.settings.s3.bucket

    @property
    def outputs(self) -> dict[str, Output]:
        return {output.kind: output for output in derive_outputs(self.contract)}

    def table(self, kind: str) -> str:
        output = self.outputs[kind]
        return f'"{output.database}"."{output.schema}"."{output.table}"'

    def run(self, app: Typer, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env=self.variables)

    def must(self, app: Typer, *arguments: str) -> str:
        result = self.run(app, *arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def replay(self, *options: str) -> None:
        self.replay_file(self.source, *options)

    def replay_file(self, path: Path, *options: str) -> None:
        self.must(producer, "replay", str(self.contract_file), str(path), "--quiet", *options)

    def deploy(self) -> None:
        self.must(warehouse, "deploy", str(self.contract_file), "--quiet")

    def wait_loaded(self) -> None:
        self.must(warehouse, "wait-loaded", str(self.contract_file), "--quiet")

    def ledger(self, query: str = INGEST) -> Ledger:
        return Ledger(self.s3, self.bucket, self.contract.name, query)

    def keys(self, kind: str) -> list[str]:
        prefix = f"lake/{self.contract.name}/{self.outputs[kind].name}/"
        listing = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in listing.get("Contents", [])]


def build_rows(count: int) -> list[list[str]]:
    """Rows of orders, one a minute; every tenth has a wrong price, and the last has one field too many."""
    rows = []
    for number in range(count):
        at = (START + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        country = ["DE", "FR", "", 'say "hi",\nü 🙂'][number % 4]
        price = "free" if number % 10 == 9 else f"{number}.50"
        rows.append([str(number), at, country, price, f"{number / 3!r}"])
    rows[-1].append("surplus")
    return rows


def write_source(path: Path, rows: Iterable[list[str]]) -> Path:
    """The rows as a CSV file of the contract's columns."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([["id", "at", "country", "price", "weight"], *rows])
    return path


def build_lake(
    folder: Path, settings: Settings, variables: dict[str, str], name: str, rows: int = 40, lake_format: str = "parquet"
) -> BuiltLake:
    """A contract and a source; nothing is sent yet."""
    contract_file = folder / f"{name}.toml"
    contract_file.write_text(CONTRACT.format(name=name, lake_format=lake_format), encoding="utf-8")
    source = write_source(folder / "orders.csv", build_rows(rows))
    return BuiltLake(settings, variables, contract_file, load_contract(contract_file), source)


def publish(lake: BuiltLake, batches: int = 2, copied: bool = True) -> list[Manifest]:
    """Publish every message that is not in the ledger yet, in so many batches; the last one's hour stays open."""
    topic = lake.contract.topic
    ids = describe_topic_ids(lake.settings.kafka, [topic.name, topic.rejected])
    ledger, position = lake.ledger(), lake.ledger().read_position()
    ends = {(r.topic, r.partition): r.end for r in position.manifest.ranges} if position.manifest else {}
    messages = [
        message
        for name in ids
        for message in read_topic(lake.settings.kafka, name)
        if message.offset >= ends.get((name, message.partition), 0)
    ]
    places = sorted({(m.topic, m.partition) for m in messages} | set(ends))
    if position.lineage is None:
        ledger.register_lineage(_lineage(lake, INGEST, _ranges(ids, places, {}, {})))
    first = position.manifest.batch + 1 if position.manifest else 0
    manifests = []
    for number in range(batches):
        part = messages[number::batches] if batches == 1 else _slice(messages, number, batches)
        stops = dict(ends)
        for message in part:
            place = (message.topic, message.partition)
            stops[place] = max(stops.get(place, 0), message.offset + 1)
        ranges = _ranges(ids, places, ends, stops)
        manifests.append(_publish_batch(lake, ids, part, ranges, first + number, copied or number < batches - 1))
        ends = stops
    return manifests


def publish_windows(lake: BuiltLake) -> None:
    """Publish the aggregate's windows up to a watermark that leaves the newest hour open."""
    rows = [row for row in _judge_all(lake) if row["_kind"] == "curated"]
    counts: dict[tuple[datetime, str | None], int] = defaultdict(int)
    for row in rows:
        counts[row["at"].replace(minute=0, second=0), row["country"]] += 1
    watermark = max(start for start, _ in counts)
    output, query = lake.outputs["aggregate"], aggregate_query(lake.contract.aggregates[0])
    batch_id = name_batch(LINEAGE, 0)
    windows = [
        {
            "window_start": start,
            "window_end": start + timedelta(hours=1),
            "country": country,
            "orders": orders,
            "_topic": lake.contract.topic.name,
            "_lineage": LINEAGE,
            "_as_of": len(rows),
            "_withdrawn": False,
            "_batch_id": batch_id,
        }
        for (start, country), orders in counts.items()
        if start < watermark
    ]
    files = _put_files(lake, query, batch_id, {output.name: (output, windows)}, copied=True)
    ledger = lake.ledger(query)
    ledger.register_lineage(_lineage(lake, query, ()))
    ledger.put_entry(_manifest(lake, query, 0, (), (), files, watermark))


def _slice(messages: list[TopicRecord], number: int, batches: int) -> list[TopicRecord]:
    """The n-th part of each partition, so that its offsets follow one another."""
    by_place: dict[tuple[str, int], list[TopicRecord]] = defaultdict(list)
    for message in messages:
        by_place[message.topic, message.partition].append(message)
    return [
        message
        for part in by_place.values()
        for message in part[len(part) * number // batches : len(part) * (number + 1) // batches]
    ]


def _publish_batch(
    lake: BuiltLake,
    ids: dict[str, str],
    messages: Iterable[TopicRecord],
    ranges: tuple[OffsetRange, ...],
    batch: int,
    copied: bool,
) -> Manifest:
    batch_id = name_batch(LINEAGE, batch)
    rows = [judge_message(lake, message, ids, batch_id) for message in messages]
    outputs = {
        kind: (lake.outputs[kind], [row for row in rows if kind in ("raw", row["_kind"])])
        for kind in ("raw", "curated", "rejected")
    }
    files = _put_files(lake, INGEST, batch_id, outputs, copied)
    counts = []
    for topic, partition in sorted({(row["_topic"], row["_partition"]) for row in rows}):
        here = [row for row in rows if (row["_topic"], row["_partition"]) == (topic, partition)]
        curated = sum(row["_kind"] == "curated" for row in here)
        counts.append(
            PartitionCount(
                topic=topic, partition=partition, raw=len(here), curated=curated, rejected=len(here) - curated,
                event_time_min=None, event_time_max=None,
            )
        )  # fmt: skip
    manifest = _manifest(lake, INGEST, batch, ranges, tuple(counts), files, None)
    assert lake.ledger().put_entry(manifest) == manifest
    return manifest


def _judge_all(lake: BuiltLake) -> list[Row]:
    ids = describe_topic_ids(lake.settings.kafka, [lake.contract.topic.name])
    return [
        judge_message(lake, message, ids, "") for message in read_topic(lake.settings.kafka, lake.contract.topic.name)
    ]


def judge_message(
    lake: BuiltLake,
    message: TopicRecord,
    ids: dict[str, str],
    batch_id: str,
    prices: Mapping[str, Decimal] | None = None,
) -> Row:
    """The message as the columns of all three outputs, and which of curated and rejected it belongs to.

    `prices` are those that the contract takes although they are no numbers.
    """
    value = json.loads(message.value or b"{}")
    of_producer = message.topic == lake.contract.topic.rejected
    row: Row = {
        "key": message.key,
        "value": message.value,
        "_kafka_timestamp": datetime.fromtimestamp(message.timestamp_ms / 1000, UTC),
        "_source_file": value["source_file" if of_producer else "_source_file"],
        "_source_line": value["source_line" if of_producer else "_source_line"],
        "_topic": message.topic,
        "_topic_id": ids[message.topic],
        "_partition": message.partition,
        "_offset": message.offset,
        "_event_time": None if of_producer else datetime.fromisoformat(value["at"]),
        "_batch_id": batch_id,
    }
    if of_producer:
        return row | _reject("producer", f"producer:{value['reason']}")
    try:
        known = prices or {}
        price = known[value["price"]] if value["price"] in known else Decimal(value["price"])
    except InvalidOperation:
        return row | _reject("decode", "type:price")
    return row | {
        "_kind": "curated", "id": int(value["id"]), "at": row["_event_time"], "country": value["country"] or None,
        "price": price, "weight": float(value["weight"]),
    }  # fmt: skip


def _reject(stage: str, reason: str) -> Row:
    return {"_kind": "rejected", "stage": stage, "reason": reason, "reasons": json.dumps([{"reason": reason}])}


def _put_files(
    lake: BuiltLake, query: str, batch_id: str, outputs: dict[str, tuple[Output, list[Row]]], copied: bool
) -> tuple[PublishedFile, ...]:
    files = []
    for output, rows in outputs.values():
        if not rows:
            continue
        body = encode_object(output, rows)
        staged = f"{staging_prefix(lake.contract.name, query, batch_id, 'attempt')}{output.name}/part-0"
        key = final_key(lake.contract.name, output.name, "", batch_id, 0, output.extension)
        lake.s3.put_object(Bucket=lake.bucket, Key=staged, Body=body)
        if copied:
            lake.s3.copy_object(Bucket=lake.bucket, Key=key, CopySource={"Bucket": lake.bucket, "Key": staged})
        digest = hashlib.sha256(body).hexdigest()
        files.append(
            PublishedFile(
                output=output.name, staged_key=staged, final_key=key, bytes=len(body), rows=len(rows), sha256=digest
            )
        )
    return tuple(files)


def encode_object(output: Output, rows: list[Row]) -> bytes:
    """The bytes of an object of these rows."""
    if output.format == "csv":
        lines = [",".join(output.columns), *(",".join(_csv(row[name]) for name in output.columns) for row in rows)]
        return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)
    columns = {
        name: pa.array([_naive(row[name]) for row in rows], _ARROW[kind.name]) for name, kind in output.columns.items()
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def _csv(value: Any) -> str:
    """One field as Spark's CSV writer writes it: nothing for null, quotes where they are needed and for empty text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if not text or set(text) & set(',"\n') else text


def _naive(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _ranges(
    ids: dict[str, str],
    places: Iterable[tuple[str, int]],
    starts: dict[tuple[str, int], int],
    ends: dict[tuple[str, int], int],
) -> tuple[OffsetRange, ...]:
    return tuple(
        OffsetRange(
            topic=topic, topic_id=ids[topic], partition=partition,
            start=starts.get((topic, partition), 0), end=ends.get((topic, partition), 0),
        )
        for topic, partition in places
    )  # fmt: skip


def _lineage(lake: BuiltLake, query: str, starts: tuple[OffsetRange, ...]) -> Lineage:
    return Lineage(
        pipeline=lake.contract.name, query=query, lineage=LINEAGE, number=1, checkpoint="none",
        contract_hash=hash_contract(lake.contract), starts=starts,
    )  # fmt: skip


def _manifest(
    lake: BuiltLake,
    query: str,
    batch: int,
    ranges: tuple[OffsetRange, ...],
    counts: tuple[PartitionCount, ...],
    files: tuple[PublishedFile, ...],
    watermark: datetime | None,
) -> Manifest:
    return Manifest(
        pipeline=lake.contract.name, query=query, lineage=LINEAGE, batch=batch, epoch=1, attempt="attempt",
        contract_version=1, contract_hash=hash_contract(lake.contract), ranges=ranges, counts=counts, files=files,
        watermark=watermark,
    )  # fmt: skip
