"""The one place that opens Delta tables: data files of the lake, and the log beside them that says which of them count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from time import time
from typing import Any
from urllib.parse import unquote

import orjson
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from connections.s3 import sandbox_credentials
from connections.settings import S3Settings
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.layout import output_prefix

# Below a table's own folder.
LOG_FOLDER = "_delta_log/"
# A job may not delete anything in the lake. Checkpoints keep the reading of a long log short.
_KEEP_LOG = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


@dataclass(frozen=True)
class DataFile:
    """One data file: its key in the bucket, and the values by which its rows are partitioned."""

    key: str
    bytes: int
    rows: int
    partition: Mapping[str, str]


@dataclass
class LakeTable:
    """The Delta table of one output of a pipeline.

    Every method raises `ServiceError` when S3 cannot be reached or the log cannot be read.
    """

    settings: S3Settings
    pipeline: str
    output: str

    @property
    def prefix(self) -> str:
        """The folder of the table in the bucket; keys of its files begin with it."""
        return output_prefix(self.pipeline, self.output)

    @property
    def uri(self) -> str:
        """The table's address for Delta readers; Spark says `s3a` for `s3`."""
        return f"s3://{self.settings.bucket}/{self.prefix.rstrip('/')}"

    def exists(self) -> bool:
        """Whether there is a log."""
        return bool(self._call("look for", DeltaTable.is_deltatable, self.uri, storage_options(self.settings)))

    def prepare(self, columns: pa.Schema, partitions: Iterable[str]) -> None:
        """Create the table where it is absent, and add the columns that it lacks; all may be null.

        `ConfigurationError` where a column or the partitions are not what they were: rows of both would not be one table.
        """
        names = list(partitions)
        wanted = pa.schema([*columns, *(pa.field(name, pa.string()) for name in names)])
        if not self.exists():
            self._call(
                "create", DeltaTable.create, self.uri, Schema.from_arrow(wanted), mode="ignore", partition_by=names,
                storage_options=storage_options(self.settings),
            )  # fmt: skip
        table = self.open()
        there = {field.name: field for field in table.schema().fields}
        fields = Schema.from_arrow(wanted).fields
        changed = [field.name for field in fields if field.name in there and there[field.name].type != field.type]
        if changed or table.metadata().partition_columns != names:
            what = f"column {', '.join(changed)}" if changed else "lake.partition_by"
            raise ConfigurationError(
                f"Delta table {self.uri}: the contract's {what} is not what the table has; a Delta table keeps the types and "
                "partitions that it was made with. Give the changed data set a pipeline name of its own"
            )
        if new := [field for field in fields if field.name not in there]:
            self._call("change", table.alter.add_columns, new)

    def last_version(self, application: str) -> int | None:
        """The newest version that an application has committed, or None."""
        version: int | None = self._call("read", self.open().transaction_version, application)
        return version

    def add_files(self, files: Iterable[DataFile], application: str, version: int) -> None:
        """Make files count, in one commit that no other commit of this application and version can double.

        A commit that another writer has made meanwhile is found and taken for this one.
        """
        table = self.open()
        done = table.transaction_version(application)
        if done is not None and done >= version:
            return
        now_ms = int(time() * 1000)
        actions: list[AddAction | RemoveAction] = [self._describe(file, now_ms) for file in files]
        try:
            table.create_write_transaction(
                actions, "append", table.schema(), partition_by=table.metadata().partition_columns,
                commit_properties=CommitProperties(app_transactions=[Transaction(application, version, now_ms)]),
                post_commithook_properties=_KEEP_LOG,
            )  # fmt: skip
        except CommitFailedError:
            committed = self.last_version(application)
            if committed is None or committed < version:
                raise ServiceError(
                    f"Delta table {self.uri}: version {version} of {application} could not be committed beside other "
                    "writers; start the job again, it goes on here"
                ) from None
        except DeltaError as error:
            raise self._failed("commit to", error) from error

    def list_files(self) -> list[DataFile]:
        """The files that count now."""
        actions = pa.table(self._call("read", self.open().get_add_actions, flatten=False)).to_pylist()
        # The log names files as a URL does.
        return [
            DataFile(
                self.prefix + unquote(action["path"]), action["size_bytes"], action["num_records"],
                action.get("partition") or {},
            )
            for action in actions
        ]  # fmt: skip

    def list_dropped(self, older_than: timedelta) -> list[str]:
        """The keys of files that lie in the folder and count no more, or never did, since more than so many hours."""
        hours = ceil(older_than / timedelta(hours=1))
        paths = self._call(
            "look over", self.open().vacuum, hours, dry_run=True, enforce_retention_duration=False, full=True
        )
        return sorted(self.prefix + path for path in paths)

    def merge_files(self, target_bytes: int) -> int:
        """Write the small files of each partition again as large ones, in one commit, and return how many took their place.

        Rows stay the same, and a commit that adds files meanwhile is not disturbed.
        """
        merged = self._call("optimise", self.open().optimize.compact, target_size=target_bytes)
        return int(merged["numFilesAdded"])

    def open(self) -> DeltaTable:
        """The table as it is now, in the hands of the Delta library."""
        table: DeltaTable = self._call("open", DeltaTable, self.uri, storage_options=storage_options(self.settings))
        return table

    def _describe(self, file: DataFile, now_ms: int) -> AddAction:
        stats = orjson.dumps({"numRecords": file.rows}).decode()
        return AddAction(file.key.removeprefix(self.prefix), file.bytes, dict(file.partition), now_ms, True, stats)

    def _call(self, what: str, function: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except (DeltaError, OSError) as error:
            raise self._failed(what, error) from error

    def _failed(self, what: str, error: Exception) -> ServiceError:
        return ServiceError(f"cannot {what} the Delta table {self.uri}: {error}")


def is_merged(key: str) -> bool:
    """Whether a file was written by `LakeTable.merge_files`: its rows stand in published files as well."""
    return key.rpartition("/")[2].startswith("part-")


def storage_options(settings: S3Settings) -> dict[str, str]:
    """How the Delta library reaches the bucket; on AWS it finds the credentials itself, by AWS's own chain.

    A log entry is put under the condition that there is none: two writers never take one version.
    """
    options = {"aws_region": settings.region, "aws_conditional_put": "etag"}
    if settings.endpoint_url:
        options |= {"aws_endpoint_url": settings.endpoint_url, "aws_virtual_hosted_style_request": "false"}
        options |= {"aws_allow_http": str(settings.endpoint_url.startswith("http://")).lower()}
    return options | sandbox_credentials(settings)
