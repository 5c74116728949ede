"""The check of the events way: every answer against what was kept, delivered, staged and is shown. Pure but for its start."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connections.settings import Settings
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_records import Receipt
from reconciliation.check import Say
from reconciliation.event_evidence import EventEvidence, SeenEvent, gather_event_evidence
from reconciliation.findings import Finding
from reconciliation.statement import Statement, TableFigures

# Firehose may deliver later than its buffer says while S3 answers slowly; it tries for a day:
# docs.aws.amazon.com/firehose/latest/dev/retry.html
GRACE = timedelta(minutes=15)


@dataclass(frozen=True)
class Promise:
    """What senders were told of one id: accepted, each time with this content; `received_at` is the last time."""

    digests: frozenset[str]
    received_at: datetime


def check_events(settings: Settings, contract: EventContract, now: datetime, limit: int, say: Say) -> Statement:
    """Compare receipts, refused events, delivered objects, the staging table and its view; `now` is UTC without a zone."""
    evidence = gather_event_evidence(settings, contract, say)
    say("comparing")
    return judge_events(contract, evidence, now, limit)


def judge_events(contract: EventContract, evidence: EventEvidence, now: datetime, limit: int) -> Statement:
    """The statement that the evidence amounts to."""
    table = contract.warehouse.table.upper()
    promises = collect_promises(evidence.receipts)
    staged = group_by_id(evidence.staged)
    refused = [(r.request_id, e.index) for r in evidence.receipts for e in r.events if e.status == "refused"]
    lost, waiting = split_absent(contract, evidence, promises, now)
    unkept = sorted(set(refused) - {(line.request_id, line.index) for line in evidence.refused})
    surplus = find_loaded_twice(evidence.staged)
    findings = [
        *describe_lost(evidence, lost, limit),
        *(
            [say_of("pending", f"table {table}_STAGING", "accepted, and not there yet", waiting, limit)]
            if waiting
            else []
        ),
        *([say_of("missing", "refused", "not kept", [f"{r} event {i}" for r, i in unkept], limit)] if unkept else []),
        *([say_of("duplicate", f"table {table}_STAGING", "one line loaded twice", surplus, limit)] if surplus else []),
        *find_altered(promises, staged, f"table {table}_STAGING", limit),
        *find_wrongly_shown(evidence, staged, f"view {table}", limit),
        *find_unanswered(evidence, promises, limit),
        *find_notes(evidence, staged, limit),
    ]
    missing = len(lost) + len(unkept)
    loaded = len(promises) - len(lost) - len(waiting)
    return Statement(
        pipeline=contract.name,
        produced=len(promises) + len(refused),
        raw=None,
        curated=len(promises),
        rejected=len(refused),
        loaded=loaded,
        pending=len(waiting),
        missing=missing,
        duplicates=len(surplus) + sum(times - 1 for times in evidence.shown.values()),
        rejected_by_reason=dict(Counter(line.reasons[0]["reason"] for line in evidence.refused).most_common()),
        tables=(TableFigures(f"{table}_STAGING", len(promises), loaded, len(waiting), len(lost), len(surplus)),),
        findings=tuple(findings),
        basis=describe_basis(evidence),
    )


def collect_promises(receipts: Iterable[Receipt]) -> dict[str, Promise]:
    """Every id that was answered as accepted, now or before."""
    promises: dict[str, Promise] = {}
    for receipt in receipts:
        for entry in receipt.events:
            if entry.status in ("accepted", "repeated") and entry.event_id and entry.digest:
                before = promises.get(entry.event_id, Promise(frozenset(), receipt.received_at))
                at = max(before.received_at, receipt.received_at)
                promises[entry.event_id] = Promise(before.digests | {entry.digest}, at)
    return promises


def group_by_id(events: Iterable[SeenEvent]) -> dict[str, list[SeenEvent]]:
    """Events by their id."""
    groups: dict[str, list[SeenEvent]] = defaultdict(list)
    for event in events:
        groups[event.event_id].append(event)
    return groups


def split_absent(
    contract: EventContract, evidence: EventEvidence, promises: Mapping[str, Promise], now: datetime
) -> tuple[dict[str, str], list[str]]:
    """Accepted events that the table has not: those that are lost, each with where, and those on their way."""
    staged = {event.event_id for event in evidence.staged}
    loaded = {event.key for event in evidence.staged}
    delivered = {event.event_id: event.key for event in evidence.delivered}
    put_aside = {event.event_id: event.key for event in evidence.undelivered}
    late = now - timedelta(seconds=contract.delivery.buffer_s) - GRACE
    lost, waiting = {}, []
    for event_id, promise in promises.items():
        if event_id in staged:
            continue
        key = delivered.get(event_id)
        if key is not None and key in evidence.failed:
            lost[event_id] = f"the pipe refused {key}: {evidence.failed[key]}"
        elif key in loaded:
            lost[event_id] = f"{key} is loaded without it"
        elif key is None and event_id in put_aside:
            lost[event_id] = f"Firehose has put it aside in {put_aside[event_id]}"
        elif key is None and promise.received_at < late:
            lost[event_id] = f"received at {promise.received_at} and not delivered by Firehose"
        else:
            waiting.append(event_id)
    return lost, waiting


def describe_lost(evidence: EventEvidence, lost: Mapping[str, str], limit: int) -> Iterator[Finding]:
    """What is lost, by where."""
    places: dict[str, list[str]] = defaultdict(list)
    for event_id, where in lost.items():
        places[where].append(event_id)
    for where, ids in places.items():
        yield say_of("missing", "accepted", where, ids, limit)
    if other := [e.event_id for e in evidence.undelivered if e.event_id not in lost]:
        yield say_of("note", "undelivered", "put aside by Firehose, and there all the same", other, limit)


def find_loaded_twice(staged: Iterable[SeenEvent]) -> list[str]:
    """Lines of objects that the table has more than once."""
    lines = Counter((event.key, event.row) for event in staged)
    return [f"{key} line {row}" for (key, row), times in lines.items() for _ in range(times - 1)]


def find_altered(
    promises: Mapping[str, Promise], staged: Mapping[str, list[SeenEvent]], zone: str, limit: int
) -> Iterator[Finding]:
    """Rows that say something else than what was accepted, and ids that were accepted with two contents."""
    changed = [
        event_id
        for event_id, events in staged.items()
        if event_id in promises and {event.digest for event in events} - promises[event_id].digests
    ]
    if changed:
        yield say_of("altered", zone, "not what was accepted", changed, limit)
    if twofold := [event_id for event_id, promise in promises.items() if len(promise.digests) > 1]:
        text = "accepted with different content by two requests at one moment, or again when no longer remembered"
        yield say_of("altered", "accepted", text, twofold, limit)


def find_wrongly_shown(
    evidence: EventEvidence, staged: Mapping[str, list[SeenEvent]], zone: str, limit: int
) -> Iterator[Finding]:
    """Events that the view shows more than once, not at all, or alone."""
    if twice := [event_id for event_id, times in evidence.shown.items() if times > 1]:
        yield say_of("duplicate", zone, "shown more than once", twice, limit)
    # Between the two questions the table may have grown.
    if hidden := sorted(staged.keys() - evidence.shown.keys()):
        yield say_of("missing", zone, "staged and not shown", hidden, limit)


def find_unanswered(evidence: EventEvidence, promises: Mapping[str, Promise], limit: int) -> Iterator[Finding]:
    """What is kept without a receipt: the function ended before it could answer, so their senders post them again."""
    text = "there without an answer: the function ended before it, and the sender posts again"
    if ids := sorted({event.event_id for event in (*evidence.delivered, *evidence.staged)} - promises.keys()):
        yield say_of("note", "delivered", text, ids, limit)
    told = {(receipt.request_id, entry.index) for receipt in evidence.receipts for entry in receipt.events}
    if lines := [f"{x.request_id} event {x.index}" for x in evidence.refused if (x.request_id, x.index) not in told]:
        yield say_of("note", "refused", text, lines, limit)


def find_notes(evidence: EventEvidence, staged: Mapping[str, list[SeenEvent]], limit: int) -> Iterator[Finding]:
    """What is as it should be and worth knowing: repeats, events to be posted again, lines that nobody can read."""
    lines = {event_id: {(e.key, e.row) for e in events} for event_id, events in staged.items()}
    if repeats := sum(len(of) - 1 for of in lines.values()):
        text = "staged again, by a delivery that was repeated or a sender that was; the view shows each event once"
        yield Finding("note", "delivered", text, repeats)
    statuses = Counter(entry.status for receipt in evidence.receipts for entry in receipt.events)
    if statuses["repeated"]:
        text = "posted again and answered as known; counted once"
        yield Finding("note", "receipts", text, statuses["repeated"])
    if statuses["failed"]:
        yield Finding("note", "receipts", "not taken while a service was away; to be posted again", statuses["failed"])
    if evidence.odd:
        yield say_of("unexplained", "objects", "cannot be read", evidence.odd, limit)


def say_of(kind: str, zone: str, text: str, names: Iterable[str], limit: int) -> Finding:
    """A finding with the first of what it is about."""
    listed = list(names)
    more = f" and {len(listed) - limit:,} more" if len(listed) > limit else ""
    return Finding(kind, zone, f"{text}: {', '.join(listed[:limit])}{more}", len(listed))  # type: ignore[arg-type]


def describe_basis(evidence: EventEvidence) -> dict[str, str]:
    """What each figure rests on."""
    return {
        "produced": f"events in {len(evidence.receipts):,} receipts, each once",
        "raw": "the way keeps no raw rows",
        "curated": "answered as accepted",
        "rejected": "answered as refused",
        "loaded": f"ids among {len(evidence.staged):,} rows of the staging table",
    }
