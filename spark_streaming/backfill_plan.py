"""What a backfill will take again: found without Spark in the ledger, whose bounds of event time choose the files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from connections.ledger import Ledger
from connections.operations import IngestState, read_published_state
from pipeline_contract.contract_file import hash_contract
from pipeline_contract.durations import parse_duration
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_range import EventRange, find_file_ranges
from pipeline_contract.manifest import AggregateState, Backfill, LakeFile, Manifest, OffsetRange
from pipeline_contract.model import Contract
from pipeline_contract.outputs import aggregate_query
from spark_streaming.offsets import range_ends, sum_offsets

Source = Literal["kafka", "raw"]


@dataclass(frozen=True)
class BackfillRequest:
    """What somebody asks for: a range of event time, where the messages are read, and whether rejected rows count too."""

    event_range: EventRange
    source: Source
    with_rejected: bool


@dataclass(frozen=True)
class BackfillPlan:
    """The files in which rows of the range may lie, as the ledger stands; `previous` is the same backfill, if any.

    `aggregates` hold how far each aggregate has come; those without a batch are left out.
    """

    request: BackfillRequest
    topic: str
    state: IngestState
    snapshot: tuple[OffsetRange, ...]
    candidates: dict[str, tuple[LakeFile, ...]]
    aggregates: tuple[AggregateState, ...]
    previous: Backfill | None

    @property
    def number(self) -> int:
        """The number of the operation."""
        return self.state.next_number

    @property
    def as_of(self) -> int:
        """How many offsets of the contract's topic the ingest has read: the aggregates, too, count no other topic's."""
        newest = self.state.manifests[-1].ranges if self.state.manifests else ()
        return sum_offsets(range_ends(r for r in newest if r.topic == self.topic))

    def describe(self) -> list[str]:
        """The plan, a line for each of its steps."""
        if not self.candidates["curated"] and not self.candidates["rejected"]:
            return [f"nothing to do: no published row has its event time in {self.request.event_range}"]
        lines = [
            f"read {len(files)} {output} files of the current set, {sum(file.rows for file in files)} rows"
            for output, files in self.candidates.items()
            if files
        ]
        kinds = "curated and rejected" if self.request.with_rejected else "curated"
        lines.append(f"take their {kinds} rows of {self.request.event_range} again, from {self.request.source}, up to:")
        lines += [f"  topic {r.topic} ({r.topic_id}) partition {r.partition} offset {r.end}" for r in self.snapshot]
        lines += [f"compute the closed windows of aggregate {state.name} over them" for state in self.aggregates]
        if self.previous is not None:
            lines.append(f"operation {self.previous.number} is this backfill: it stands unless rows have come since")
        return [*lines, f"publish all of it as operation {self.number}"]


def parse_request(event_from: str, event_to: str, source: Source, with_rejected: bool) -> BackfillRequest:
    """The request that the options mean; a time is a date or a date and time, in UTC, or the start so long before the end."""
    end = _parse_time("--to", event_to)
    try:
        start = end - parse_duration(event_from)
    except ValueError:
        start = _parse_time("--from", event_from)
    if start >= end:
        raise ConfigurationError(f"--to: found {event_to!r}, allowed: a time after --from, {event_from!r}")
    return BackfillRequest(EventRange(start, end), source, with_rejected)


def plan_backfill(ledger: Ledger, contract: Contract, request: BackfillRequest) -> BackfillPlan:
    """The plan of a backfill on the ledger as it stands."""
    _check_format(contract)
    _check_source(contract, request)
    state = read_published_state(ledger)
    ranges = find_file_ranges(state.manifests, state.operations)
    curated = [f for key, f in state.current("curated").items() if request.event_range.overlaps(ranges[key])]
    # Rejected rows need not have an event time: any file may hold one.
    rejected = state.current("rejected").values() if request.with_rejected else ()
    aggregates = tuple(filter(None, (_read_progress(ledger, a.name, aggregate_query(a)) for a in contract.aggregates)))
    candidates = {"curated": tuple(curated), "rejected": tuple(rejected)}
    return BackfillPlan(
        request, contract.topic.name, state, take_snapshot(state.manifests), candidates, aggregates,
        find_previous(state, contract, request, aggregates),
    )  # fmt: skip


def _check_source(contract: Contract, request: BackfillRequest) -> None:
    if request.source == "raw" and contract.raw.zone == "off":
        raise ConfigurationError(
            f'--source raw: contract {contract.name!r} has zone = "off" in its section [raw], so that no raw zone keeps its '
            "messages; nothing was changed. Take them from the topic, as far as it still has them: --source kafka"
        )


def take_snapshot(manifests: tuple[Manifest, ...]) -> tuple[OffsetRange, ...]:
    """By topic, topic id and partition all that the ingest has ever published."""
    spans: dict[tuple[str, str, int], OffsetRange] = {}
    for r in (r for manifest in manifests for r in manifest.ranges):
        known = spans.get((r.topic, r.topic_id, r.partition), r)
        whole = {"start": min(known.start, r.start), "end": max(known.end, r.end)}
        spans[r.topic, r.topic_id, r.partition] = r.model_copy(update=whole)
    return tuple(spans[place] for place in sorted(spans))


def find_previous(
    state: IngestState, contract: Contract, request: BackfillRequest, aggregates: tuple[AggregateState, ...]
) -> Backfill | None:
    """The newest backfill that met this range, if it was the same one and left no window out that is closed by now."""
    for operation in reversed(state.operations):
        if not isinstance(operation, Backfill):
            continue
        taken = EventRange(operation.event_from, operation.event_to)
        if taken.overlaps(request.event_range):
            same = (taken, operation.with_rejected, operation.contract_hash)
            wanted = (request.event_range, request.with_rejected, hash_contract(contract))
            before = {aggregate.name: aggregate for aggregate in operation.aggregates}
            settled = all(_is_settled(contract, before.get(now.name), now, taken) for now in aggregates)
            return operation if same == wanted and settled else None
    return None


def _is_settled(contract: Contract, before: AggregateState | None, now: AggregateState, taken: EventRange) -> bool:
    """Whether a backfill has computed every window of its range that the aggregate has published by now."""
    if before is None or before.lineage != now.lineage:
        return False
    [grid] = [a.grid for a in contract.aggregates if a.name == now.name]
    if before == now or grid is None or before.watermark is None:
        # Where the sessions of a range end, only its rows could tell.
        return before == now
    return taken.widen_to_windows(*grid).end <= before.watermark


def _read_progress(ingest: Ledger, name: str, query: str) -> AggregateState | None:
    ledger = Ledger(ingest.s3, ingest.bucket, ingest.pipeline, query)
    last, closes = ledger.read_position().manifest, ledger.read_closes()
    if last is None:
        return None
    return AggregateState(
        name=name, lineage=last.lineage, as_of=sum_offsets(range_ends(last.ranges)), watermark=last.watermark,
        closes=len(closes),
    )  # fmt: skip


def _check_format(contract: Contract) -> None:
    if contract.lake.format == "delta":
        raise ConfigurationError(
            f"{contract.name}: a backfill replaces files by a record of the ledger, of which the readers of a Delta table "
            "know nothing; replay the data set under a name of its own"
        )


def _parse_time(option: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option}: found {text!r}, allowed: a date or a time in UTC, such as 2013-01-01 or 2013-01-01T06:00:00"
        ) from None
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
