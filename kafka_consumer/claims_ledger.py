"""The claims of a pipeline in S3: who took which range of offsets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa

from connections.ledger_objects import LedgerObjects
from connections.row_hash import hash_parquet
from connections.s3 import object_exists
from kafka_consumer.destination import Partition
from kafka_consumer.row_objects import RowObject
from kafka_consumer.starts import check_topic_id
from pipeline_contract.claims import Claim, claims_prefix
from pipeline_contract.errors import PublishConflict

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


PUTS_AT_ONCE = 8


class ClaimsLedger:
    """Reads and takes ranges; whoever puts a claim first has the range, and nobody ever changes it."""

    def __init__(self, s3: S3Client, bucket: str, pipeline: str) -> None:
        self._s3 = s3
        self._objects = LedgerObjects(s3, bucket)
        self._pipeline = pipeline

    def find_last(self, partition: Partition) -> Claim | None:
        """The last claim of a partition; `TopicMismatch` where it is of another topic of that name."""
        keys = self._objects.list_keys(claims_prefix(self._pipeline, partition.topic, partition.number))
        return self._read(keys[-1], partition) if keys else None

    def take(self, claim: Claim, partition: Partition) -> Claim:
        """Put a claim unless its range is taken already; the claim that has the range now."""
        return claim if self._objects.put_once(claim.key, claim) else self._read(claim.key, partition)

    def is_complete(self, claim: Claim) -> bool:
        """Say whether every object of a claim is there."""
        return all(object_exists(self._s3, self._objects.bucket, claimed.key) for claimed in claim.objects)

    def put_objects(self, claim: Claim, objects: tuple[RowObject, ...]) -> None:
        """Put what is missing of a claim's objects; `PublishConflict` where these are not the ones that it names."""
        if claim.objects != tuple(item.claimed for item in objects):
            raise PublishConflict(
                f"{claim.key} names objects that are missing, and the messages of its offsets {claim.range.start} to "
                f"{claim.range.end} do not make the same rows now: they have expired, or the contract has changed since its "
                f"version {claim.contract_version} claimed them. Run that version once more before the messages expire"
            )
        with ThreadPoolExecutor(PUTS_AT_ONCE) as pool:
            for _ in pool.map(lambda item: self._put(claim, item), objects):
                pass

    def _put(self, claim: Claim, item: RowObject) -> None:
        if not self._objects.put_if(item.claimed.key, item.body, {"IfNoneMatch": "*"}):
            self._check_same(claim, item)

    def _check_same(self, claim: Claim, item: RowObject) -> None:
        """Return if the object that is there has the rows of this one, which another consumer has put then."""
        body = self._objects.get(item.claimed.key)
        try:
            found = hash_parquet(body or b"")
        except (pa.ArrowException, OSError) as error:
            found = str(error).splitlines()[0]
        if found != item.claimed.rows_sha256:
            raise PublishConflict(
                f"{item.claimed.key} is there already and does not hold the rows that {claim.key} names: the objects and "
                "the claims of this bucket are not of one run. Nothing was overwritten"
            )

    def _read(self, key: str, partition: Partition) -> Claim:
        claim = self._objects.parse(key, Claim)
        check_topic_id(partition, claim.range.topic_id, f"the last claim {key}")
        return claim
