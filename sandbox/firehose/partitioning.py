"""Dynamic partitioning, pure: docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-partitioning-keys.html."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.aws.refusals import CallRefused

Paths = Mapping[str, tuple[str, ...]]
QUERY = re.compile(r"\s*\{(?P<fields>.*)\}\s*", re.DOTALL)
FIELD = re.compile(r"\s*(?P<quote>\"?)(?P<name>\w+)(?P=quote)\s*:\s*(?P<path>(\.[A-Za-z_]\w*)+)\s*")


class NotPlaced(Exception):
    """A record that has no partition."""


def read_query(query: str) -> Paths:
    """The path of each key of a query such as `{day:.day, kind:.event.kind}`; jq's other expressions are refused."""
    braces = QUERY.fullmatch(query)
    fields = [FIELD.fullmatch(part) for part in braces["fields"].split(",")] if braces else []
    if not fields or None in fields:
        raise CallRefused(
            "InvalidArgumentException",
            f"MetadataExtractionQuery {query!r}: the emulated Firehose reads keys with plain paths, {{name:.field}}, alone",
        )
    return {field["name"]: tuple(field["path"].split(".")[1:]) for field in fields if field}


def extract_keys(paths: Paths, data: bytes) -> dict[str, str]:
    """The partition keys of one record; raises `NotPlaced` with Firehose's words."""
    try:
        record = json.loads(data.decode())
    except UnicodeDecodeError:
        text = "Non UTF-8 record provided. Only UTF-8 encoded data supported for Metadata Extraction"
        raise NotPlaced(text) from None
    except ValueError:
        raise NotPlaced("Non JSON record provided") from None
    return {name: _write_key(_find(record, path)) for name, path in paths.items()}


def build_error_record(data: bytes, message: str, arrived_s: float, number: str) -> bytes:
    """What is delivered in the place of a record that could not be placed: one line of JSON, times in milliseconds.

    Its fields: docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html, without a function's.
    """
    error = {
        "attemptsMade": 1,
        "arrivalTimestamp": int(arrived_s * 1000),
        "errorCode": "DynamicPartitioning.MetadataExtractionFailed",
        "errorMessage": message,
        "attemptEndingTimestamp": int(arrived_s * 1000),
        "rawData": base64.b64encode(data).decode(),
        "sequenceNumber": number,
    }
    return json.dumps(error).encode() + b"\n"


def _find(record: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _write_key(value: Any) -> str:
    if value is None or value == "" or isinstance(value, dict | list):
        raise NotPlaced("partitionKeys values must not be null or empty")
    return value if isinstance(value, str) else json.dumps(value)
