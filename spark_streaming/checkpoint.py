"""A query's checkpoint, on a local disk or on S3: Spark's own logs, read, and the lineage that we keep beside them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.manifest import Lineage
from spark_streaming.checkpoint_files import CheckpointFiles
from spark_streaming.offsets import OffsetLogEntry, parse_offset_log

# Spark skips names that begin with an underscore or are no numbers, so ours disturbs nothing.
LINEAGE_FILE = "_millrace_lineage.json"


@dataclass(frozen=True)
class Checkpoint:
    """One query's checkpoint folder, whichever way its files are opened."""

    files: CheckpointFiles

    @property
    def location(self) -> str:
        """The folder, as Spark is given it."""
        return self.files.location

    def read_lineage(self) -> Lineage | None:
        """The lineage of this checkpoint, None when it has not been started; another job's checkpoint is refused."""
        text = self.files.read(LINEAGE_FILE)
        if text is not None:
            return Lineage.model_validate_json(text)
        if self.list_planned():
            raise ConfigurationError(
                f"{self.location}: is a checkpoint, but not one of Millrace's (it has no {LINEAGE_FILE}); "
                "give another --checkpoint, or an empty folder"
            )
        return None

    def is_empty(self) -> bool:
        """Say whether there is nothing of a checkpoint at this place."""
        return self.files.read(LINEAGE_FILE) is None and not self.list_planned()

    def find_lineage_file(self) -> Lineage | None:
        """The lineage that the checkpoint names, None where it names none that can be read."""
        try:
            return Lineage.model_validate_json(self.files.read(LINEAGE_FILE) or "")
        except ValidationError:
            return None

    def write_lineage(self, lineage: Lineage) -> None:
        """Keep the lineage of a checkpoint that is about to be started."""
        self.files.write(LINEAGE_FILE, lineage.model_dump_json())

    def read_offset_log(self, batch: int) -> OffsetLogEntry:
        """Where a batch ends, as Spark logged it before it ran the batch."""
        text = self.files.read(f"offsets/{batch}")
        if text is None:
            raise ConfigurationError(f"{self.location}/offsets/{batch}: missing; the checkpoint is damaged")
        return parse_offset_log(text)

    def last_planned(self) -> int:
        """The newest batch in the offset log, -1 before the first."""
        return max(self.list_planned(), default=-1)

    def last_committed(self) -> int:
        """The newest batch that Spark has committed, -1 before the first."""
        return max(self.list_committed(), default=-1)

    def list_planned(self) -> list[int]:
        """The batches in the offset log, in order; Spark deletes old ones."""
        return self._numbers("offsets")

    def list_committed(self) -> list[int]:
        """The batches in the commit log, in order; Spark deletes old ones."""
        return self._numbers("commits")

    def _numbers(self, folder: str) -> list[int]:
        return sorted(int(name) for name in self.files.list_names(folder) if name.isdigit())
