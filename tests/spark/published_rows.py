"""An ingest's ledger and curated files as the job leaves them, written without Spark, for streams that read them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from connections.lake_files import arrow_schema
from connections.ledger import Ledger
from pipeline_contract.layout import final_key, name_batch
from pipeline_contract.manifest import Lineage, Manifest, OffsetRange, PartitionCount, PublishedFile
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST
from spark_streaming.ingest import ingest_outputs
from tests.orders import ORDER, TOPIC, TOPIC_IDS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Order:
    """A curated row: its number, which is its offset too, and when it happened."""

    number: int
    at: datetime


@dataclass
class PublishedRows:
    """The published batches of one lineage of the pipeline `orders`, one after another."""

    s3: S3Client
    bucket: str
    contract: Contract
    lineage: str = "0001-abcdef"
    batches: int = 0
    offset: int = 0

    def __post_init__(self) -> None:
        self.ledger.register_lineage(
            Lineage(
                pipeline=TOPIC, query=INGEST, lineage=self.lineage, number=1, checkpoint="", contract_hash="",
                starts=(self._range(0),),
            )
        )  # fmt: skip

    @property
    def ledger(self) -> Ledger:
        """The ledger of the ingest."""
        return Ledger(self.s3, self.bucket, TOPIC, INGEST)

    def publish(self, orders: Sequence[Order]) -> Manifest:
        """Publish one batch whole."""
        manifest = self.put_manifest(orders)
        self.put_file(orders, manifest)
        return manifest

    def put_manifest(self, orders: Sequence[Order]) -> Manifest:
        """Put the manifest of the next batch alone, as a driver that dies before its copies does."""
        body, batch_id = self._encode(orders), name_batch(self.lineage, self.batches)
        key = final_key(TOPIC, "curated", "", batch_id, 0, "parquet")
        times = [order.at for order in orders]
        manifest = Manifest(
            pipeline=TOPIC, query=INGEST, lineage=self.lineage, batch=self.batches, epoch=1, attempt="a",
            contract_version=1, contract_hash="", ranges=(self._range(len(orders)),),
            counts=(
                PartitionCount(
                    topic=TOPIC, partition=0, raw=len(orders), curated=len(orders), rejected=0,
                    event_time_min=min(times), event_time_max=max(times),
                ),
            ),
            files=(
                PublishedFile(
                    output="curated", staged_key="", final_key=key, bytes=len(body), rows=len(orders),
                    sha256=hashlib.sha256(body).hexdigest(),
                ),
            ),
        )  # fmt: skip
        self.ledger.put_entry(manifest)
        self.batches += 1
        self.offset += len(orders)
        return manifest

    def put_file(self, orders: Sequence[Order], manifest: Manifest) -> None:
        """Put the file of a batch at its final key."""
        [file] = manifest.files
        self.s3.put_object(Bucket=self.bucket, Key=file.final_key, Body=self._encode(orders))

    def _range(self, count: int) -> OffsetRange:
        start = self.offset
        return OffsetRange(topic=TOPIC, topic_id=TOPIC_IDS[TOPIC], partition=0, start=start, end=start + count)

    def _encode(self, orders: Sequence[Order]) -> bytes:
        columns = ingest_outputs(self.contract)[1].columns
        rows = [
            dict.fromkeys(columns)
            | {
                "id": order.number, "at": order.at, "country": ORDER["country"], "count": order.number % 7,
                "_topic": TOPIC, "_topic_id": TOPIC_IDS[TOPIC], "_partition": 0, "_offset": order.number,
                "_event_time": order.at,
            }
            for order in orders
        ]  # fmt: skip
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(columns)), sink)
        return sink.getvalue()
