"""What every party of the events way shows: receipts, refused events, delivered objects, the staging table and its view."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from connections.s3 import open_s3
from connections.settings import Settings
from connections.warehouse import Connection, open_warehouse, run_query
from pipeline_contract.event_judge import digest_event
from pipeline_contract.event_layout import (
    delivered_prefix,
    name_error_bucket,
    receipts_prefix,
    refused_prefix,
    undelivered_prefix,
)
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_outputs import EVENT_COLUMNS
from pipeline_contract.event_records import Receipt, RefusedEvent
from reconciliation.check import Say
from reconciliation.object_store import list_objects, read_object
from snowflake_integration.naming import Target, derive_names
from snowflake_integration.pipes import read_load_state

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


Record = TypeVar("Record", bound=BaseModel)


class SeenEvent(NamedTuple):
    """One event where it was seen: its id and digest, the request and the place in it, the object and the row there."""

    event_id: str
    digest: str
    request_id: str
    position: int
    key: str
    row: int


@dataclass(frozen=True)
class EventEvidence:
    """What the parties have shown; `failed` are objects that the pipe refused, with why, `odd` lines that nobody can read."""

    staged: list[SeenEvent]
    shown: Counter[str]
    failed: Mapping[str, str]
    delivered: list[SeenEvent]
    undelivered: list[SeenEvent]
    refused: list[RefusedEvent]
    receipts: list[Receipt]
    odd: list[str] = field(default_factory=list)


def gather_event_evidence(settings: Settings, contract: EventContract, say: Say) -> EventEvidence:
    """Read every party; the table comes first and the receipts last, so that an event on its way is not called lost."""
    s3, name = open_s3(settings.s3), contract.name
    lake, errors = settings.s3.bucket, name_error_bucket(settings.s3.bucket)
    names = derive_names(contract, settings)
    (target,) = names.targets
    odd: list[str] = []
    say("reading the staging table")
    with closing(open_warehouse(settings.warehouse)) as connection:
        state = read_load_state(connection, s3, names, target, lake)
        staged, shown = list(read_staged(connection, target)), read_shown(connection, target)
    say("reading what Firehose has delivered")
    delivered = list(read_delivered(s3, lake, delivered_prefix(name), odd))
    undelivered = list(read_undelivered(s3, lake, undelivered_prefix(name), odd))
    say("reading refused events")
    refused = list(read_records(s3, errors, refused_prefix(name), RefusedEvent, odd))
    say("reading receipts")
    receipts = list(read_records(s3, lake, receipts_prefix(name), Receipt, odd))
    return EventEvidence(staged, shown, state.failed, delivered, undelivered, refused, receipts, odd)


def read_staged(connection: Connection, target: Target) -> Iterator[SeenEvent]:
    """The rows of the staging table."""
    for row in run_query(connection, f"SELECT * FROM {target.table}"):  # noqa: S608 - quoted name
        content = {name: row[name.upper()] for name in EVENT_COLUMNS}
        content["payload"] = parse_json(content["payload"])
        content["occurred_at"] = write_time(content["occurred_at"])
        place = str(row["_REQUEST_ID"]), int(row["_EVENT_INDEX"]), str(row["_FILE_NAME"]), int(row["_FILE_ROW_NUMBER"])
        yield SeenEvent(str(row["EVENT_ID"]), digest_event(content), *place)


def read_shown(connection: Connection, target: Target) -> Counter[str]:
    """How often the view shows each event."""
    rows = run_query(connection, f'SELECT "EVENT_ID" FROM {target.view}')  # noqa: S608 - quoted name
    return Counter(str(row["EVENT_ID"]) for row in rows)


def read_delivered(s3: S3Client, bucket: str, prefix: str, odd: list[str]) -> Iterator[SeenEvent]:
    """The events in the objects under a prefix, line by line; what cannot be read is noted in `odd`."""
    for key in list_objects(s3, bucket, prefix):
        for number, line in read_lines(s3, bucket, key, odd):
            if event := parse_record(line, key, number):
                yield event
            else:
                odd.append(f"{key} line {number}: no event of the handler's")


def read_undelivered(s3: S3Client, bucket: str, prefix: str, odd: list[str]) -> Iterator[SeenEvent]:
    """The events that Firehose has put aside, each in a record that holds it in base64.

    Source: docs.aws.amazon.com/firehose/latest/dev/retry.html.
    """
    for key in list_objects(s3, bucket, prefix):
        for number, line in read_lines(s3, bucket, key, odd):
            try:
                raw = b64decode(json.loads(line)["rawData"])
            except (ValueError, KeyError, TypeError):
                raw = b""
            if event := parse_record(raw, key, number):
                yield event
            else:
                odd.append(f"{key} line {number}: no record of Firehose's")


def read_records(s3: S3Client, bucket: str, prefix: str, kind: type[Record], odd: list[str]) -> Iterator[Record]:
    """The records of the objects under a prefix, one a line."""
    for key in list_objects(s3, bucket, prefix):
        for number, line in read_lines(s3, bucket, key, odd):
            try:
                yield kind.model_validate_json(line)
            except ValidationError:
                odd.append(f"{key} line {number}: no {kind.__name__}")


def read_lines(s3: S3Client, bucket: str, key: str, odd: list[str]) -> Iterator[tuple[int, bytes]]:
    """The lines of an object with their numbers from 1, unpacked where it is gzip."""
    body = read_object(s3, bucket, key) or b""
    if body.startswith(b"\x1f\x8b"):
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError):
            odd.append(f"{key}: cannot be unpacked")
            return
    yield from ((number, line) for number, line in enumerate(body.splitlines(), start=1) if line)


def parse_record(line: bytes, key: str, number: int) -> SeenEvent | None:
    """An event as the handler wrote it; None for any other line. Pure."""
    try:
        record = parse_json(line)
        content = {name: record[name] for name in EVENT_COLUMNS}
        place = str(record["_request_id"]), int(record["_event_index"])
        return SeenEvent(str(content["event_id"]), digest_event(content), *place, key, number)
    except (ValueError, KeyError, TypeError):
        return None


def parse_json(text: str | bytes) -> Any:
    """A value whose numbers keep all their digits."""
    return json.loads(text, parse_float=Decimal)


def write_time(value: datetime) -> str:
    """A time of the table as a record has it."""
    return value.replace(tzinfo=None).isoformat(timespec="microseconds")
