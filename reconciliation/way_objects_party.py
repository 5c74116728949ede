"""The objects of the way `s3` as a party: listed, read and hashed, and held against the claims, which are no judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa

from connections.lake_files import arrow_schema, parse_object
from connections.ledger_objects import LedgerObjects
from connections.row_hash import hash_parquet
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.claims import Claim, ClaimedObject, claims_prefix
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, FileOutput, curated_columns
from pipeline_contract.passport import PASSPORT
from pipeline_contract.ways import s3_way_prefix
from reconciliation.accounts import Reading
from reconciliation.compared_values import compare_as
from reconciliation.findings import Finding
from reconciliation.object_store import list_objects, read_object
from reconciliation.way_sight import EndRows, WaySight

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Chains = Mapping[tuple[str, int], Sequence[Claim]]


@dataclass(frozen=True)
class FoundObject:
    """One object that was listed: its rows with their place, and what a claim would say of it; or why it cannot be read."""

    key: str
    rows: pa.Table
    rows_sha256: str
    trouble: str | None = None


@dataclass(frozen=True)
class FoundOutput:
    """One output as it lies in the bucket."""

    output: FileOutput
    objects: tuple[FoundObject, ...]

    @property
    def zone(self) -> str:
        """What findings call it."""
        return f"{self.output.name} objects"


def read_way_objects(settings: Settings, contract: Contract) -> WaySight:
    """The objects of a pipeline; the claims are read before and after them, so that one made meanwhile misleads nobody."""
    s3, bucket = open_s3(settings.s3), settings.s3.bucket
    chains = chain_claims(read_claims(s3, bucket, contract.name))
    curated, rejected = (read_objects(s3, bucket, contract, output) for output in describe_outputs(contract))
    after = read_claims(s3, bucket, contract.name)
    ends = (gather_rows(curated), gather_rows(rejected))
    there = {item.key for item in (*curated.objects, *rejected.objects)}
    unfinished = [chain[-1] for chain in chains.values() if any(o.key not in there for o in chain[-1].objects)]
    findings = (
        *check_chains(chains),
        *check_claimed(chains, there),
        *check_objects(curated, after),
        *check_objects(rejected, after),
    )
    reading = Reading(find_ends(chains, ends), tuple(claim.range for claim in unfinished))
    return WaySight(*ends, reading, findings)


def describe_outputs(contract: Contract) -> tuple[FileOutput, FileOutput]:
    """The curated and the rejected objects; both are Parquet, whatever the lake's format is."""
    return (
        FileOutput("curated", "curated", "parquet", curated_columns(contract) | PASSPORT),
        FileOutput("rejected", "rejected", "parquet", REJECTED_COLUMNS | PASSPORT),
    )


def read_claims(s3: S3Client, bucket: str, pipeline: str) -> list[Claim]:
    """Every claim of a pipeline, in the order of their keys."""
    ledger = LedgerObjects(s3, bucket)
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda key: ledger.parse(key, Claim), ledger.list_tree(claims_prefix(pipeline))))


def read_objects(s3: S3Client, bucket: str, contract: Contract, output: FileOutput) -> FoundOutput:
    """Every object below an output's prefix, found by listing it."""

    def read(key: str) -> FoundObject | None:
        body = read_object(s3, bucket, key)
        return None if body is None else parse_found(key, body, output)

    with ThreadPoolExecutor(max_workers=8) as pool:
        read_ones = pool.map(read, list_objects(s3, bucket, s3_way_prefix(contract.name, output.name)))
        return FoundOutput(output, tuple(item for item in read_ones if item is not None))


def parse_found(key: str, body: bytes, output: FileOutput) -> FoundObject:
    """The rows of an object in the contract's types, and the hash of its values as they were written. Pure."""
    digest, trouble = "", None
    try:
        digest = hash_parquet(body)
        parsed = parse_object(body, output)
        rows = pa.table([compare_as(parsed[f.name], f.type) for f in parsed.schema], schema=parsed.schema)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        trouble, rows = str(error).splitlines()[0], arrow_schema(output.columns).empty_table()
    placed = rows.append_column("place", pa.array([key] * rows.num_rows, pa.string()))
    return FoundObject(key, placed, digest, trouble)


def gather_rows(found: FoundOutput) -> EndRows:
    """The rows of all objects of an output."""
    schema = arrow_schema(found.output.columns).append(pa.field("place", pa.string()))
    return EndRows(found.zone, pa.concat_tables([schema.empty_table(), *(item.rows for item in found.objects)]))


def chain_claims(claims: Iterable[Claim]) -> Chains:
    """The claims of each topic id and partition, by their begin."""
    chains: dict[tuple[str, int], list[Claim]] = {}
    for claim in sorted(claims, key=lambda claim: (claim.range.topic, claim.range.partition, claim.range.start)):
        chains.setdefault((claim.range.topic_id, claim.range.partition), []).append(claim)
    return chains


def find_ends(chains: Chains, ends: Iterable[EndRows]) -> dict[tuple[str, int], int]:
    """How far each partition was read: as the claims say, or further where objects show it."""
    read = {place: chain[-1].range.end for place, chain in chains.items()}
    for end in ends:
        for row in end.zone.group_by(["_topic_id", "_partition"]).aggregate([("_offset", "max")]).to_pylist():
            if row["_offset_max"] is not None:
                place = (row["_topic_id"], row["_partition"])
                read[place] = max(read.get(place, 0), row["_offset_max"] + 1)
    return read


def check_chains(chains: Chains) -> Iterator[Finding]:
    """Claims that do not begin where the one before them ended: one is gone, or was altered."""
    for chain in chains.values():
        first = chain[0].range
        if first.start:
            yield _report_gap(chain[0], 0)
        for before, after in pairwise(chain):
            if after.range.start != before.range.end:
                yield _report_gap(after, before.range.end)


def check_claimed(chains: Chains, there: set[str]) -> Iterator[Finding]:
    """Objects that a claim names and that are not there; only those of a partition's last claim may still come."""
    for chain in chains.values():
        for claim in chain:
            for claimed in (item for item in claim.objects if item.key not in there):
                if claim is chain[-1]:
                    text = f"{claimed.key} of {claim.key} is not there yet: the next start of the consumer puts it"
                    yield Finding("pending", f"{claimed.output} objects", text, claimed.rows)
                else:
                    text = f"{claimed.key} is gone; {claim.key} names it"
                    yield Finding("missing", f"{claimed.output} objects", text, claimed.rows)


def check_objects(found: FoundOutput, claims: Iterable[Claim]) -> Iterator[Finding]:
    """Objects that no claim names, and those whose values are not the ones that were claimed."""
    named = {item.key: (claim, item) for claim in claims for item in claim.objects}
    for item in found.objects:
        if item.trouble:
            yield Finding("altered", found.zone, f"{item.key} cannot be read: {item.trouble}")
        elif item.key not in named:
            yield Finding("unexplained", found.zone, f"{item.key} is in no claim", item.rows.num_rows)
        elif difference := _compare(item, named[item.key][1]):
            text = f"{item.key} is not what {named[item.key][0].key} claimed: {difference}; one of the two was altered"
            yield Finding("altered", found.zone, text, item.rows.num_rows)


def _compare(found: FoundObject, claimed: ClaimedObject) -> str:
    differences = [
        f"{name} {has}, claimed {had}"
        for name, has, had in (
            ("rows", found.rows.num_rows, claimed.rows),
            ("SHA-256 of the values", found.rows_sha256[:12] + "…", claimed.rows_sha256[:12] + "…"),
        )
        if has != had
    ]
    return ", ".join(differences)


def _report_gap(claim: Claim, end: int) -> Finding:
    what = "claims are gone" if claim.range.start > end else "claims overlap"
    text = (
        f"topic {claim.range.topic} partition {claim.range.partition}: {what} between offsets {end} and "
        f"{claim.range.start}, before {claim.key}"
    )
    return Finding("altered", "claims", text)
