"""One request from its body to its answer: judged, refused events kept, accepted ones sent, and a receipt of it all.

The order makes every crash harmless: refused events are kept before anything is accepted; ids are remembered after
Firehose has the events; the receipt, which the reconciliation reads, comes last. A sender without an answer posts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from aws_integration.lambda_handlers.event_ids import IdStore
from aws_integration.lambda_handlers.event_stream import EventStream
from pipeline_contract.errors import ServiceError
from pipeline_contract.event_answer import Verdict, write_receipt
from pipeline_contract.event_body import BodyRefused, EventReason, PostedEvent, read_body
from pipeline_contract.event_judge import JudgedEvent
from pipeline_contract.event_layout import dated_key, receipts_prefix, refused_prefix
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_records import (
    RefusedEvent,
    Request,
    describe_refused,
    describe_refused_body,
    encode_record,
    encode_refused,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONFLICT = "conflict"


class Buckets(NamedTuple):
    """Where a request leaves objects: receipts in the lake's bucket, refused events in that of errors."""

    client: S3Client
    lake: str
    errors: str


class EventIntake:
    """Takes requests of one set of events."""

    def __init__(
        self,
        contract: EventContract,
        judge: Callable[[PostedEvent], JudgedEvent],
        ids: IdStore,
        stream: EventStream,
        buckets: Buckets,
    ) -> None:
        self._contract = contract
        self._judge = judge
        self._ids = ids
        self._stream = stream
        self._buckets = buckets

    def take(self, request: Request, body: bytes, timeout_s: float) -> list[Verdict]:
        """What becomes of each event of a body.

        `ServiceError` where a store is away: then nothing was answered, and all of it may be posted again.
        """
        try:
            judged = [self._judge(posted) for posted in read_body(body, self._contract.api)]
        except BodyRefused as refusal:
            self._keep_refused(request, [describe_refused_body(body, refusal.reason, request, self._contract.version)])
            verdicts = [Verdict(0, None, "refused", (refusal.reason,))]
        else:
            verdicts = self._take_events(request, judged, timeout_s)
        receipt = write_receipt(request, self._contract.version, verdicts)
        self._put(self._buckets.lake, receipts_prefix(self._contract.name), request, receipt)
        return verdicts

    def _take_events(self, request: Request, judged: Sequence[JudgedEvent], timeout_s: float) -> list[Verdict]:
        known = self._ids.find(event.event_id for event in judged if event.event_id and not event.reasons)
        verdicts = compare_known(judged, known)
        refused = [
            describe_refused(event._replace(reasons=verdict.reasons), request, self._contract.version)
            for event, verdict in zip(judged, verdicts, strict=True)
            if verdict.status == "refused"
        ]
        if refused:
            self._keep_refused(request, refused)
        accepted = [event for event, verdict in zip(judged, verdicts, strict=True) if verdict.status == "accepted"]
        failed = self._send(request, accepted, timeout_s)
        self._ids.remember({str(e.event_id): e.digest for e in accepted if e.posted.position not in failed})
        return mark_failed(verdicts, failed)

    def _send(self, request: Request, accepted: Iterable[JudgedEvent], timeout_s: float) -> dict[int, str]:
        records = {e.posted.position: encode_record(e, request, self._contract.version) for e in accepted}
        return self._stream.send(records, timeout_s)

    def _keep_refused(self, request: Request, refused: Sequence[RefusedEvent]) -> None:
        self._put(self._buckets.errors, refused_prefix(self._contract.name), request, encode_refused(refused))

    def _put(self, bucket: str, prefix: str, request: Request, body: bytes) -> None:
        key = dated_key(prefix, request.received_at, request.id)
        try:
            self._buckets.client.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/x-ndjson")
        except (ClientError, BotoCoreError) as error:
            raise ServiceError(f"S3: cannot put s3://{bucket}/{key}: {error}") from error


def compare_known(judged: Iterable[JudgedEvent], known: dict[str, str]) -> list[Verdict]:
    """A verdict for each event, given the digests of known ids: an id has one event, in one request too. Pure."""
    seen = dict(known)
    return [_compare(event, seen) for event in judged]


def _compare(event: JudgedEvent, seen: dict[str, str]) -> Verdict:
    """The verdict of one event; an accepted one is seen from then on."""
    position, event_id = event.posted.position, event.event_id
    if event.reasons or event_id is None:
        return Verdict(position, event_id, "refused", event.reasons)
    digest = seen.setdefault(event_id, "")
    if not digest:
        seen[event_id] = event.digest
        return Verdict(position, event_id, "accepted", digest=event.digest)
    if digest == event.digest:
        return Verdict(position, event_id, "repeated", digest=digest)
    text = "an event of other content was accepted under this id; a new event needs an id of its own"
    return Verdict(position, event_id, "refused", (EventReason(CONFLICT, "/event_id", text),))


def mark_failed(verdicts: Sequence[Verdict], failed: dict[int, str]) -> list[Verdict]:
    """The verdicts, with what Firehose did not take as failed, and what repeats such an event in the same request too."""
    lost = {v.event_id for v in verdicts if v.position in failed}
    return [_fail(v, failed) if v.status in ("accepted", "repeated") and v.event_id in lost else v for v in verdicts]


def _fail(verdict: Verdict, failed: dict[int, str]) -> Verdict:
    why = failed.get(verdict.position, "the same event, earlier in the request, was not taken")
    text = f"not taken for now, post it again: {why}"
    return verdict._replace(status="failed", reasons=(EventReason("unavailable", "", text),), digest=None)
