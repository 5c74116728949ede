"""The files of a checkpoint, opened without Spark: on a local disk, or on S3."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from connections.ledger_objects import LedgerObjects
from pipeline_contract.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class CheckpointFiles(Protocol):
    """The files below one checkpoint folder; names are relative to `location`."""

    @property
    def location(self) -> str:
        """The folder, as Spark is given it."""

    def read(self, name: str) -> str | None:
        """A file's text, None where there is none."""

    def list_names(self, folder: str) -> list[str]:
        """The names of the files and folders directly in a folder, none where there is no such folder."""

    def write(self, name: str, text: str) -> None:
        """Put a file, in the place of any that is there."""

    def delete(self, name: str) -> None:
        """Delete a file, or a folder with all that is in it; one that is not there is no error."""


@dataclass(frozen=True)
class LocalFiles:
    """A checkpoint on this machine's disk, with the checksum files that Hadoop keeps beside its own."""

    location: str

    def read(self, name: str) -> str | None:
        """A file's text, None where there is none."""
        path = Path(self.location, name)
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def list_names(self, folder: str) -> list[str]:
        """The names in a folder, none where there is no such folder."""
        path = Path(self.location, folder)
        return [child.name for child in path.iterdir()] if path.is_dir() else []

    def write(self, name: str, text: str) -> None:
        """Put a file; a checksum of what was there before would make it unreadable."""
        self.delete(name)
        path = Path(self.location, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def delete(self, name: str) -> None:
        """Delete a file and its checksum, or a folder."""
        path = Path(self.location, name)
        path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class S3Files:
    """A checkpoint on S3."""

    s3: S3Client
    location: str

    def read(self, name: str) -> str | None:
        """An object's text, None where there is none."""
        body = self._objects.get(self._key(name))
        return None if body is None else body.decode()

    def list_names(self, folder: str) -> list[str]:
        """The names of the objects directly below a folder's prefix."""
        return [key.rpartition("/")[2] for key in self._objects.list_keys(f"{self._key(folder)}/")]

    def write(self, name: str, text: str) -> None:
        """Put an object."""
        self._objects.put(self._key(name), text.encode())

    def delete(self, name: str) -> None:
        """Delete an object, and all that lies below it as below a folder."""
        self._objects.delete([self._key(name)])
        self._objects.delete(self._objects.list_tree(f"{self._key(name)}/"))

    @property
    def _objects(self) -> LedgerObjects:
        return LedgerObjects(self.s3, urlsplit(self.location).netloc)

    def _key(self, name: str) -> str:
        return f"{urlsplit(self.location).path.strip('/')}/{name}"


def open_files(s3: S3Client, location: str) -> CheckpointFiles:
    """The files of a checkpoint at the address that a lineage names, or `ConfigurationError` for one that needs Hadoop."""
    scheme = urlsplit(location).scheme
    if scheme in ("s3a", "s3"):
        return S3Files(s3, location)
    if scheme in ("", "file"):
        return LocalFiles(location.removeprefix("file://"))
    raise ConfigurationError(f"{location}: only a checkpoint on a local disk or on S3 is opened without Spark")
