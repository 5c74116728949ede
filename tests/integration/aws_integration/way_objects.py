"""Objects as the way `s3` leaves them: Parquet in the contract's types, one or more a month."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from connections.lake_files import arrow_schema
from pipeline_contract.contract_file import load_contract
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, curated_columns
from pipeline_contract.passport import PASSPORT
from pipeline_contract.ways import s3_way_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COLUMNS = """
[[column]]
name = "id"
type = "bigint"
nullable = false

[[column]]
name = "label"
type = "string"
description = "What it is called"

[[column]]
name = "size"
type = "integer"

[[column]]
name = "ratio"
type = "double"

[[column]]
name = "price"
type = "decimal(12,2)"

[[column]]
name = "ok"
type = "boolean"

[[column]]
name = "on_day"
type = "date"

[[column]]
name = "at"
type = "timestamp"
nullable = false
"""


def write_contract(folder: Path, name: str) -> Path:
    """A contract with a column of every type, partitioned by month."""
    path = folder / f"{name}.toml"
    path.write_text(
        f"""
name = "{name}"
version = 1
[topic]
name = "{name}"
key = ["id"]
[lake]
partition_by = {{ month = "date_format(at, 'yyyy-MM')" }}
[warehouse]
schema = "{name}"
table = "things"
{COLUMNS}
"""
    )
    return path


@dataclass
class WayObjects:
    """The objects of one pipeline in a bucket of its own."""

    s3: S3Client
    bucket: str
    contract_file: Path

    @property
    def contract(self) -> Contract:
        """The pipeline's contract."""
        return load_contract(self.contract_file)

    def put_curated(self, month: str, rows: int, first: int = 0) -> None:
        """Put one object with so many rows of a month."""
        schema = arrow_schema(curated_columns(self.contract) | PASSPORT)
        at = dt.datetime.fromisoformat(f"{month}-15 12:30:15.123456")
        values: dict[str, list[Any]] = {
            "id": list(range(first, first + rows)),
            "label": [f"thing {n % 7}" for n in range(rows)],
            "size": [n % 100 for n in range(rows)],
            "at": [at] * rows,
            "_topic": [self.contract.topic.name] * rows,
            "_partition": [0] * rows,
            "_offset": list(range(first, first + rows)),
        }
        self._put("curated", f"month={month}/", schema, values, rows, first)

    def put_rejected(self, rows: int) -> None:
        """Put one object with so many rejected rows."""
        schema = arrow_schema(REJECTED_COLUMNS | PASSPORT)
        self._put("rejected", "", schema, {"stage": ["decode"] * rows, "value": [b"?"] * rows}, rows, 0)

    def _put(self, output: str, folder: str, schema: Any, values: dict[str, list[Any]], rows: int, first: int) -> None:
        columns = [pa.array(values.get(field.name, [None] * rows), field.type) for field in schema]
        sink = io.BytesIO()
        pq.write_table(pa.table(columns, schema=schema), sink)
        name = f"{self.contract.topic.name}-0-{first:020d}.parquet"
        key = f"{s3_way_prefix(self.contract.name, output)}{folder}{name}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=sink.getvalue())
