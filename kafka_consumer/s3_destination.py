"""The destination `s3`: each range of offsets is claimed by one small object before any of its rows is put.

Two consumers that hold one partition, or one that comes back after its time, meet in the claims: who is later finds the
range taken, puts what is missing of it, and goes on behind it. So every message is in exactly one object, however the
batches of each attempt were cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connections.kafka import read_range
from connections.row_judging import open_judge
from connections.s3 import open_s3
from connections.settings import KafkaSettings, Settings
from kafka_consumer.claims_ledger import ClaimsLedger
from kafka_consumer.destination import Batch, Partition, Slice, Written
from kafka_consumer.row_objects import RowObject, build_objects
from pipeline_contract.claims import Claim
from pipeline_contract.contract_file import hash_contract
from pipeline_contract.manifest import OffsetRange
from pipeline_contract.model import Contract
from pipeline_contract.partition_paths import compile_partition
from pipeline_contract.row_judge import Message, RowJudge

OUTPUTS = ("curated", "rejected")


def open_s3_destination(contract: Contract, settings: Settings) -> S3Destination:
    """The destination of the way `s3`; a contract that needs Spark is refused here."""
    ledger = ClaimsLedger(open_s3(settings.s3), settings.s3.bucket, contract.name)
    return S3Destination(contract, settings.kafka, ledger, open_judge(contract, settings))


class S3Destination:
    """Writes batches as Parquet objects below `ways/s3/<pipeline>/`."""

    def __init__(self, contract: Contract, kafka: KafkaSettings, ledger: ClaimsLedger, judge: RowJudge) -> None:
        self._contract = contract
        self._kafka = kafka
        self._ledger = ledger
        self._judge = judge
        self._find_path = compile_partition(contract)
        self._hash = hash_contract(contract)
        self._ends: dict[Partition, int] = {}

    def resume(self, committed: Mapping[Partition, int | None]) -> Mapping[Partition, int | None]:
        """Behind the last claim of each partition, or at its begin while objects of it are missing."""
        starts: dict[Partition, int | None] = {}
        for partition in committed:
            last = self._ledger.find_last(partition)
            whole = last is not None and self._ledger.is_complete(last)
            starts[partition] = None if last is None else last.range.end if whole else last.range.start
            # Not where the consumer will begin to read: before that there may be markers, or expired messages.
            self._ends[partition] = starts[partition] or 0
        return starts

    def write(self, batch: Batch) -> Written:
        """Claim the range of each slice and put its objects, or complete what another consumer has claimed there."""
        claims = {piece.partition: self._write_slice(piece, batch.id) for piece in batch.slices}
        ends = {partition: claim.range.end for partition, claim in claims.items()}
        self._ends |= ends
        own = [claim for claim in claims.values() if claim.batch_id == batch.id]
        return Written(ends, {output: sum(claim.rows(output) for claim in own) for output in OUTPUTS})

    def close(self) -> None:
        """Nothing is held open."""

    def _write_slice(self, piece: Slice, batch_id: str) -> Claim:
        """The claim that has the range where the slice begins; all of its objects are there when this returns."""
        # The range begins where the one before it ends, so that all consumers put its claim at one key.
        claimed = _make_range(piece.partition, self._ends.get(piece.partition, piece.first), piece.end)
        objects = self._build(piece.messages, claimed, batch_id)
        own = Claim(
            pipeline=self._contract.name,
            contract_version=self._contract.version,
            contract_hash=self._hash,
            batch_id=batch_id,
            range=claimed,
            objects=tuple(item.claimed for item in objects),
        )
        found = self._ledger.take(own, piece.partition)
        if found.batch_id == batch_id:
            self._ledger.put_objects(found, objects)
        elif not self._ledger.is_complete(found):
            messages = self._read_again(piece.partition, found.range)
            self._ledger.put_objects(found, self._build(messages, found.range, found.batch_id))
        return found

    def _build(self, messages: Iterable[Message], claimed: OffsetRange, batch_id: str) -> tuple[RowObject, ...]:
        judged = self._judge.judge(messages, batch_id)
        return build_objects(self._contract, self._find_path, judged, claimed)

    def _read_again(self, partition: Partition, claimed: OffsetRange) -> list[Message]:
        """The messages of a range that another consumer has claimed."""
        records = read_range(self._kafka, partition.topic, partition.number, claimed.start, claimed.end)
        return [Message(*partition, record.offset, record.timestamp_ms, record.key, record.value) for record in records]


def _make_range(partition: Partition, start: int, end: int) -> OffsetRange:
    return OffsetRange(
        topic=partition.topic, topic_id=partition.topic_id, partition=partition.number, start=start, end=end
    )
