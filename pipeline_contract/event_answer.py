"""What the API answers: a status for each event, and the request's own status code from them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

from pipeline_contract.event_body import EventReason
from pipeline_contract.event_records import Receipt, ReceiptEntry, Request, Status, write_reasons

ALL_TAKEN, MIXED, ALL_REFUSED, UNAVAILABLE = 202, 207, 400, 503


class Verdict(NamedTuple):
    """What becomes of one event of a request, and why, if not accepted."""

    position: int
    event_id: str | None
    status: Status
    reasons: tuple[EventReason, ...] = ()
    digest: str | None = None


def choose_code(verdicts: Sequence[Verdict]) -> int:
    """202: all taken, now or before. 400: none, and all are wrong. 503: none, and some may be posted again. 207: else."""
    statuses = {verdict.status for verdict in verdicts}
    if statuses <= {"accepted", "repeated"}:
        return ALL_TAKEN
    if statuses == {"refused"}:
        return ALL_REFUSED
    return MIXED if statuses & {"accepted", "repeated"} else UNAVAILABLE


def describe_answer(request_id: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The body of the answer: how many events of each status, and each event with its reasons."""
    counts = Counter(verdict.status for verdict in verdicts)
    return {
        "request_id": request_id,
        **{status: counts[status] for status in get_args(Status)},
        "events": [_describe_event(verdict) for verdict in verdicts],
    }


def write_receipt(request: Request, version: int, verdicts: Sequence[Verdict]) -> bytes:
    """What is kept of the answer, as one line of JSON."""
    entries = tuple(
        ReceiptEntry(index=v.position, event_id=v.event_id, status=v.status, digest=v.digest) for v in verdicts
    )
    receipt = Receipt(request_id=request.id, received_at=request.received_at, schema_version=version, events=entries)
    return receipt.model_dump_json().encode() + b"\n"


def _describe_event(verdict: Verdict) -> dict[str, Any]:
    told: dict[str, Any] = {"index": verdict.position, "event_id": verdict.event_id, "status": verdict.status}
    return told | ({"reasons": write_reasons(verdict.reasons)} if verdict.reasons else {})
