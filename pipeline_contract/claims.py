"""What the way `s3` keeps of each range of offsets that it has written: who took it, and what belongs to it. Pure."""

from __future__ import annotations

from typing import Literal

from pipeline_contract.layout import LEDGER
from pipeline_contract.manifest import OffsetRange, Record
from pipeline_contract.ways import s3_way_prefix

_EXTENSION = "json"
_DIGITS = 20


class ClaimedObject(Record):
    """One object of a claim: its output, where it lies, and its rows with a hash of their values."""

    output: Literal["curated", "rejected"]
    key: str
    rows: int
    rows_sha256: str


class Claim(Record):
    """One range of offsets of one partition, taken by one batch before any of its objects is put.

    The claims of a partition form a chain: the first begins at offset 0, each other one where the one before it ends.
    """

    kind: Literal["claim"] = "claim"
    pipeline: str
    contract_version: int
    contract_hash: str
    batch_id: str
    range: OffsetRange
    objects: tuple[ClaimedObject, ...]

    @property
    def key(self) -> str:
        """Where it lies: whoever takes the same range must put it there too."""
        return claim_key(self.pipeline, self.range.topic, self.range.partition, self.range.start)

    def rows(self, output: str) -> int:
        """The rows of one output, over its objects."""
        return sum(claimed.rows for claimed in self.objects if claimed.output == output)


def claims_prefix(pipeline: str, topic: str | None = None, partition: int | None = None) -> str:
    """The prefix of the claims of a pipeline, of one topic, or of one partition."""
    parts = [part for part in (topic, None if partition is None else str(partition)) if part is not None]
    return "".join(f"{part}/" for part in (LEDGER, pipeline, "s3", *parts))


def claim_key(pipeline: str, topic: str, partition: int, start: int) -> str:
    """The key of the claim that begins at an offset; keys sort as offsets do."""
    return f"{claims_prefix(pipeline, topic, partition)}{start:0{_DIGITS}d}.{_EXTENSION}"


def object_key(pipeline: str, output: str, folder: str, claimed: OffsetRange) -> str:
    """The key of the rows of a claim that lie in one folder of an output; empty or `name=value/…/`."""
    name = f"{claimed.topic}-{claimed.partition}-{claimed.start:0{_DIGITS}d}.parquet"
    return f"{s3_way_prefix(pipeline, output)}{folder}{name}"
