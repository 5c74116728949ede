"""Which files of an output hold its rows now: those published, less those that operations have superseded. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline_contract.errors import PublishConflict
from pipeline_contract.manifest import Backfill, Compaction, LakeFile, Manifest

CurrentSet = dict[str, LakeFile]


def derive_current_set(
    manifests: Iterable[Manifest], operations: Iterable[Compaction | Backfill], output: str
) -> CurrentSet:
    """The files of one output by key, which together hold each of its rows once.

    `operations` are in order, and `manifests` were read after them. Raises `PublishConflict` where an operation
    supersedes a file that was not current before it.
    """
    current: CurrentSet = {
        file.final_key: file for manifest in manifests for file in manifest.files if file.output == output
    }
    for operation in operations:
        apply_operation(current, operation, output)
    return current


def apply_operation(current: CurrentSet, operation: Compaction | Backfill, output: str) -> None:
    """Bring the current set of one output from before an operation to after it."""
    for key in operation.superseded.get(output, ()):
        if current.pop(key, None) is None:
            raise PublishConflict(
                f"{operation.pipeline}/{operation.query}: operation {operation.number} supersedes {key}, which was not "
                "current before it: a manifest or an operation is missing, or was changed"
            )
    current.update((file.final_key, file) for file in operation.files if file.output == output)
