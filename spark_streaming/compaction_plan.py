"""What a compaction will do: found without Spark in the ledger, the contract and the warehouse's tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connections.ledger import Ledger
from connections.loaded_files import read_loaded_files
from connections.operations import IngestState, read_state
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.layout import operations_prefix
from pipeline_contract.merge_plan import Merge, plan_merges
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST, Output, derive_outputs


@dataclass(frozen=True)
class CompactionPlan:
    """What a compaction will merge, planned on the ledger as `state` shows it; `unloaded` files must wait."""

    state: IngestState
    merges: tuple[Merge, ...]
    unloaded: int

    def describe(self) -> list[str]:
        """The plan, a line for each merge."""
        lines = [
            f"{merge.output}/{merge.partition_path}: {len(merge.files)} files, {merge.rows} rows, {merge.bytes} bytes "
            f"-> {merge.merged_files}"
            for merge in self.merges
        ]
        if self.unloaded:
            lines.append(f"{self.unloaded} files are left as they are: the warehouse has not loaded them yet")
        return lines or ["nothing to merge: every file is as large as the contract wants it, or alone in its place"]


def choose_outputs(contract: Contract, wanted: str | None) -> tuple[Output, ...]:
    """The outputs to compact: the named one, or those of the ingest; a Delta table's files are merged by `optimize`."""
    outputs = tuple(o for o in derive_outputs(contract) if o.kind != "aggregate" and o.format != "delta")
    chosen = tuple(o for o in outputs if wanted in (None, o.name))
    if not chosen:
        raise ConfigurationError(f"--output: found {wanted!r}, allowed: {', '.join(o.name for o in outputs)}")
    return chosen


def plan_compaction(settings: Settings, contract: Contract, outputs: Sequence[Output]) -> CompactionPlan:
    """Find the files that can be merged: small ones of the current set, below `lake/` only those that are loaded."""
    state = read_state(Ledger(open_s3(settings.s3), settings.s3.bucket, contract.name, INGEST))
    current = [file for output in outputs for file in state.current(output.name).values()]
    loaded = read_loaded_files(settings.warehouse, outputs)
    # No pipe covers the files of an operation, so there is none to wait for.
    replaced = operations_prefix(contract.name)
    ready = [file for file in current if file.final_key in loaded or file.final_key.startswith(replaced)]
    merges = plan_merges(ready, contract.lake.target_file_bytes)
    return CompactionPlan(state, merges, len(current) - len(ready))
