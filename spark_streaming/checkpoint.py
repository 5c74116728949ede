"""A query's checkpoint, on a local disk or on S3: Spark's own logs, read, and the lineage that we keep beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.manifest import Lineage
from spark_streaming.offsets import OffsetLogEntry, parse_offset_log

# Spark skips names that begin with an underscore or are no numbers, so ours disturbs nothing.
LINEAGE_FILE = "_millrace_lineage.json"


@dataclass(frozen=True)
class Checkpoint:
    """One query's checkpoint folder; `location` is a path or any address that Hadoop opens, such as s3a://."""

    spark: SparkSession
    location: str

    def read_lineage(self) -> Lineage | None:
        """The lineage of this checkpoint, None when it has not been started; another job's checkpoint is refused."""
        text = self._read(LINEAGE_FILE)
        if text is not None:
            return Lineage.model_validate_json(text)
        if self._numbers("offsets"):
            raise ConfigurationError(
                f"{self.location}: is a checkpoint, but not one of Millrace's (it has no {LINEAGE_FILE}); "
                "give another --checkpoint, or an empty folder"
            )
        return None

    def write_lineage(self, lineage: Lineage) -> None:
        """Keep the lineage of a checkpoint that is about to be started."""
        path = self._path(LINEAGE_FILE)
        stream = self._files(path).create(path, True)
        try:
            stream.write(bytearray(lineage.model_dump_json().encode()))
        finally:
            stream.close()

    def read_offset_log(self, batch: int) -> OffsetLogEntry:
        """Where a batch ends, as Spark logged it before it ran the batch."""
        text = self._read(f"offsets/{batch}")
        if text is None:
            raise ConfigurationError(f"{self.location}/offsets/{batch}: missing; the checkpoint is damaged")
        return parse_offset_log(text)

    def last_planned(self) -> int:
        """The newest batch in the offset log, -1 before the first."""
        return max(self._numbers("offsets"), default=-1)

    def last_committed(self) -> int:
        """The newest batch that Spark has committed, -1 before the first."""
        return max(self._numbers("commits"), default=-1)

    def _numbers(self, folder: str) -> list[int]:
        path = self._path(folder)
        files = self._files(path)
        if not files.exists(path):
            return []
        names = [status.getPath().getName() for status in files.listStatus(path)]
        return [int(name) for name in names if name.isdigit()]

    def _read(self, name: str) -> str | None:
        path = self._path(name)
        files = self._files(path)
        if not files.exists(path):
            return None
        stream = files.open(path)
        try:
            return bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream)).decode()
        finally:
            stream.close()

    @property
    def _jvm(self) -> Any:
        return self.spark.sparkContext._jvm

    def _path(self, name: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(f"{self.location}/{name}")

    def _files(self, path: Any) -> Any:
        return path.getFileSystem(self.spark._jsparkSession.sessionState().newHadoopConf())
