"""The lake as a party: every object that lies under the pipeline's prefixes, listed, hashed and read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from connections.delta_table import LOG_FOLDER, is_merged
from connections.lake_files import arrow_schema, parse_object
from pipeline_contract.layout import output_prefix
from pipeline_contract.manifest import LakeFile
from pipeline_contract.outputs import FileOutput
from reconciliation.compared_values import compare_as
from reconciliation.object_store import list_objects, read_object
from reconciliation.row_keys import empty_zone, make_zone

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class LakeObject:
    """One published object; `trouble` says why its rows cannot be read."""

    key: str
    bytes: int
    rows: int
    sha256: str
    trouble: str | None = None


@dataclass(frozen=True)
class LakeOutput:
    """One output as it lies in the bucket: its objects, and their rows with the object's key as `place`.

    `zone` is for rows with a passport; an aggregate's is empty. `place_row` counts the rows within an object from 1.
    """

    output: FileOutput
    objects: tuple[LakeObject, ...]
    rows: pa.Table
    zone: pa.Table


def read_lake(s3: S3Client, bucket: str, pipeline: str, output: FileOutput) -> LakeOutput:
    """Everything that lies under an output's prefix, found by listing it."""
    return read_output(s3, bucket, output, list_data(s3, bucket, pipeline, output))


def read_replaced(
    s3: S3Client, bucket: str, outputs: Iterable[FileOutput], files: Iterable[tuple[str, LakeFile]]
) -> dict[str, LakeOutput]:
    """The objects that operations name, by output; what attempts have left beside them is nobody's."""
    named = [file for _, file in files]
    return {
        output.name: read_output(s3, bucket, output, [f.final_key for f in named if f.output == output.name])
        for output in outputs
    }


def read_output(s3: S3Client, bucket: str, output: FileOutput, keys: Iterable[str]) -> LakeOutput:
    """What these objects of one output hold; one that is gone is left out."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        read = [
            pair for pair in pool.map(lambda key: read_lake_object(s3, bucket, key, output), keys) if pair is not None
        ]
    schema = (
        arrow_schema(output.columns).append(pa.field("place", pa.string())).append(pa.field("place_row", pa.int64()))
    )
    rows = pa.concat_tables([schema.empty_table(), *(table for _, table in read)])
    zone = empty_zone() if output.kind == "aggregate" else make_zone(rows)
    return LakeOutput(output, tuple(found for found, _ in read), rows, zone)


def list_data(s3: S3Client, bucket: str, pipeline: str, output: FileOutput) -> list[str]:
    """The keys of an output's data, found by listing; of a Delta table without what Delta has written itself."""
    keys = list_objects(s3, bucket, output_prefix(pipeline, output.name))
    if output.format != "delta":
        return keys
    log = output_prefix(pipeline, output.name) + LOG_FOLDER
    return [key for key in keys if not key.startswith(log) and not is_merged(key)]


def read_lake_object(s3: S3Client, bucket: str, key: str, output: FileOutput) -> tuple[LakeObject, Any] | None:
    """One object with its rows, hashed and read; None when it is gone."""
    body = read_object(s3, bucket, key)
    if body is None:  # deleted between the listing and now
        return None
    digest = hashlib.sha256(body).hexdigest()
    schema = arrow_schema(output.columns)
    trouble = None
    try:
        parsed = parse_object(body, output)
        table = pa.table([compare_as(parsed[field.name], field.type) for field in schema], schema=schema)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        trouble = str(error).splitlines()[0]
        table = schema.empty_table()
    placed = table.append_column("place", pa.array([key] * table.num_rows, pa.string()))
    placed = placed.append_column("place_row", pa.array(range(1, table.num_rows + 1), pa.int64()))
    return LakeObject(key, len(body), table.num_rows, digest, trouble), placed
