"""A contract's outputs as Glue tables: nothing is guessed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aws_integration.naming import CatalogNames, CatalogOutput
from pipeline_contract.layout import partition_path

if TYPE_CHECKING:
    from mypy_boto3_glue.type_defs import PartitionInputTypeDef, StorageDescriptorTypeDef, TableInputTypeDef

# What Hive calls Parquet: docs.aws.amazon.com/athena/latest/ug/parquet-serde.html
_PARQUET: dict[str, Any] = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


def describe_table(names: CatalogNames, output: CatalogOutput, projection: Mapping[str, str]) -> TableInputTypeDef:
    """Glue's description of one output's table; `projection` holds its parameters of partition projection, if any."""
    return {
        "Name": output.table,
        "Description": f"Rows of pipeline {names.pipeline}, registered from its contract",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet", **projection},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in output.partition_keys],
        "StorageDescriptor": _describe_storage(output, names.locate(output.prefix)),
    }


def describe_partition(names: CatalogNames, output: CatalogOutput, path: str) -> PartitionInputTypeDef:
    """Glue's description of the partition at a path `name=value/…/` below the output's prefix."""
    return {
        "Values": list(read_partition_values(path)),
        "StorageDescriptor": _describe_storage(output, names.locate(output.prefix + path)),
    }


def find_partition_paths(output: CatalogOutput, keys: Iterable[str]) -> list[str]:
    """The paths `name=value/…/` of the partitions in which objects lie, in order; others are no partition of the output."""
    paths = {partition_path(key.removeprefix(output.prefix)) for key in keys}
    wanted = list(output.partition_keys)
    return sorted(path for path in paths if [part.partition("=")[0] for part in path.split("/")[:-1]] == wanted)


def read_partition_values(path: str) -> tuple[str, ...]:
    """The values of a path `name=value/…/`, in which special characters are escaped as Hive does."""
    return tuple(unquote(part.partition("=")[2]) for part in path.split("/")[:-1])


def _describe_storage(output: CatalogOutput, location: str) -> StorageDescriptorTypeDef:
    columns = [
        {"Name": name, "Type": kind.glue} | ({"Comment": said} if (said := output.descriptions.get(name)) else {})
        for name, kind in output.columns.items()
    ]
    return {"Columns": columns, "Location": location, **_PARQUET}  # type: ignore[typeddict-item]
