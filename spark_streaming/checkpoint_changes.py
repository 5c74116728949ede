"""Planned changes to a query's checkpoint: set back to a batch of its ledger, or emptied for a new lineage.

The ledger and what is published are never changed: a published batch stands, and whatever Spark runs again is answered
by its manifest. See docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connections.ledger import Ledger
from pipeline_contract.errors import ConfigurationError, PublishConflict
from pipeline_contract.manifest import Lineage, Manifest
from pipeline_contract.outputs import INGEST
from spark_streaming.checkpoint import LINEAGE_FILE, Checkpoint
from spark_streaming.offsets import is_commit_log, parse_offset_log, range_ends, write_commit_log, write_offset_log

# All that Spark keeps in a checkpoint.
_SPARK_FILES = ("offsets", "commits", "state", "sources", "metadata")


@dataclass(frozen=True)
class Change:
    """One file or folder of the checkpoint to write, or to delete where there is no `text`."""

    name: str
    text: str | None
    reason: str


@dataclass(frozen=True)
class Plan:
    """The changes to one checkpoint, in an order in which a crash between two of them does no harm."""

    query: str
    lineage: str
    checkpoint: str
    changes: tuple[Change, ...]
    outcome: str


def find_lineage(ledger: Ledger) -> Lineage:
    """The query's newest lineage, or `ConfigurationError` when it has never been started."""
    lineage = ledger.read_position().lineage
    if lineage is None:
        raise ConfigurationError(
            f"{ledger.pipeline}/{ledger.query}: has never been started; there is nothing to set back"
        )
    return lineage


def plan_rewind(ledger: Ledger, checkpoint: Checkpoint, to_batch: int) -> Plan:
    """How to make `to_batch` the checkpoint's last committed batch; a plan that is not published is made anew by Spark.

    Only the last published batch can be run again: Spark repeats the newest batch of its log alone, and would cut earlier
    ones otherwise than their manifests, which stand. A stateless query's lost or damaged logs are written from the ledger.
    """
    position = ledger.read_position()
    lineage, last = find_lineage(ledger), position.manifest
    published = last.batch if last else -1
    _check_target(ledger, to_batch, published)
    changes = (
        *_restore_lineage(ledger, checkpoint, lineage),
        *(
            Change(f"commits/{batch}", None, f"batch {batch} is to be run again")
            for batch in reversed(checkpoint.list_committed())
            if batch > to_batch
        ),
        *(
            Change(f"offsets/{batch}", None, f"batch {batch} is not published: it is planned anew")
            for batch in reversed(checkpoint.list_planned())
            if batch > published
        ),
        *_restore_logs(ledger, checkpoint, last, to_batch),
    )
    again = f"runs batch {published} again and finds it published" if to_batch < published else "goes on"
    return Plan(
        ledger.query, lineage.lineage, checkpoint.location, changes, f"the next start {again}, after batch {to_batch}"
    )


def plan_start_over(ledger: Ledger, checkpoint: Checkpoint) -> Plan:
    """How to empty the checkpoint, so that the next start begins a new lineage there and seals this one."""
    lineage = find_lineage(ledger)
    found = checkpoint.find_lineage_file()
    if found is not None and (found.pipeline, found.query) != (ledger.pipeline, ledger.query):
        raise ConfigurationError(
            f"{checkpoint.location}: is the checkpoint of {found.pipeline}/{found.query}, not of "
            f"{ledger.pipeline}/{ledger.query}; nothing is deleted there"
        )
    changes = (
        Change(LINEAGE_FILE, None, f"lineage {lineage.lineage} ends"),
        *(Change(name, None, "of that lineage") for name in _SPARK_FILES),
    )
    begin = "where the ledger ends" if ledger.query == INGEST else "at the first batch: its state is built again"
    outcome = f"the next start begins a new lineage {begin}; what is published stays"
    return Plan(ledger.query, lineage.lineage, checkpoint.location, changes, outcome)


def carry_out(ledger: Ledger, checkpoint: Checkpoint, make_plan: Callable[[], Plan], driver: str) -> Plan:
    """Fence the driver that may still run, plan on what the ledger holds from then on, and change the checkpoint."""
    ledger.take_ownership(driver, find_lineage(ledger).lineage)
    plan = make_plan()
    for change in plan.changes:
        if change.text is None:
            checkpoint.files.delete(change.name)
        else:
            checkpoint.files.write(change.name, change.text)
    return plan


def _check_target(ledger: Ledger, to_batch: int, published: int) -> None:
    where = f"{ledger.pipeline}/{ledger.query}: --to-batch {to_batch}"
    if to_batch > published:
        raise ConfigurationError(f"{where}: the ledger ends at batch {published}; a batch cannot be passed over")
    if to_batch < max(published - 1, -1):
        raise ConfigurationError(
            f"{where}: allowed {max(published - 1, -1)} or {published}. Earlier batches are published and stand; Spark would "
            "cut them otherwise. To judge their rows anew use `backfill`, to build an aggregate's state anew `start-over`"
        )


def _restore_lineage(ledger: Ledger, checkpoint: Checkpoint, lineage: Lineage) -> Iterator[Change]:
    found = checkpoint.find_lineage_file()
    if found == lineage:
        return
    if found is not None:
        raise PublishConflict(
            f"{checkpoint.location}: holds lineage {found.lineage} of {found.pipeline}/{found.query}, the ledger's newest is "
            f"{lineage.lineage}. Look which of them is right; `start-over` begins a new one"
        )
    _refuse_lost_state(ledger, checkpoint, LINEAGE_FILE)
    yield Change(LINEAGE_FILE, lineage.model_dump_json(), "is missing; taken from the ledger")


def _restore_logs(ledger: Ledger, checkpoint: Checkpoint, last: Manifest | None, to_batch: int) -> Iterator[Change]:
    """What Spark must find to go on: where the last two published batches end, and that the target is committed."""
    if last is None:
        return
    before = ledger.read_entry(last.lineage, last.batch - 1) if last.batch else None
    for manifest in (before, last):
        if isinstance(manifest, Manifest) and not _stands_in_log(ledger, checkpoint, manifest):
            name = f"offsets/{manifest.batch}"
            _refuse_lost_state(ledger, checkpoint, name)
            yield Change(name, write_offset_log(range_ends(manifest.ranges)), "as in the manifest")
    if to_batch >= 0 and not is_commit_log(checkpoint.files.read(f"commits/{to_batch}")):
        _refuse_lost_state(ledger, checkpoint, f"commits/{to_batch}")
        yield Change(f"commits/{to_batch}", write_commit_log(), "the batch is published")


def _stands_in_log(ledger: Ledger, checkpoint: Checkpoint, manifest: Manifest) -> bool:
    text = checkpoint.files.read(f"offsets/{manifest.batch}")
    if text is None or ledger.query != INGEST:  # only the ingest's log holds the offsets of its ranges
        return text is not None
    try:
        return parse_offset_log(text).ends == range_ends(manifest.ranges)
    except PublishConflict:
        return False


def _refuse_lost_state(ledger: Ledger, checkpoint: Checkpoint, name: str) -> None:
    if ledger.query != INGEST:
        raise ConfigurationError(
            f"{checkpoint.location}/{name}: missing; the state of {ledger.query} cannot be trusted without it. "
            f"`start-over {ledger.pipeline} --query {ledger.query}` builds it anew"
        )
