"""The one place that opens the ledger: JSON objects on S3, each put under a condition that one writer alone can meet."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter, ValidationError

from connections.ledger_objects import LedgerObjects, error_code, parse_record
from pipeline_contract.errors import PublishConflict
from pipeline_contract.layout import query_prefix
from pipeline_contract.manifest import BatchPosition, Close, LedgerEntry, Lineage, Manifest, Owner, Seal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROLL_UP_EVERY = 1000
_ENTRY: TypeAdapter[Manifest | Seal] = TypeAdapter(LedgerEntry)


@dataclass(frozen=True)
class Position:
    """Where a query's ledger ends: its newest lineage and that lineage's newest manifest; None before there is one."""

    lineage: Lineage | None
    manifest: Manifest | None


@dataclass
class Ledger:
    """The ledger of one query of one pipeline.

    Every method raises `ServiceError` when S3 cannot be reached, and `PublishConflict` when an object cannot be read as
    what its key says.
    """

    s3: S3Client
    bucket: str
    pipeline: str
    query: str
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        self.prefix = query_prefix(self.pipeline, self.query)

    @property
    def objects(self) -> LedgerObjects:
        """The bucket's objects, as the ledger reads and writes them."""
        return LedgerObjects(self.s3, self.bucket)

    # Lineages: one ordered chain.

    def read_lineages(self) -> list[Lineage]:
        """Every lineage, in the order in which they began."""
        keys = sorted(self.objects.list_keys(f"{self.prefix}lineages/"))
        return [self.objects.parse(key, Lineage) for key in keys]

    def register_lineage(self, lineage: Lineage) -> bool:
        """Append a lineage to the chain; False when another driver has taken its number."""
        return self.objects.put_once(f"{self.prefix}lineages/{lineage.number:06d}.json", lineage)

    # Manifests and seals: one key a batch.

    def put_entry(self, entry: Manifest | Seal) -> Manifest | Seal:
        """Write the entry of a batch unless there is one, and return the one that stands."""
        if self.objects.put_once(self._entry_key(entry.lineage, entry.batch), entry):
            return entry
        standing = self.read_entry(entry.lineage, entry.batch)
        if standing is None:
            raise PublishConflict(
                f"{self._entry_key(entry.lineage, entry.batch)}: refused and yet absent; look at the bucket"
            )
        return standing

    def read_entry(self, lineage: str, batch: int) -> Manifest | Seal | None:
        """The entry of one batch, or None."""
        key = self._entry_key(lineage, batch)
        body = self.objects.get(key)
        return None if body is None else self._parse_entry(key, body)

    def read_last_manifest(self, lineage: str) -> Manifest | None:
        """The newest manifest of a lineage; the time that it takes does not grow with the ledger's age."""
        keys = self._entry_keys(lineage, after_roll_up=True)
        for key in reversed(keys):
            entry = self._parse_entry(key, self.objects.get(key) or b"")
            if isinstance(entry, Manifest):
                return entry
        rolled = self._roll_up_keys(lineage)
        return self._read_roll_up(rolled[-1])[-1] if rolled else None

    def read_position(self) -> Position:
        """Where the ledger ends; an empty lineage is the newest one all the same, its starts are the end."""
        lineages = self.read_lineages()
        if not lineages:
            return Position(None, None)
        return Position(lineages[-1], self.read_last_manifest(lineages[-1].lineage))

    def read_manifests(self, after: BatchPosition | None = None) -> Iterator[Manifest]:
        """Every manifest of every lineage in the ledger's order, or those behind a position; each is read when asked for.

        Roll-ups stand for the manifests that they hold.
        """
        names = [lineage.lineage for lineage in self.read_lineages()]
        if after is None:
            first = -1
        elif after.lineage in names:
            names, first = names[names.index(after.lineage) :], after.batch
        else:
            raise PublishConflict(
                f"s3://{self.bucket}/{self.prefix}lineages/: has no lineage {after.lineage}; is this another bucket, or "
                "was it reset?"
            )
        for number, name in enumerate(names):
            yield from self._read_lineage(name, first if number == 0 else -1)

    def _read_lineage(self, lineage: str, after: int) -> Iterator[Manifest]:
        for key in self._roll_up_keys(lineage):
            if _last_batch(key) > after:
                yield from (manifest for manifest in self._read_roll_up(key) if manifest.batch > after)
        for key in self._entry_keys(lineage, after_roll_up=True):
            if _last_batch(key) > after:
                entry = self._parse_entry(key, self.objects.get(key) or b"")
                if isinstance(entry, Manifest):
                    yield entry

    def roll_up(self, lineage: str, every: int = ROLL_UP_EVERY) -> str | None:
        """Gather the next `every` manifests of a lineage in one object, once there are as many; return its key.

        The manifests stay: their keys still keep a second attempt at their batches from being published.
        """
        keys = self._entry_keys(lineage, after_roll_up=True)[:every]
        if len(keys) < every:
            return None
        entries = [self._parse_entry(key, self.objects.get(key) or b"") for key in keys]
        manifests = [entry for entry in entries if isinstance(entry, Manifest)]
        if not manifests:
            return None
        lines = b"\n".join(manifest.model_dump_json().encode() for manifest in manifests)
        key = f"{self.prefix}{lineage}/rolled-up/{manifests[0].batch:010d}-{manifests[-1].batch:010d}.jsonl.gz"
        self.objects.put(key, gzip.compress(lines, mtime=0))
        return key

    # Closing operations: numbered from 1, each checked against the one before by its key.

    def read_closes(self) -> list[Close]:
        """Every operation that closed windows, in order."""
        return [self.objects.parse(key, Close) for key in sorted(self.objects.list_keys(f"{self.prefix}ops/"))]

    def put_close(self, close: Close) -> bool:
        """Write an operation; False when its number is taken."""
        return self.objects.put_once(f"{self.prefix}ops/{close.number:06d}.json", close)

    # The owner: one object, changed by compare-and-swap on its ETag.

    def take_ownership(self, driver: str, lineage: str) -> int:
        """Become the owner under a new epoch, which fences every driver before, and return the epoch."""
        while True:
            standing, etag = self._read_owner()
            owner = Owner(epoch=(standing.epoch if standing else 0) + 1, driver=driver, lineage=lineage)
            condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
            if self.objects.put_if(self._owner_key, owner.model_dump_json().encode(), condition):
                return owner.epoch

    def read_owner(self) -> Owner | None:
        """The driver that may publish, None before the first one."""
        return self._read_owner()[0]

    def find_publication_time(self, manifest: Manifest) -> datetime | None:
        """When a manifest was written, by S3's clock."""
        return self.objects.find_time(self._entry_key(manifest.lineage, manifest.batch))

    def check_ownership(self, epoch: int) -> None:
        """Return if `epoch` is still the owner's, or raise `PublishConflict` naming the driver that took over."""
        standing, _ = self._read_owner()
        if standing is None or standing.epoch != epoch:
            who = f"{standing.driver} (epoch {standing.epoch})" if standing else "nobody: the owner object is gone"
            raise PublishConflict(
                f"{self.pipeline}/{self.query}: this driver (epoch {epoch}) is no longer the owner; now it is {who}. "
                "It stops before it publishes; nothing is lost. Run one driver a query."
            )

    def _read_owner(self) -> tuple[Owner | None, str | None]:
        try:
            reply = self.s3.get_object(Bucket=self.bucket, Key=self._owner_key)
            body = reply["Body"].read()
        except ClientError as error:
            if error_code(error) in ("NoSuchKey", "404"):
                return None, None
            raise self.objects.failed("read", self._owner_key, error) from error
        except BotoCoreError as error:
            raise self.objects.failed("read", self._owner_key, error) from error
        return parse_record(self._owner_key, body, Owner), reply["ETag"]

    @property
    def _owner_key(self) -> str:
        return f"{self.prefix}owner.json"

    def _entry_key(self, lineage: str, batch: int) -> str:
        return f"{self.prefix}{lineage}/{batch:010d}.json"

    def _entry_keys(self, lineage: str, *, after_roll_up: bool) -> list[str]:
        folder = f"{self.prefix}{lineage}/"
        rolled = self._roll_up_keys(lineage) if after_roll_up else []
        last = rolled[-1].rsplit("-", 1)[1].split(".")[0] if rolled else None
        keys = self.objects.list_keys(folder, start_after=f"{folder}{last}.json" if last else "")
        return sorted(key for key in keys if key.endswith(".json"))

    def _roll_up_keys(self, lineage: str) -> list[str]:
        return sorted(self.objects.list_keys(f"{self.prefix}{lineage}/rolled-up/"))

    def _read_roll_up(self, key: str) -> list[Manifest]:
        try:
            lines = gzip.decompress(self.objects.get(key) or b"").splitlines()
        except (OSError, EOFError) as error:
            raise PublishConflict(f"s3://{self.bucket}/{key}: not a roll-up of manifests: {error}") from error
        return [parse_record(key, line, Manifest) for line in lines]

    def _parse_entry(self, key: str, body: bytes) -> Manifest | Seal:
        try:
            return _ENTRY.validate_json(body)
        except ValidationError as error:
            raise PublishConflict(f"s3://{self.bucket}/{key}: not a manifest: {error.errors()[0]['msg']}") from error


def _last_batch(key: str) -> int:
    """The number of the last batch that an entry or a roll-up holds, which its name ends with."""
    return int(key.rpartition("/")[2].split(".")[0].rpartition("-")[2])
