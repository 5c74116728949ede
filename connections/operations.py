"""The numbered operations of a pipeline's ingest ledger, and the files that are current after them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from connections.ledger import Ledger
from pipeline_contract.current_set import CurrentSet, derive_current_set
from pipeline_contract.errors import PublishConflict
from pipeline_contract.manifest import Backfill, Compaction, Manifest, Operation

_OPERATION: TypeAdapter[Compaction | Backfill] = TypeAdapter(Operation)


@dataclass(frozen=True)
class IngestState:
    """The whole of an ingest's ledger at one moment: its operations, and the manifests, which were read after them."""

    operations: tuple[Compaction | Backfill, ...]
    manifests: tuple[Manifest, ...]

    @property
    def next_number(self) -> int:
        """The number of the operation that would follow."""
        return len(self.operations) + 1

    def current(self, output: str) -> CurrentSet:
        """The current files of one output, by key."""
        return derive_current_set(self.manifests, self.operations, output)


def read_operations(ledger: Ledger, after: int = 0) -> list[Compaction | Backfill]:
    """Every operation from the one after number `after`, in order; a gap in their numbers is a `PublishConflict`."""
    operations = []
    last = operation_key(ledger, after)
    keys = sorted(ledger.objects.list_keys(f"{ledger.prefix}ops/", start_after=last))
    for number, key in enumerate(keys, start=after + 1):
        if key != operation_key(ledger, number):
            raise PublishConflict(f"s3://{ledger.bucket}/{operation_key(ledger, number)} is missing; {key} is there")
        try:
            operations.append(_OPERATION.validate_json(ledger.objects.get(key) or b""))
        except ValidationError as error:
            raise PublishConflict(f"s3://{ledger.bucket}/{key}: no operation: {error.errors()[0]['msg']}") from error
    return operations


def put_operation(ledger: Ledger, operation: Compaction | Backfill) -> bool:
    """Publish an operation that was planned on the one before it; False when another one has its number.

    A lost reply looks like a lost race: the attempt tells them apart.
    """
    key = operation_key(ledger, operation.number)
    if ledger.objects.put_once(key, operation):
        return True
    standing = read_operations(ledger)[operation.number - 1]
    return standing.attempt == operation.attempt


def read_state(ledger: Ledger) -> IngestState:
    """The ledger's operations, then its manifests: so every file that an operation supersedes is known."""
    operations = tuple(read_operations(ledger))
    return IngestState(operations, tuple(ledger.read_manifests()))


def read_published_state(ledger: Ledger) -> IngestState:
    """The ledger's state without its newest batch while a file of that is not at its final key yet.

    Its driver is between the copies, or died there; the batch is whole again soon, or with the next start of the job.
    """
    state = read_state(ledger)
    last = state.manifests[-1].files if state.manifests else ()
    waiting = any(file.final_key not in ledger.objects.list_keys(file.final_key) for file in last)
    return replace(state, manifests=state.manifests[:-1]) if waiting else state


def operation_key(ledger: Ledger, number: int) -> str:
    """The key of an operation's record."""
    return f"{ledger.prefix}ops/{number:06d}.json"
