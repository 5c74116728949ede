"""Live batches, compactions and backfills of one ledger in a random order, each step of them apart from the next.

The rows lie in memory, the ledger on S3; what is planned, and who wins, is decided by the code of the product.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from uuid import uuid4

from connections.ledger import Ledger
from connections.operations import put_operation, read_state
from pipeline_contract.event_range import EventRange
from pipeline_contract.manifest import Backfill, Compaction, Lineage, OperationFile
from pipeline_contract.merge_plan import plan_merges
from spark_streaming.backfill_plan import take_snapshot
from tests.unit.pipeline_contract.operation_builder import (
    LINEAGE,
    START,
    build_backfill,
    build_compaction,
    build_file,
    build_manifest,
    build_operation_file,
)

BATCHES, ROWS_A_BATCH, TARGET_BYTES = 6, 10, 1_000_000


@dataclass(frozen=True)
class Row:
    """A row: its offset, which is also its hour, and the backfill that judged it last, 0 for the stream."""

    offset: int
    version: int = 0


@dataclass
class RowLake:
    """A ledger, and the rows of every file that was ever written."""

    ledger: Ledger
    chance: random.Random
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def publish_batches(self) -> Iterator[str]:
        """The stream: batches of ten rows, in one to three files each, out of order in their hours."""
        self.ledger.register_lineage(
            Lineage(
                pipeline="orders", query="ingest", lineage=LINEAGE, number=1, checkpoint="/c", contract_hash="h",
                starts=(),
            )
        )  # fmt: skip
        for batch in range(BATCHES):
            parts = self.chance.randint(1, 3)
            offsets = range(batch * ROWS_A_BATCH, (batch + 1) * ROWS_A_BATCH)
            files = []
            for part in range(parts):
                files.append(build_file(f"lake/orders/curated/{batch}-{part}"))
                self.rows[files[-1].final_key] = [Row(offset) for offset in offsets[part::parts]]
            yield "stage"
            self.ledger.put_entry(build_manifest(batch, *files))
            yield "put"

    def compact(self) -> Iterator[str]:
        """A compaction of a random part of the current files, planned again where it loses its number."""
        while True:
            state = read_state(self.ledger)
            current = list(state.current("curated").values())
            yield "plan"
            merges = plan_merges(self.chance.sample(current, min(len(current), 4)), TARGET_BYTES)
            if not merges:
                return
            names = [file.final_key for file in merges[0].files]
            merged = self._write([row for name in names for row in self.rows[name]])
            yield "write"
            operation = build_compaction(state.next_number, names, merged, attempt=uuid4().hex)
            won = put_operation(self.ledger, operation)
            yield "put"
            if won:
                return

    def backfill(self) -> Iterator[str]:
        """A backfill of a random range, planned again where it loses its number."""
        first = self.chance.randrange(2 * ROWS_A_BATCH)
        taken = range(first, first + self.chance.randint(1, 25))
        while True:
            state = read_state(self.ledger)
            current = state.current("curated")
            yield "plan"
            superseded = [name for name in current if any(row.offset in taken for row in self.rows[name])]
            rows = [row for name in superseded for row in self.rows[name]]
            again = [replace(row, version=state.next_number) for row in rows if row.offset in taken]
            kept = [row for row in rows if row.offset not in taken]
            written = self._write(again), [self._write(kept)] if kept else []
            yield "write"
            operation = build_backfill(state.next_number, superseded, [written[0]], written[1]).model_copy(
                update={
                    "attempt": uuid4().hex,
                    "event_from": START + taken.start * timedelta(hours=1),
                    "event_to": START + taken.stop * timedelta(hours=1),
                    "snapshot": take_snapshot(state.manifests),
                }
            )
            won = put_operation(self.ledger, operation)
            yield "put"
            if won:
                return

    def check_whole(self) -> None:
        """Hold that the current files have every published row once, in the version of the newest backfill over it."""
        state = read_state(self.ledger)
        found = sorted((row.offset, row.version) for name in state.current("curated") for row in self.rows[name])
        published = len(state.manifests) * ROWS_A_BATCH
        assert found == [(offset, self._newest(offset, state.operations)) for offset in range(published)]

    def _newest(self, offset: int, operations: tuple[Compaction | Backfill, ...]) -> int:
        at = START + offset * timedelta(hours=1)
        moment = EventRange(at, at + timedelta(microseconds=1))
        return max(
            (
                operation.number
                for operation in operations
                if isinstance(operation, Backfill)
                and EventRange(operation.event_from, operation.event_to).overlaps(moment)
                and offset < operation.snapshot[0].end
            ),
            default=0,
        )

    def _write(self, rows: list[Row]) -> OperationFile:
        file = build_operation_file(f"operations/orders/{uuid4().hex}/curated/part-0", rows=len(rows))
        self.rows[file.final_key] = rows
        return file


def run_in_random_order(ledger: Ledger, seed: int) -> RowLake:
    """Let a stream, compactions and backfills go on by a step at a time in a random order; one of them may crash.

    Two batches are there before the others begin.
    """
    chance = random.Random(seed)
    lake = RowLake(ledger, chance)
    stream = lake.publish_batches()
    for _ in range(4):
        next(stream)
    actors = [stream, *(lake.compact() for _ in range(4)), *(lake.backfill() for _ in range(4))]
    crash_at = chance.randrange(40)
    for step in count():
        if not actors:
            break
        actor = chance.choice(actors)
        if step == crash_at and actor is not actors[0]:
            actors.remove(actor)
            continue
        done = next(actor, None)
        if done is None:
            actors.remove(actor)
        elif done == "put":
            lake.check_whole()
    return lake
