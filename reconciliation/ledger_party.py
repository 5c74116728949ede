"""The ledger as a party: every entry that lies there, read on its own, so that a broken one hides no other."""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from connections.ledger import Ledger
from pipeline_contract.manifest import (
    Backfill,
    Close,
    Compaction,
    LedgerEntry,
    Lineage,
    Manifest,
    Operation,
    OperationFile,
    PublishedFile,
    Seal,
)
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST
from reconciliation.findings import Finding
from reconciliation.object_store import list_objects, read_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ZONE = "ledger"
_ENTRY: TypeAdapter[Manifest | Seal] = TypeAdapter(LedgerEntry)
_OPERATION: TypeAdapter[Compaction | Backfill] = TypeAdapter(Operation)
_ENTRY_KEY = re.compile(r"(?P<lineage>[^/]+)/(?P<batch>\d{10})\.json")


@dataclass(frozen=True)
class QueryLedger:
    """The ledger of one query as it lies there: by key what could be read, and what is wrong with it as findings."""

    query: str
    prefix: str
    lineages: tuple[Lineage, ...]
    entries: dict[str, Manifest | Seal]
    closes: dict[str, Close]
    operations: dict[str, Compaction | Backfill]
    findings: tuple[Finding, ...]

    @property
    def manifests(self) -> list[tuple[str, Manifest]]:
        """The manifests with their keys, in the ledger's order."""
        return [(key, entry) for key, entry in sorted(self.entries.items()) if isinstance(entry, Manifest)]

    @property
    def published(self) -> Iterator[tuple[str, PublishedFile]]:
        """Every file that the ledger says is published, with the key of the entry that says so."""
        for key, manifest in self.manifests:
            yield from ((key, file) for file in manifest.files)
        for key, close in self.closes.items():
            yield from ((key, file) for file in close.files)

    @property
    def replaced(self) -> Iterator[tuple[str, OperationFile]]:
        """Every file that an operation has published, with the key of the operation."""
        for key, operation in sorted(self.operations.items()):
            yield from ((key, file) for file in operation.files)

    @property
    def backfills(self) -> list[Backfill]:
        """The backfills, in order."""
        return [o for _, o in sorted(self.operations.items()) if isinstance(o, Backfill)]

    @property
    def last(self) -> Manifest | None:
        """The newest manifest."""
        return self.manifests[-1][1] if self.manifests else None

    @property
    def unkept(self) -> int:
        """The messages that were read and counted while the contract had no raw zone."""
        return sum(count.raw for _, manifest in self.manifests if not manifest.keeps_raw for count in manifest.counts)

    def ends(self) -> dict[tuple[str, int], int]:
        """By topic id and partition the offset up to which the query has read."""
        ends: dict[tuple[str, int], int] = defaultdict(int)
        for ranges in (*(lineage.starts for lineage in self.lineages), *(m.ranges for _, m in self.manifests)):
            for r in ranges:
                ends[r.topic_id, r.partition] = max(ends[r.topic_id, r.partition], r.end)
        return dict(ends)


def read_query_ledger(ledger: Ledger) -> QueryLedger:
    """Everything that the ledger of one query holds, and what is missing, broken or at odds with itself in it."""
    s3, bucket, prefix = ledger.s3, ledger.bucket, ledger.prefix
    keys = [key for key in list_objects(s3, bucket, prefix) if not key.endswith("/owner.json")]
    with ThreadPoolExecutor(max_workers=8) as pool:
        bodies = dict(zip(keys, pool.map(lambda key: read_object(s3, bucket, key) or b"", keys), strict=True))
    lineages, entries, closes, operations, rolled, findings = {}, {}, {}, {}, {}, []
    for key, body in bodies.items():
        below = key.removeprefix(prefix)
        try:
            if below.startswith("lineages/"):
                lineages[key] = Lineage.model_validate_json(body)
            elif below.startswith("ops/") and ledger.query == INGEST:
                operations[key] = _OPERATION.validate_json(body)
            elif below.startswith("ops/"):
                closes[key] = Close.model_validate_json(body)
            elif "/rolled-up/" in below:
                rolled[key] = [Manifest.model_validate_json(line) for line in gzip.decompress(body).splitlines()]
            else:
                entries[key] = _ENTRY.validate_json(body)
        except (ValidationError, OSError, EOFError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            findings.append(Finding("altered", ZONE, f"{key} cannot be read as what its name says: {reason}"))
    chain = tuple(lineages[key] for key in sorted(lineages))
    known = QueryLedger(ledger.query, prefix, chain, entries, closes, operations, ())
    findings += [*_check_numbers(known, set(bodies)), *_check_contents(known)]
    findings += [*_check_roll_ups(known, rolled), *_check_ranges(known), *check_counts(known)]
    return replace(known, findings=tuple(findings))


def _check_numbers(ledger: QueryLedger, keys: set[str]) -> Iterator[Finding]:
    """Entries, lineages and operations are numbered without gaps; a gap is an object that somebody deleted."""
    batches: dict[str, list[int]] = defaultdict(list)
    for key in keys:
        if match := _ENTRY_KEY.fullmatch(key.removeprefix(ledger.prefix)):
            batches[match["lineage"]].append(int(match["batch"]))
    for lineage, numbers in sorted(batches.items()):
        for number in sorted(set(range(max(numbers))) - set(numbers)):
            yield Finding(
                "missing", ZONE, f"manifest {ledger.prefix}{lineage}/{number:010d}.json is gone; later ones are there"
            )
    registered = {lineage.lineage for lineage in ledger.lineages}
    for lineage in sorted(set(batches) - registered):
        yield Finding(
            "missing", ZONE, f"lineage {lineage} has manifests, but its entry in {ledger.prefix}lineages/ is gone"
        )
    for folder, width in (("lineages", 6), ("ops", 6)):
        found = {int(key[-5 - width : -5]) for key in keys if key.startswith(f"{ledger.prefix}{folder}/")}
        for number in sorted(set(range(1, max(found, default=0))) - found):
            yield Finding(
                "missing", ZONE, f"{ledger.prefix}{folder}/{number:0{width}d}.json is gone; later ones are there"
            )


def _check_contents(ledger: QueryLedger) -> Iterator[Finding]:
    """An entry says of itself what its key says."""
    for key, entry in ledger.entries.items():
        if key != f"{ledger.prefix}{entry.lineage}/{entry.batch:010d}.json" or entry.query != ledger.query:
            found = f"{entry.query} {entry.lineage} batch {entry.batch}"
            yield Finding("altered", ZONE, f"{key} was changed: it says that it is {found}")
    for key, operation in ledger.operations.items():
        if key != f"{ledger.prefix}ops/{operation.number:06d}.json":
            yield Finding("altered", ZONE, f"{key} was changed: it says that it is operation {operation.number}")


def _check_roll_ups(ledger: QueryLedger, rolled: Mapping[str, list[Manifest]]) -> Iterator[Finding]:
    for key, manifests in rolled.items():
        for manifest in manifests:
            own_key = f"{ledger.prefix}{manifest.lineage}/{manifest.batch:010d}.json"
            if own_key not in ledger.entries:
                yield Finding("missing", ZONE, f"manifest {own_key} is gone; the roll-up {key} holds it")
            elif ledger.entries[own_key] != manifest:
                yield Finding("altered", ZONE, f"manifest {own_key} differs from the roll-up {key}: one was changed")


def _check_ranges(ledger: QueryLedger) -> Iterator[Finding]:
    """Each manifest begins where the one before it ended, over lineages too where the query goes on at the end."""
    by_lineage: dict[str, list[tuple[str, Manifest]]] = defaultdict(list)
    for key, manifest in ledger.manifests:
        by_lineage[manifest.lineage].append((key, manifest))
    ends: dict[tuple[str, int], int] = {}
    for lineage in ledger.lineages:
        starts = {(r.topic_id, r.partition): r.end for r in lineage.starts}
        if ledger.query == INGEST:
            yield from _compare_starts(f"lineage {lineage.lineage}", ends, starts)
        ends = dict(starts)
        for key, manifest in by_lineage[lineage.lineage]:
            begins = {(r.topic_id, r.partition): r.start for r in manifest.ranges}
            yield from _compare_starts(f"manifest {key}", ends, begins)
            ends |= {(r.topic_id, r.partition): r.end for r in manifest.ranges}


def _compare_starts(
    name: str, ends: Mapping[tuple[str, int], int], starts: Mapping[tuple[str, int], int]
) -> Iterator[Finding]:
    for (topic_id, partition), start in starts.items():
        end = ends.get((topic_id, partition))
        if end is not None and start != end:
            verb = "leaves out" if start > end else "repeats"
            first, last = min(start, end), max(start, end) - 1
            text = f"{name} {verb} partition {partition} offset {first}-{last} of topic id {topic_id}"
            yield Finding("missing" if start > end else "altered", ZONE, text)


def check_counts(ledger: QueryLedger) -> Iterator[Finding]:
    """Within a manifest of the ingest, raw = curated + rejected, and the counts are those of its files."""
    for key, manifest in ledger.manifests if ledger.query == INGEST else ():
        for count in manifest.counts:
            if count.raw != count.curated + count.rejected:
                where = f"topic {count.topic} partition {count.partition}"
                sums = f"{count.raw} raw rows, {count.curated} curated and {count.rejected} rejected"
                yield Finding("altered", ZONE, f"manifest {key}, {where}: {sums} do not add up")
        for output in ("raw", "curated", "rejected"):
            counted = sum(getattr(count, output) for count in manifest.counts)
            if output == "raw" and not manifest.keeps_raw:
                counted = 0
            if counted != manifest.rows(output):
                text = f"manifest {key} counts {counted} {output} rows, its files hold {manifest.rows(output)}"
                yield Finding("altered", ZONE, text)


def describe_absence(contract: Contract, ledger: QueryLedger) -> dict[str, str]:
    """What stands for the raw rows of a contract without a raw zone; nothing for any other."""
    if contract.raw.zone != "off":
        return {}
    counted = f"the ledger counts {ledger.unkept} messages, as many as it counts curated and rejected"
    return {"raw": f'not checked: [raw] zone = "off"; {counted}'}


def list_published(ledgers: Iterable[QueryLedger]) -> dict[str, tuple[str, PublishedFile]]:
    """By final key every file that the ledgers know, with the entry that names it."""
    return {file.final_key: (key, file) for ledger in ledgers for key, file in ledger.published}


def is_staged(s3: S3Client, bucket: str, file: PublishedFile) -> bool:
    """Whether a file still lies in staging, from where the next start of the job publishes it."""
    return file.staged_key in list_objects(s3, bucket, file.staged_key)
