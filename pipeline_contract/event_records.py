"""What is written of a request: records for Firehose, refused events, and the receipt of what was answered. Pure."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from pipeline_contract.event_body import EventReason
from pipeline_contract.event_judge import JudgedEvent

# accepted: taken, for the first time as far as is remembered · repeated: accepted before, not taken again · refused:
# it breaks the contract · failed: a service was away, post it again.
Status = Literal["accepted", "repeated", "refused", "failed"]


class Request(NamedTuple):
    """One request: API Gateway's id, when it came (UTC, without a zone), and the keyed hash of its sender's address."""

    id: str
    received_at: datetime
    source_ip_hash: str | None


class ReceiptEntry(BaseModel):
    """What was answered for one event; `digest` is that of an accepted or repeated event's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    index: int
    event_id: str | None
    status: Status
    digest: str | None = None


class Receipt(BaseModel):
    """What was answered to one request, kept for the reconciliation; a body that could not be taken apart is one entry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    request_id: str
    received_at: datetime
    schema_version: int
    events: tuple[ReceiptEntry, ...]


class RefusedEvent(BaseModel):
    """One line of an object of refused events; `event` is the text as it came, or base64 where that is no text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    request_id: str
    index: int
    event_id: str | None
    received_at: datetime
    schema_version: int
    reasons: tuple[dict[str, str], ...]
    event: str
    encoding: Literal["text", "base64"] = "text"


def encode_record(judged: JudgedEvent, request: Request, version: int) -> bytes:
    """An accepted event as one line of JSON, with its passport."""
    passport = {
        "_request_id": request.id,
        "_event_index": judged.posted.position,
        "_received_at": request.received_at.isoformat(timespec="microseconds"),
        "_source_ip_hash": request.source_ip_hash,
        "_schema_version": version,
    }
    return _write_line(judged.content | passport)


def describe_refused(judged: JudgedEvent, request: Request, version: int) -> RefusedEvent:
    """A refused event with every reason."""
    return RefusedEvent(
        request_id=request.id,
        index=judged.posted.position,
        event_id=judged.event_id,
        received_at=request.received_at,
        schema_version=version,
        reasons=tuple(write_reasons(judged.reasons)),
        event=judged.posted.text,
    )


def describe_refused_body(body: bytes, reason: EventReason, request: Request, version: int) -> RefusedEvent:
    """A body that could not be taken apart, as the one refused event of its request."""
    try:
        text, encoding = body.decode("utf-8"), "text"
    except UnicodeDecodeError:
        text, encoding = b64encode(body).decode(), "base64"
    return RefusedEvent(
        request_id=request.id,
        index=0,
        event_id=None,
        received_at=request.received_at,
        schema_version=version,
        reasons=tuple(write_reasons([reason])),
        event=text,
        encoding=encoding,
    )


def encode_refused(refused: Iterable[RefusedEvent]) -> bytes:
    """Refused events as lines of JSON."""
    return b"".join(_write_line(event.model_dump(mode="json")) for event in refused)


def write_reasons(reasons: Sequence[EventReason]) -> list[dict[str, str]]:
    """Reasons as the error object and the answer have them."""
    return [reason._asdict() for reason in reasons]


def _write_line(value: dict[str, Any]) -> bytes:
    # Text that is no character, which a refused event may hold, stays the escape that it was.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"
