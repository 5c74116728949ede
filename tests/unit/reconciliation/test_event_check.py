"""The account of the events way: every party's word against the others', each fault with its name."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipeline_contract.event_records import Receipt, ReceiptEntry, RefusedEvent
from reconciliation.event_check import GRACE, judge_events
from reconciliation.event_evidence import EventEvidence, SeenEvent, parse_record
from reconciliation.statement import DONE, FAILED, NOT_FINISHED, Statement
from tests.unit.pipeline_contract.event_cases import EVENTS

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC).replace(tzinfo=None)
FILE = "lake/events/delivered/2026/01/31/12/one.gz"


def seen(number: int, key: str = FILE, row: int | None = None, digest: str | None = None) -> SeenEvent:
    return SeenEvent(f"e{number}", digest or f"d{number}", "r1", number, key, number if row is None else row)


def entry(number: int, status: str = "accepted", digest: str | None = None) -> ReceiptEntry:
    told = (digest or f"d{number}") if status in ("accepted", "repeated") else None
    return ReceiptEntry(index=number, event_id=f"e{number}", status=status, digest=told)


def receipt(*entries: ReceiptEntry, request_id: str = "r1", at: datetime = NOW) -> Receipt:
    return Receipt(request_id=request_id, received_at=at, schema_version=1, events=entries)


def refused(number: int) -> RefusedEvent:
    reasons = ({"reason": "enum:/type", "field": "/type", "message": ""},)
    return RefusedEvent(
        request_id="r1", index=number, event_id=None, received_at=NOW, schema_version=1, reasons=reasons, event="{}"
    )


WHOLE = EventEvidence(
    staged=[seen(0), seen(1)],
    shown=Counter(["e0", "e1"]),
    failed={},
    delivered=[seen(0), seen(1)],
    undelivered=[],
    refused=[refused(2)],
    receipts=[receipt(entry(0), entry(1), entry(2, "refused"))],
)


def judge(evidence: EventEvidence, now: datetime = NOW) -> Statement:
    return judge_events(EVENTS, evidence, now, limit=5)


def kinds(statement: Statement) -> list[tuple[str, int | None]]:
    return [(finding.kind, finding.rows) for finding in statement.findings]


def test_all_parties_agree() -> None:
    statement = judge(WHOLE)

    figures = (statement.produced, statement.curated, statement.rejected, statement.loaded, statement.pending)
    assert figures == (3, 2, 1, 2, 0)
    assert (statement.exit_code, statement.findings) == (DONE, ())
    assert statement.rejected_by_reason == {"enum:/type": 1}


def test_an_event_in_the_buffer_of_firehose_is_on_its_way_and_after_long_it_is_missing() -> None:
    evidence = replace(WHOLE, staged=[seen(0)], shown=Counter(["e0"]), delivered=[seen(0)])

    soon, late = judge(evidence), judge(evidence, NOW + GRACE + timedelta(minutes=2))

    assert (soon.exit_code, soon.pending, soon.missing, soon.loaded) == (NOT_FINISHED, 1, 0, 1)
    assert (late.exit_code, late.pending, late.missing) == (FAILED, 0, 1)
    assert "not delivered by Firehose" in late.findings[0].text


def test_a_delivered_event_that_is_not_loaded_yet_is_on_its_way() -> None:
    other = seen(1, key="two.gz", row=1)

    statement = judge(replace(WHOLE, staged=[seen(0)], shown=Counter(["e0"]), delivered=[seen(0), other]))

    assert (statement.exit_code, statement.pending) == (NOT_FINISHED, 1)


def test_an_event_whose_file_was_refused_or_loaded_without_it_is_missing() -> None:
    other = seen(1, key="two.gz", row=1)
    without = replace(WHOLE, staged=[seen(0)], shown=Counter(["e0"]))

    refused_file = judge(replace(without, delivered=[seen(0), other], failed={"two.gz": "bad line"}))
    loaded_without = judge(without)

    assert [f.text for f in refused_file.findings] == ["the pipe refused two.gz: bad line: e1"]
    assert [f.text for f in loaded_without.findings] == [f"{FILE} is loaded without it: e1"]
    assert (refused_file.missing, loaded_without.missing) == (1, 1)


def test_an_event_that_firehose_put_aside_is_missing() -> None:
    aside = seen(1, key="undelivered/events/x", row=1)

    statement = judge(replace(WHOLE, staged=[seen(0)], shown=Counter(["e0"]), delivered=[seen(0)], undelivered=[aside]))

    assert (statement.missing, kinds(statement)) == (1, [("missing", 1)])


def test_a_repeated_delivery_is_counted_apart_and_harms_nothing() -> None:
    again = seen(1, key="again.gz", row=1)

    statement = judge(replace(WHOLE, staged=[*WHOLE.staged, again], delivered=[*WHOLE.delivered, again]))

    assert (statement.exit_code, statement.loaded, statement.duplicates) == (DONE, 2, 0)
    assert kinds(statement) == [("note", 1)]


def test_a_line_that_was_loaded_twice_is_a_duplicate() -> None:
    statement = judge(replace(WHOLE, staged=[*WHOLE.staged, seen(1)]))

    assert (statement.exit_code, statement.duplicates, kinds(statement)) == (FAILED, 1, [("duplicate", 1)])


def test_a_view_that_shows_an_event_twice_or_not_at_all_is_wrong() -> None:
    twice, hidden = (judge(replace(WHOLE, shown=Counter(ids))) for ids in (["e0", "e1", "e1"], ["e0"]))

    assert (twice.duplicates, kinds(twice)) == (1, [("duplicate", 1)])
    assert (hidden.exit_code, kinds(hidden)) == (FAILED, [("missing", 1)])


def test_other_content_than_was_accepted_is_altered() -> None:
    statement = judge(replace(WHOLE, staged=[seen(0), seen(1, digest="other")]))

    assert (statement.exit_code, kinds(statement)) == (FAILED, [("altered", 1)])


def test_two_contents_accepted_under_one_id_are_told() -> None:
    race = receipt(entry(1, digest="other"), request_id="r2")

    statement = judge(replace(WHOLE, receipts=[*WHOLE.receipts, race]))

    assert (statement.exit_code, statement.curated, kinds(statement)) == (FAILED, 2, [("altered", 1)])


def test_a_refused_event_that_was_not_kept_is_missing() -> None:
    statement = judge(replace(WHOLE, refused=[]))

    assert (statement.missing, statement.exit_code, statement.findings[0].text) == (1, FAILED, "not kept: r1 event 2")


def test_events_without_an_answer_are_noted_and_count_when_they_are_posted_again() -> None:
    unanswered = judge(replace(WHOLE, receipts=[receipt(entry(0), entry(2, "refused"))]))
    again = receipt(entry(1, "repeated"), request_id="r2")
    answered = judge(replace(WHOLE, receipts=[receipt(entry(0), entry(2, "refused")), again]))

    assert (unanswered.exit_code, unanswered.curated, kinds(unanswered)) == (DONE, 1, [("note", 1)])
    assert (answered.exit_code, answered.curated, kinds(answered)) == (DONE, 2, [("note", 1)])


def test_failed_events_and_unreadable_objects_are_told() -> None:
    failed = receipt(entry(5, "failed"), request_id="r3")

    statement = judge(replace(WHOLE, receipts=[*WHOLE.receipts, failed], odd=["receipts/x line 1: no Receipt"]))

    assert (statement.produced, kinds(statement)) == (3, [("note", 1), ("unexplained", 1)])


def test_a_line_of_somebody_else_is_no_record() -> None:
    assert parse_record(b'{"event_id": "a"}', "k", 1) is None
    assert parse_record(b"not JSON", "k", 1) is None
