"""The begin of a query's run: which lineage its checkpoint belongs to, and that the ledger, the topic and it agree."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from connections.ledger import Ledger
from pipeline_contract.errors import ConfigurationError, PublishConflict, ServiceError, TopicMismatch
from pipeline_contract.layout import name_lineage
from pipeline_contract.manifest import Lineage, Manifest, OffsetRange, Seal
from spark_streaming.checkpoint import Checkpoint
from spark_streaming.offsets import Offsets, choose_starts, range_ends, range_starts, span_ranges


@dataclass(frozen=True)
class TopicState:
    """The topics as the broker has them: their ids, and the first and the next offset of each partition."""

    ids: Mapping[str, str]
    low: Offsets
    high: Offsets


def open_lineage(
    ledger: Ledger,
    checkpoint: Checkpoint,
    topics: TopicState,
    fingerprint: str,
    starting_offsets: str | None,
    restart: str,
) -> Lineage:
    """The lineage to run on: the checkpoint's own where it has one, otherwise a new one, registered in the ledger.

    `restart` says where a new lineage begins when the pipeline has older ones and `starting_offsets` is not given:
    `ledger-end` (nothing is read twice) or `first-start` (a query with state must read everything again).
    """
    lineage = checkpoint.read_lineage()
    if lineage is not None:
        lineage = _follow_chain(ledger, checkpoint, lineage)
        _check_lineage(ledger, checkpoint, lineage, topics, fingerprint)
        return lineage
    while True:
        lineage = _draw_lineage(ledger, checkpoint, topics, fingerprint, starting_offsets, restart)
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


def _draw_lineage(
    ledger: Ledger,
    checkpoint: Checkpoint,
    topics: TopicState,
    fingerprint: str,
    starting_offsets: str | None,
    restart: str,
) -> Lineage:
    older = ledger.read_lineages()
    identity = name_lineage(len(older) + 1, secrets.token_hex(3))
    last = _seal_lineage(ledger, older[-1], identity) if older else None
    if starting_offsets or not older:
        starts = choose_starts(starting_offsets or "earliest", topics.low, topics.high)
    elif restart == "first-start":
        starts = range_starts(older[0].starts)
        _check_ids(older[0].starts, topics)
    else:
        ranges = last.ranges if last else older[-1].starts
        _check_ids(ranges, topics)
        starts = topics.low | (range_ends(last.ranges) if last else range_starts(older[-1].starts))
    check_readable(starts, topics)
    return Lineage(
        pipeline=ledger.pipeline,
        query=ledger.query,
        lineage=identity,
        number=len(older) + 1,
        checkpoint=checkpoint.location,
        contract_hash=fingerprint,
        starts=span_ranges(starts, starts, topics.ids),
    )


def _seal_lineage(ledger: Ledger, lineage: Lineage, successor: str) -> Manifest | None:
    """End a lineage for good and return its last manifest: a driver that still runs on it finds its next batch taken."""
    while True:
        last = ledger.read_last_manifest(lineage.lineage)
        batch = last.batch + 1 if last else 0
        seal = Seal(
            pipeline=ledger.pipeline, query=ledger.query, lineage=lineage.lineage, batch=batch, successor=successor
        )
        if isinstance(ledger.put_entry(seal), Seal):
            return last


def _check_lineage(
    ledger: Ledger, checkpoint: Checkpoint, lineage: Lineage, topics: TopicState, fingerprint: str
) -> None:
    where = f"{checkpoint.location}: its lineage {lineage.lineage}"
    if (lineage.pipeline, lineage.query) != (ledger.pipeline, ledger.query):
        raise ConfigurationError(
            f"{where} is of {lineage.pipeline}/{lineage.query}, not of {ledger.pipeline}/{ledger.query}; "
            "give this query a --checkpoint of its own"
        )
    if lineage.contract_hash != fingerprint:
        raise ConfigurationError(
            f"{where} was begun with another definition ({lineage.contract_hash}, now {fingerprint}); "
            "its state does not fit: start with a new --checkpoint, which reads the topic again"
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
    ranges = last.ranges if last else lineage.starts
    _check_ids(ranges, topics)
    check_readable(range_ends(last.ranges) if last else range_starts(lineage.starts), topics)


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
