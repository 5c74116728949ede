"""The begin of a query's run: which lineage its checkpoint belongs to, and that the ledger, the topic and it agree."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from connections.ledger import Ledger
from pipeline_contract.errors import ConfigurationError, PublishConflict, ServiceError, TopicMismatch
from pipeline_contract.layout import name_lineage
from pipeline_contract.manifest import BatchPosition, Lineage, OffsetRange, Seal
from spark_streaming.checkpoint import Checkpoint
from spark_streaming.offsets import Offsets, choose_starts, range_ends, span_ranges


@dataclass(frozen=True)
class TopicState:
    """The topics as the broker has them: their ids, and the first and the next offset of each partition."""

    ids: Mapping[str, str]
    low: Offsets
    high: Offsets


@dataclass(frozen=True)
class Start:
    """Where a new lineage begins: offsets of the topic, and for a query that reads a ledger, the place in it."""

    ranges: tuple[OffsetRange, ...]
    after: BatchPosition | None = None


class Origin(Protocol):
    """What a query reads."""

    def choose_start(self, before: tuple[OffsetRange, ...] | None) -> Start:
        """Where a new lineage begins, given the ranges with which the one before it ended."""

    def check(self, ranges: tuple[OffsetRange, ...]) -> None:
        """Return if what follows on these ranges can still be read, or raise saying why not."""


@dataclass(frozen=True)
class TopicOrigin:
    """Topics as what a query reads: a new lineage goes on where the ledger ends, so that nothing is read twice."""

    topics: TopicState
    starting_offsets: str | None

    def choose_start(self, before: tuple[OffsetRange, ...] | None) -> Start:
        """The ledger's end, or what `--starting-offsets` says; the earliest offsets the first time."""
        if self.starting_offsets or before is None:
            starts = choose_starts(self.starting_offsets or "earliest", self.topics.low, self.topics.high)
        else:
            _check_ids(before, self.topics)
            starts = self.topics.low | range_ends(before)
        check_readable(starts, self.topics)
        return Start(span_ranges(starts, starts, self.topics.ids))

    def check(self, ranges: tuple[OffsetRange, ...]) -> None:
        """Return if the topics are still the same and still hold what follows on these ranges, or raise."""
        _check_ids(ranges, self.topics)
        check_readable(range_ends(ranges), self.topics)


def open_lineage(ledger: Ledger, checkpoint: Checkpoint, origin: Origin, definition: Mapping[str, str]) -> Lineage:
    """The lineage to run on: the checkpoint's own where it has one, otherwise a new one, registered in the ledger.

    `definition` is all that decides what the query's state means, in words: another one needs another lineage.
    """
    lineage = checkpoint.read_lineage()
    if lineage is not None:
        lineage = _follow_chain(ledger, checkpoint, lineage)
        _check_lineage(ledger, checkpoint, lineage, origin, definition)
        return lineage
    while True:
        lineage = _draw_lineage(ledger, checkpoint, origin, definition)
        # A lost reply looks like a lost race: the token tells them apart.
        if ledger.register_lineage(lineage) or lineage in ledger.read_lineages():
            break
    checkpoint.write_lineage(lineage)
    return lineage


def _follow_chain(ledger: Ledger, checkpoint: Checkpoint, lineage: Lineage) -> Lineage:
    """The newest lineage if it lives on this very checkpoint: two drivers that began at once each wrote their own there."""
    chain = ledger.read_lineages()
    newest = chain[-1] if chain else lineage
    if lineage not in chain or newest == lineage or newest.checkpoint != checkpoint.location:
        return lineage
    checkpoint.write_lineage(newest)
    return newest


def _draw_lineage(ledger: Ledger, checkpoint: Checkpoint, origin: Origin, definition: Mapping[str, str]) -> Lineage:
    older = ledger.read_lineages()
    identity = name_lineage(len(older) + 1, secrets.token_hex(3))
    start = origin.choose_start(_seal_lineage(ledger, older[-1], identity) if older else None)
    return Lineage(
        pipeline=ledger.pipeline,
        query=ledger.query,
        lineage=identity,
        number=len(older) + 1,
        checkpoint=checkpoint.location,
        contract_hash=hash_definition(definition),
        starts=start.ranges,
        begins_after=start.after,
        definition=dict(definition),
    )


def _seal_lineage(ledger: Ledger, lineage: Lineage, successor: str) -> tuple[OffsetRange, ...]:
    """End a lineage for good and return where: a driver that still runs on it finds its next batch taken."""
    while True:
        last = ledger.read_last_manifest(lineage.lineage)
        batch = last.batch + 1 if last else 0
        seal = Seal(
            pipeline=ledger.pipeline, query=ledger.query, lineage=lineage.lineage, batch=batch, successor=successor
        )
        if isinstance(ledger.put_entry(seal), Seal):
            return last.ranges if last else lineage.starts


def _check_lineage(
    ledger: Ledger, checkpoint: Checkpoint, lineage: Lineage, origin: Origin, definition: Mapping[str, str]
) -> None:
    where = f"{checkpoint.location}: its lineage {lineage.lineage}"
    if (lineage.pipeline, lineage.query) != (ledger.pipeline, ledger.query):
        raise ConfigurationError(
            f"{where} is of {lineage.pipeline}/{lineage.query}, not of {ledger.pipeline}/{ledger.query}; "
            "give this query a --checkpoint of its own"
        )
    if lineage.contract_hash != hash_definition(definition):
        raise ConfigurationError(
            f"{where} was begun with another definition: {describe_change(lineage.definition, definition)}. Its state does "
            "not fit: start a new lineage with a new --checkpoint; it reads all that was published again"
        )
    chain = ledger.read_lineages()
    if lineage not in chain:
        raise PublishConflict(
            f"{where} is unknown to the ledger s3://{ledger.bucket}/{ledger.prefix}: is this another bucket, or was it "
            "reset? Give a new --checkpoint to begin where that ledger ends"
        )
    if chain[-1] != lineage:
        raise PublishConflict(
            f"{where} has ended: {chain[-1].lineage} goes on from it, on checkpoint {chain[-1].checkpoint}. "
            "Use that checkpoint, or a new one"
        )
    last = ledger.read_last_manifest(lineage.lineage)
    published = last.batch if last else -1
    if published < checkpoint.last_committed():
        raise PublishConflict(
            f"{where} has committed batch {checkpoint.last_committed()}, the ledger ends at {published}: manifests are "
            f"missing under s3://{ledger.bucket}/{ledger.prefix}{lineage.lineage}/; restore them before you go on"
        )
    origin.check(last.ranges if last else lineage.starts)


def hash_definition(definition: Mapping[str, str]) -> str:
    """A short hash of a query's definition."""
    return hashlib.sha256(repr(sorted(definition.items())).encode()).hexdigest()[:16]


def describe_change(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What two definitions say differently, in words."""
    names = [name for name in (*before, *(n for n in now if n not in before)) if before.get(name) != now.get(name)]
    changes = (f"{name} was {before.get(name, 'absent')}, now {now.get(name, 'absent')}" for name in names)
    return "; ".join(changes) if before else "of an older version of this job"


def _check_ids(ranges: tuple[OffsetRange, ...], topics: TopicState) -> None:
    for r in ranges:
        found = topics.ids.get(r.topic)
        if found != r.topic_id:
            raise TopicMismatch(
                f"topic {r.topic!r} was recreated: its id was {r.topic_id}, now it is {found}; offsets of the old one say "
                "nothing about the new one. If that was meant, go on with a new --checkpoint and --starting-offsets earliest"
            )


def check_readable(starts: Offsets, topics: TopicState) -> None:
    """Return if every offset to start at is still in the topic, or raise naming each partition, wanted and available."""
    lost = [
        f"{topic} partition {partition}: wanted {offset}, available {topics.low[topic].get(partition)} to "
        f"{topics.high[topic].get(partition)}"
        for topic, ends in sorted(starts.items())
        for partition, offset in sorted(ends.items())
        if not topics.low[topic].get(partition, 0) <= offset <= topics.high[topic].get(partition, 0)
    ]
    if lost:
        raise ServiceError(
            "offsets that were not yet read are gone from the topic (retention, or the topic was changed):\n  "
            + "\n  ".join(lost)
            + "\nNothing was skipped. Restore the topic or replay the source; to give these rows up, go on with a new "
            "--checkpoint and --starting-offsets earliest"
        )
