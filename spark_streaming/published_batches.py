"""What the ingest has published, as an aggregate's query finds it: its begin, its batches, how far it is behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connections.ledger import Ledger
from connections.s3 import object_exists
from pipeline_contract.errors import ConfigurationError, NotFinished, PublishConflict
from pipeline_contract.manifest import BatchPosition, Lineage, Manifest, OffsetRange
from spark_streaming.checkpoint import Checkpoint
from spark_streaming.lineage import Start
from spark_streaming.offsets import Offsets, choose_starts, leave_out_topics, measure_lag, range_ends, range_starts
from spark_streaming.publisher import Batch


@dataclass(frozen=True)
class UnbrokenRun:
    """The newest part of the ingest's ledger in which each batch begins where the one before it ended.

    It begins anew where the ingest did, for a topic that was created again or by `--starting-offsets`. `starts` and `ends`
    are of the contract's topic alone: no curated row comes from another one.
    """

    begin: BatchPosition
    starts: tuple[OffsetRange, ...]
    ends: tuple[OffsetRange, ...]
    other_topics: frozenset[str]


def read_run(ledger: Ledger, topic: str) -> UnbrokenRun:
    """The newest unbroken run of the ingest's ledger, or `NotFinished` where the ingest has not begun yet."""
    lineages = ledger.read_lineages()
    if not lineages:
        raise NotFinished(
            f"{ledger.pipeline}: nothing has been ingested yet, and the aggregates read what is; run "
            f"`python -m spark_streaming run {ledger.pipeline} --query ingest` first"
        )
    ends = _end_of(ledger, lineages[-1], topic)
    newest = len(lineages) - 1
    while newest and _follows(_of_topic(lineages[newest].starts, topic), _end_of(ledger, lineages[newest - 1], topic)):
        newest -= 1
    first = lineages[newest]
    begin, others = BatchPosition(lineage=first.lineage, batch=-1), frozenset(r.topic for r in first.starts) - {topic}
    return UnbrokenRun(begin, _of_topic(first.starts, topic), ends, others)


def _end_of(ledger: Ledger, lineage: Lineage, topic: str) -> tuple[OffsetRange, ...]:
    last = ledger.read_last_manifest(lineage.lineage)
    return _of_topic(last.ranges if last else lineage.starts, topic)


def _follows(starts: Iterable[OffsetRange], before: Iterable[OffsetRange]) -> bool:
    ends = {r.partition: (r.topic_id, r.end) for r in before}
    return all(ends.get(r.partition, (r.topic_id, r.end)) == (r.topic_id, r.end) for r in starts)


def _of_topic(ranges: Iterable[OffsetRange], topic: str) -> tuple[OffsetRange, ...]:
    return tuple(r for r in ranges if r.topic == topic)


@dataclass(frozen=True)
class LedgerOrigin:
    """The ledger of the ingest as what an aggregate's query reads."""

    ledger: Ledger
    run: UnbrokenRun
    starting_offsets: str | None

    def choose_start(self, before: tuple[OffsetRange, ...] | None) -> Start:  # noqa: ARG002 - it begins anew
        """Where a new lineage begins: at the run's begin, because its state must be built again, or where it is told.

        Whole batches of the ingest are read: the first one is that which holds offsets at or behind those given.
        """
        low, high = range_ends(self.run.starts), range_ends(self.run.ends)
        given = leave_out_topics(self.starting_offsets or "earliest", self.run.other_topics)
        wanted = choose_starts(given, low, high)
        after = self.run.begin
        for manifest in self.ledger.read_manifests(self.run.begin) if wanted != low else ():
            ranges = [r for r in manifest.ranges if r.topic in wanted]
            if any(r.end > wanted[r.topic].get(r.partition, 0) for r in ranges):
                return Start(self._at(range_starts(ranges)), after)
            after = manifest.position
        return Start(self.run.starts if wanted == low else self._at(high), after)

    def check(self, ranges: Iterable[OffsetRange]) -> None:
        """Return if the ingest goes on from these ranges, or raise because it began anew since."""
        ends = {r.partition: r for r in self.run.ends}
        for r in ranges:
            end = ends.get(r.partition)
            if end is None or end.topic_id != r.topic_id or end.end < r.end:
                raise ConfigurationError(
                    f"{self.ledger.pipeline}: the ingest began anew with lineage {self.run.begin.lineage} (topic "
                    f"{r.topic!r} partition {r.partition}); what it publishes now does not follow on what this query has "
                    "read. Start the aggregates with a new --checkpoint, which begins there"
                )

    def _at(self, offsets: Offsets) -> tuple[OffsetRange, ...]:
        ids = {r.topic: r.topic_id for r in self.run.ends}
        return tuple(
            OffsetRange(topic=topic, topic_id=ids[topic], partition=partition, start=offset, end=offset)
            for topic, of in sorted(offsets.items())
            for partition, offset in sorted(of.items())
        )


@dataclass(frozen=True)
class PublishedBatches:
    """The batches of an aggregate's query: each is some whole batches of the ingest."""

    ingest: Ledger
    own: Ledger
    checkpoint: Checkpoint
    lineage: Lineage

    def read(self, number: int) -> Batch:
        """The batch that Spark has logged, with the manifests of the ingest that it reads; raises where they do not follow."""
        entry = self.checkpoint.read_offset_log(number)
        before = self.checkpoint.read_offset_log(number - 1) if number else None
        start = _parse(before.offset) if before else self.lineage.begins_after
        end = _parse(entry.offset)
        published = tuple(self._read_between(start, end))
        standing = self.own.read_entry(self.lineage.lineage, number - 1) if number else None
        ranges = standing.ranges if isinstance(standing, Manifest) else self.lineage.starts
        return Batch(
            number,
            extend_ranges(ranges, published),
            entry.watermark,
            read_to=end,
            published=published,
            late_before=before.watermark if before else None,
        )

    def measure_lag(self, batch: Batch) -> Offsets:
        """How many offsets of each partition the ingest has published behind this batch."""
        position = self.ingest.read_position()
        ends = position.manifest.ranges if position.manifest else ()
        topics = {r.topic for r in batch.ranges}
        return measure_lag(range_ends(batch.ranges), range_ends(r for r in ends if r.topic in topics))

    def _read_between(self, start: BatchPosition | None, end: BatchPosition) -> Iterable[Manifest]:
        if start == end:
            return
        for manifest in self.ingest.read_manifests(start):
            yield manifest
            if manifest.position == end:
                return
        raise PublishConflict(
            f"{self.own.pipeline}/{self.own.query}: its checkpoint has read up to batch {end.batch} of the ingest's lineage "
            f"{end.lineage}, whose manifest is missing under s3://{self.ingest.bucket}/{self.ingest.prefix}; restore it"
        )


def check_drained(ingest: Ledger, own: Ledger) -> None:
    """Return unless a batch of the ingest waits to be published whole before an aggregate's query can read it."""
    position = own.read_position()
    read_to = position.manifest.read_to if position.manifest else None
    if read_to is None and position.lineage is not None:
        read_to = position.lineage.begins_after
    following = next(ingest.read_manifests(read_to), None)
    files = following.files_of("curated") if following else ()
    missing = [file.final_key for file in files if not object_exists(ingest.s3, ingest.bucket, file.final_key)]
    if following and missing:
        raise NotFinished(
            f"{own.pipeline}/{own.query}: batch {following.batch} of the ingest's lineage {following.lineage} is not published "
            f"whole yet, s3://{ingest.bucket}/{missing[0]} is not there. Its driver died or is at it; the next start of "
            f"`python -m spark_streaming run {own.pipeline}` finishes it"
        )


def extend_ranges(before: Iterable[OffsetRange], published: Iterable[Manifest]) -> tuple[OffsetRange, ...]:
    """The ranges of a batch that begins where `before` ends and reads these batches of the ingest.

    Raises `PublishConflict` where one of them does not begin where the one before it ended.
    """
    ranges = {(r.topic, r.partition): r.model_copy(update={"start": r.end}) for r in before}
    topics = {topic for topic, _ in ranges}
    for manifest in published:
        for r in _of_topics(manifest.ranges, topics):
            known = ranges.get((r.topic, r.partition), r.model_copy(update={"end": r.start}))
            if (known.topic_id, known.end) != (r.topic_id, r.start):
                raise PublishConflict(
                    f"{manifest.pipeline}: with batch {manifest.batch} of lineage {manifest.lineage} the ingest began anew: "
                    f"topic {r.topic!r} partition {r.partition} was read up to {known.end}, and goes on at {r.start}. "
                    "Nothing was published; start the aggregates with a new --checkpoint, which begins there"
                )
            ranges[r.topic, r.partition] = known.model_copy(update={"end": r.end})
    return tuple(ranges[place] for place in sorted(ranges))


def _of_topics(ranges: Iterable[OffsetRange], topics: set[str]) -> Iterable[OffsetRange]:
    return (r for r in ranges if r.topic in topics)


def _parse(offset: str) -> BatchPosition:
    return BatchPosition.model_validate_json(offset)
