"""Which files of an output are worth merging, and into how many. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from pipeline_contract.layout import partition_path
from pipeline_contract.manifest import LakeFile

# A file of at least this part of the target size is left as it is: merging it again would write much and gain little.
_LARGE_ENOUGH = 0.5


@dataclass(frozen=True)
class Merge:
    """The files of one output and partition path that become `merged_files` larger ones."""

    output: str
    partition_path: str
    files: tuple[LakeFile, ...]
    merged_files: int

    @property
    def rows(self) -> int:
        """The rows of all of them."""
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        """The bytes of all of them."""
        return sum(file.bytes for file in self.files)


def plan_merges(files: Iterable[LakeFile], target_bytes: int) -> tuple[Merge, ...]:
    """The merges that bring an output's files nearer to the target size; none where the files would not become fewer."""
    small: dict[tuple[str, str], list[LakeFile]] = defaultdict(list)
    for file in files:
        if file.bytes < target_bytes * _LARGE_ENOUGH:
            small[file.output, partition_path(file.final_key)].append(file)
    merges = (
        Merge(output, path, tuple(sorted(of, key=lambda f: f.final_key)), ceil(sum(f.bytes for f in of) / target_bytes))
        for (output, path), of in sorted(small.items())
    )
    return tuple(merge for merge in merges if merge.merged_files < len(merge.files))
