"""An S3 destination as Firehose reads it: docs.aws.amazon.com/firehose/latest/APIReference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.aws.refusals import CallRefused
from sandbox.firehose.partitioning import Paths, read_query
from sandbox.firehose.prefixes import check_prefixes

MB = 1024 * 1024
DEFAULTS: dict[str, Any] = {
    "CompressionFormat": "UNCOMPRESSED",
    "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
    "CloudWatchLoggingOptions": {"Enabled": False},
    "S3BackupMode": "Disabled",
}
BUFFERING = {"SizeInMBs": 5, "IntervalInSeconds": 300}
# docs.aws.amazon.com/firehose/latest/dev/buffering.html
MIN_PARTITIONED_MB = 64
EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz"}


@dataclass(frozen=True)
class Destination:
    """What delivery needs to know of a destination; `keys` is None without dynamic partitioning."""

    bucket: str
    prefix: str
    error_prefix: str
    compression: str
    extension: str
    zone: ZoneInfo
    size_bytes: int
    interval_s: int
    delimiter: bytes
    keys: Paths | None


def complete_configuration(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with Firehose's defaults, as it is described."""
    hints = {**BUFFERING, **asked.get("BufferingHints", {})}
    return {**DEFAULTS, **{k: v for k, v in asked.items() if k != "S3BackupConfiguration"}, "BufferingHints": hints}


def read_destination(configuration: Mapping[str, Any]) -> Destination:
    """Read a complete configuration; what Firehose or this emulation would not take is refused."""
    delimiter, keys = _read_processors(configuration)
    size_mb, interval_s = _read_buffering(configuration, keys)
    prefix, error_prefix = configuration.get("Prefix", ""), configuration.get("ErrorOutputPrefix", "")
    check_prefixes(prefix, error_prefix, frozenset(keys) if keys is not None else None)
    compression = configuration["CompressionFormat"]
    if compression not in EXTENSIONS:
        raise _refuse(f"CompressionFormat {compression} is not emulated")
    if configuration.get("DataFormatConversionConfiguration", {}).get("Enabled"):
        raise _refuse("DataFormatConversionConfiguration is not emulated")
    return Destination(
        bucket=_read_bucket(configuration["BucketARN"]),
        prefix=prefix,
        error_prefix=error_prefix,
        compression=compression,
        extension=configuration.get("FileExtension") or EXTENSIONS[compression],
        zone=_read_zone(configuration.get("CustomTimeZone") or "UTC"),
        size_bytes=size_mb * MB,
        interval_s=interval_s,
        delimiter=delimiter,
        keys=keys,
    )


def _read_buffering(configuration: Mapping[str, Any], keys: Paths | None) -> tuple[int, int]:
    hints = configuration["BufferingHints"]
    size_mb, interval_s = hints["SizeInMBs"], hints["IntervalInSeconds"]
    if not 1 <= size_mb <= 128:
        raise _refuse("BufferingHints.SizeInMBs must be between 1 and 128")
    if not 0 <= interval_s <= 900:
        raise _refuse("BufferingHints.IntervalInSeconds must be between 0 and 900")
    if keys is not None and size_mb < MIN_PARTITIONED_MB:
        text = f"BufferingHints.SizeInMBs must be at least {MIN_PARTITIONED_MB} when Dynamic Partitioning is enabled."
        raise _refuse(text)
    if keys is not None and interval_s == 0:
        raise _refuse("Zero buffering is not available for dynamic partitioning")
    return size_mb, interval_s


def _read_processors(configuration: Mapping[str, Any]) -> tuple[bytes, Paths | None]:
    """What is put behind each record, and the paths of the partition keys."""
    processing = configuration.get("ProcessingConfiguration", {})
    is_partitioned = configuration.get("DynamicPartitioningConfiguration", {}).get("Enabled", False)
    delimiter, keys = b"", None
    for processor in processing.get("Processors", []) if processing.get("Enabled") else []:
        kind = processor["Type"]
        parameters = {p["ParameterName"]: p["ParameterValue"] for p in processor.get("Parameters", [])}
        if kind == "AppendDelimiterToRecord":
            delimiter = parameters.get("Delimiter", "\\n").replace("\\n", "\n").encode()
        elif kind == "MetadataExtraction":
            if parameters.get("JsonParsingEngine") != "JQ-1.6" or "MetadataExtractionQuery" not in parameters:
                raise _refuse("MetadataExtraction needs MetadataExtractionQuery, and JsonParsingEngine JQ-1.6")
            keys = read_query(parameters["MetadataExtractionQuery"])
        else:
            raise _refuse(f"a processor of type {kind} is not emulated")
    if is_partitioned and keys is None:
        raise _refuse("Dynamic Partitioning is enabled, and no processor extracts partition keys")
    if keys is not None and not is_partitioned:
        raise _refuse("MetadataExtraction can only be present when Dynamic Partitioning is enabled.")
    return delimiter, keys


def _read_bucket(arn: str) -> str:
    prefix = "arn:aws:s3:::"
    if not arn.startswith(prefix) or len(arn) == len(prefix):
        raise _refuse(f"BucketARN {arn!r} is no ARN of a bucket")
    return arn.removeprefix(prefix)


def _read_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise _refuse(f"CustomTimeZone {name!r} is no time zone") from None


def _refuse(message: str) -> CallRefused:
    return CallRefused("InvalidArgumentException", message)
