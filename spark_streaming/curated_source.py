"""What the ingest has published, as a source of a stream: its offsets are positions in the ledger, its rows the curated files.

Spark plans a Python source in a process of its own and reads it on the executors: what they need of the settings travels
as an option, and their keys come, as everywhere, from the sandbox or from boto3's own chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from connections.lake_files import parse_object
from connections.ledger import Ledger
from connections.s3 import object_exists, open_s3
from connections.settings import S3Settings
from pipeline_contract.column_types import parse_type
from pipeline_contract.errors import PublishConflict, ServiceError
from pipeline_contract.manifest import BatchPosition, LakeFile, Manifest
from pipeline_contract.model import LakeFormat
from pipeline_contract.outputs import INGEST, FileOutput

FORMAT = "millrace_curated"
_ROWS_PER_ARROW_BATCH = 10_000


class CuratedRequest(BaseModel):
    """What a stream of curated rows reads: from where on, which columns, and how much at once."""

    model_config = ConfigDict(frozen=True)

    s3: S3Settings
    pipeline: str
    after: BatchPosition
    format: LakeFormat
    columns: dict[str, str]
    max_rows: int
    tasks: int

    @property
    def output(self) -> FileOutput:
        """The curated output, with the columns that are read."""
        types = {name: parse_type(text) for name, text in self.columns.items()}
        return FileOutput("curated", "curated", self.format, types)


def read_curated_stream(spark: SparkSession, request: CuratedRequest) -> DataFrame:
    """An unstarted stream of the curated rows that the ingest publishes behind `request.after`."""
    spark.dataSource.register(CuratedSource)
    return spark.readStream.format(FORMAT).option("request", request.model_dump_json()).load()


class CuratedSource(DataSource):
    """The source as Spark knows it; its one option is the request as JSON."""

    @classmethod
    def name(cls) -> str:
        """The source's format."""
        return FORMAT

    def schema(self) -> str:
        """The requested columns."""
        columns = CuratedRequest.model_validate_json(self.options["request"]).output.columns
        return ", ".join(f"`{name}` {kind.spark}" for name, kind in columns.items())

    def streamReader(self, schema: StructType) -> CuratedStream:  # noqa: ARG002, N802 - as Spark calls it
        """The stream's planner and reader."""
        return CuratedStream(CuratedRequest.model_validate_json(self.options["request"]))


@dataclass(frozen=True)
class CuratedTask(InputPartition):
    """The files that one task reads."""

    keys: tuple[str, ...]


class CuratedStream(DataSourceStreamReader):
    """Plans batches of whole ingest batches and reads their curated files; nothing is passed over.

    It waits before an ingest batch whose files are not all at their final keys yet.
    """

    def __init__(self, request: CuratedRequest) -> None:
        self._request = request
        self._planned = request.after

    def initialOffset(self) -> dict[str, object]:  # noqa: N802
        """Where the first batch begins."""
        return self._request.after.model_dump()

    def latestOffset(self) -> dict[str, object]:  # noqa: N802
        """Where the next batch ends: behind at least one published batch, and as many as the row limit allows."""
        s3, bucket = open_s3(self._request.s3), self._request.s3.bucket
        behind = check_gapless(self._planned, self._ledger.read_manifests(self._planned))
        whole = take_whole(behind, lambda key: object_exists(s3, bucket, key))
        *_, end = chain([self._planned], (m.position for m in limit_rows(whole, self._request.max_rows)))
        return end.model_dump()

    def partitions(self, start: dict[str, object], end: dict[str, object]) -> list[InputPartition]:
        """The tasks of one batch. Spark also calls it with two equal offsets, to say where a restarted query stands."""
        self._planned, last = BatchPosition.model_validate(start), BatchPosition.model_validate(end)
        files: list[LakeFile] = []
        for manifest in self._ledger.read_manifests(self._planned) if self._planned != last else ():
            files += manifest.files_of("curated")
            if manifest.position == last:
                break
        self._planned = last
        return [CuratedTask(keys) for keys in divide_files(files, self._request.tasks)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of one task's files, a file at a time."""
        assert isinstance(partition, CuratedTask)  # noqa: S101 - `partitions` makes no other
        s3, bucket, output = open_s3(self._request.s3), self._request.s3.bucket, self._request.output
        for key in partition.keys:
            try:
                body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                table = parse_object(body, output)
            except (ClientError, BotoCoreError) as error:
                raise ServiceError(f"S3: cannot read the published s3://{bucket}/{key}: {error}") from error
            except (pa.ArrowException, ValueError, OSError) as error:
                raise PublishConflict(f"s3://{bucket}/{key}: does not hold what was published: {error}") from error
            yield from table.to_batches(max_chunksize=_ROWS_PER_ARROW_BATCH)

    @property
    def _ledger(self) -> Ledger:
        return Ledger(open_s3(self._request.s3), self._request.s3.bucket, self._request.pipeline, INGEST)


def check_gapless(after: BatchPosition, manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """The manifests behind a position as they come, or `PublishConflict` at the first number that is missing."""
    for manifest in manifests:
        expected = after.batch + 1 if manifest.lineage == after.lineage else 0
        if manifest.batch != expected:
            raise PublishConflict(
                f"{manifest.pipeline}/{manifest.query}: the manifest of batch {expected} of lineage {manifest.lineage} is "
                f"missing, batch {manifest.batch} is there; restore it before you go on. Nothing was skipped"
            )
        after = manifest.position
        yield manifest


def take_whole(manifests: Iterable[Manifest], exists: Callable[[str], bool]) -> Iterator[Manifest]:
    """The manifests before the first one whose files are not all copied to their final keys yet.

    One that another of its lineage follows was copied before that one was put; only the last ones are looked at.
    """
    for manifest, following in pairwise(chain(manifests, [None])):
        assert manifest is not None  # noqa: S101 - only the last one of a pair can be
        is_last = following is None or following.lineage != manifest.lineage
        if is_last and not all(exists(file.final_key) for file in manifest.files_of("curated")):
            return
        yield manifest


def limit_rows(manifests: Iterable[Manifest], max_rows: int) -> Iterator[Manifest]:
    """The first manifest, and those after it as long as their curated rows together stay within the limit."""
    rows = 0
    for number, manifest in enumerate(manifests):
        rows += manifest.rows("curated")
        if number and rows > max_rows:
            return
        yield manifest


def divide_files(files: Iterable[LakeFile], tasks: int) -> list[tuple[str, ...]]:
    """The files' keys in at most so many parts of about the same size; no part is empty."""
    parts: list[tuple[int, list[str]]] = [(0, []) for _ in range(tasks)]
    for file in sorted(files, key=lambda f: (-f.bytes, f.final_key)):
        parts.sort(key=lambda part: part[0])
        size, keys = parts[0]
        parts[0] = (size + file.bytes, [*keys, file.final_key])
    return [tuple(keys) for _, keys in parts if keys]
