"""The user's own stage, `@~`: files that PUT has brought, in a folder beside the databases."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sandbox.snowpipe.object_store import FileMissing, ObjectStore, StagedFile
from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.sql_names import ObjectName

# What stands for the stage where a stage on S3 has its name and its bucket; no object and no bucket can be called so.
USER_STAGE = ObjectName("", "", "~")
USER_BUCKET = "~"


class UserStage:
    """The files of `@~`; all users of the emulated account share one."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def prepare_folder(self, path: str) -> Path:
        """Return the folder of a path below the stage, made if it is not there."""
        folder = (self._root / path).resolve()
        if not folder.is_relative_to(self._root):
            raise SqlError(f"SQL compilation error:\ninvalid stage path '@~/{path}'", 1003, "42000")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def fetch_file(self, key: str) -> tuple[StagedFile, bytes]:
        """Return a file's metadata and bytes, or raise FileMissing."""
        try:
            return self._describe(self._root / key), (self._root / key).read_bytes()
        except FileNotFoundError:
            raise FileMissing(f"@~/{key}") from None

    def list_files(self, prefix: str) -> list[StagedFile]:
        """Return the files whose path begins with the prefix, by path."""
        files = []
        for path in sorted(self._root.rglob("*")) if self._root.is_dir() else []:
            # Another session may delete a file after it was listed.
            with suppress(FileNotFoundError):
                if not path.is_dir():
                    files.append(self._describe(path))
        return [file for file in files if file.key.startswith(prefix)]

    def delete_file(self, key: str) -> None:
        """Delete a file."""
        (self._root / key).unlink(missing_ok=True)

    def _describe(self, path: Path) -> StagedFile:
        stat = path.stat()
        digest = hashlib.md5(f"{stat.st_mtime_ns}/{stat.st_size}".encode(), usedforsecurity=False).hexdigest()
        changed = datetime.fromtimestamp(stat.st_mtime, UTC)
        return StagedFile(USER_BUCKET, path.relative_to(self._root).as_posix(), stat.st_size, digest, changed)


class StagedFiles:
    """The files of every stage: those on S3, and those of the user's own stage."""

    def __init__(self, objects: ObjectStore, user_stage: UserStage) -> None:
        self._objects = objects
        self.user_stage = user_stage

    def fetch_file(self, bucket: str, key: str) -> tuple[StagedFile, bytes]:
        """Return a file's metadata and bytes, or raise FileMissing."""
        return self.user_stage.fetch_file(key) if bucket == USER_BUCKET else self._objects.fetch_file(bucket, key)

    def list_files(self, bucket: str, prefix: str) -> list[StagedFile]:
        """Return the files whose key begins with the prefix, by key."""
        return self.user_stage.list_files(prefix) if bucket == USER_BUCKET else self._objects.list_files(bucket, prefix)

    def delete_file(self, bucket: str, key: str) -> None:
        """Delete a file, as PURGE and REMOVE ask."""
        if bucket == USER_BUCKET:
            self.user_stage.delete_file(key)
        else:
            self._objects.delete_file(bucket, key)
