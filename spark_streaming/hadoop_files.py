"""The files of a checkpoint as Spark itself opens them: at any address that Hadoop knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession


@dataclass(frozen=True)
class HadoopFiles:
    """A checkpoint at a path or any address that Hadoop opens, such as s3a://."""

    spark: SparkSession
    location: str

    def read(self, name: str) -> str | None:
        """A file's text, None where there is none."""
        path = self._path(name)
        files = self._files(path)
        if not files.exists(path):
            return None
        stream = files.open(path)
        try:
            return bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream)).decode()
        finally:
            stream.close()

    def list_names(self, folder: str) -> list[str]:
        """The names in a folder, none where there is no such folder."""
        path = self._path(folder)
        files = self._files(path)
        return [status.getPath().getName() for status in files.listStatus(path)] if files.exists(path) else []

    def write(self, name: str, text: str) -> None:
        """Put a file, in the place of any that is there."""
        path = self._path(name)
        stream = self._files(path).create(path, True)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()

    def delete(self, name: str) -> None:
        """Delete a file, or a folder with all that is in it."""
        path = self._path(name)
        self._files(path).delete(path, True)

    @property
    def _jvm(self) -> Any:
        return self.spark.sparkContext._jvm

    def _path(self, name: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(f"{self.location}/{name}")

    def _files(self, path: Any) -> Any:
        return path.getFileSystem(self.spark._jsparkSession.sessionState().newHadoopConf())
