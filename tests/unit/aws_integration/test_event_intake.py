"""The pure parts of taking events in: what is known, what failed, what is answered, and how much goes into one call."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_integration.event_posting import join_lines, split_lines
from aws_integration.lambda_handlers.event_intake import CONFLICT, compare_known, mark_failed
from aws_integration.lambda_handlers.event_stream import MAX_BATCH_BYTES, MAX_RECORDS, split_batches
from pipeline_contract.event_answer import Verdict, choose_code, describe_answer
from pipeline_contract.event_body import EventReason, PostedEvent
from pipeline_contract.event_judge import JudgedEvent

WRONG = (EventReason("enum:/type", "/type", ""),)


def judged(
    position: int, event_id: str | None, digest: str = "d", reasons: tuple[EventReason, ...] = ()
) -> JudgedEvent:
    return JudgedEvent(PostedEvent(position, "{}", {}), event_id, reasons, {}, digest)


def test_an_id_has_one_event_in_a_request_and_before() -> None:
    events = [
        judged(0, "known"),
        judged(1, "known", "other"),
        judged(2, "new"),
        judged(3, "new"),
        judged(4, "new", "other"),
        judged(5, "wrong", reasons=WRONG),
        judged(6, None, reasons=WRONG),
    ]

    verdicts = compare_known(events, {"known": "d"})

    assert [v.status for v in verdicts] == [
        "repeated", "refused", "accepted", "repeated", "refused", "refused", "refused",
    ]  # fmt: skip
    assert [v.reasons[0].reason for v in verdicts if v.reasons] == [CONFLICT, CONFLICT, "enum:/type", "enum:/type"]


def test_a_repeat_of_an_event_that_failed_has_failed_too() -> None:
    verdicts = compare_known([judged(0, "a"), judged(1, "a"), judged(2, "b"), judged(3, "c", reasons=WRONG)], {})

    marked = mark_failed(verdicts, {0: "busy"})

    assert [v.status for v in marked] == ["failed", "failed", "accepted", "refused"]
    assert [v.digest for v in marked[:2]] == [None, None]
    assert "post it again: busy" in marked[0].reasons[0].message


CODES = {
    ("accepted", "repeated"): 202,
    ("repeated",): 202,
    ("refused", "refused"): 400,
    ("accepted", "refused"): 207,
    ("repeated", "failed"): 207,
    ("failed",): 503,
    ("failed", "refused"): 503,
}


@pytest.mark.parametrize(("statuses", "code"), CODES.items(), ids=["-".join(statuses) for statuses in CODES])
def test_the_code_follows_from_all_events(statuses: tuple[str, ...], code: int) -> None:
    verdicts = [Verdict(number, None, status) for number, status in enumerate(statuses)]  # type: ignore[arg-type]

    assert choose_code(verdicts) == code
    assert describe_answer("r", verdicts)["refused"] == statuses.count("refused")


@given(st.lists(st.sampled_from([1, 1_000, 1_000_000]), max_size=1_200))
def test_records_go_in_calls_that_firehose_takes_in_order_and_all_of_them(sizes: list[int]) -> None:
    records = {number: memoryview(bytes(1_000_000))[:size] for number, size in enumerate(sizes)}

    batches = list(split_batches(records))  # type: ignore[arg-type]

    assert [number for batch in batches for number in batch] == list(records)
    assert all(len(batch) <= MAX_RECORDS for batch in batches)
    assert all(sum(map(len, batch.values())) <= MAX_BATCH_BYTES for batch in batches)


def test_a_line_that_is_no_json_is_posted_alone_and_takes_no_other_with_it() -> None:
    lines = [b'{"a": 1}', b"not JSON", b'{"b": 2}', b"\xff", b"3", b'{"c": 4}']

    batches = list(split_lines(lines, 2, 1_000))

    assert sorted(line for batch in batches for line in batch) == sorted(lines)
    assert [batch for batch in batches if b"not JSON" in batch or b"\xff" in batch] == [[b"not JSON"], [b"\xff"]]
    assert json.loads(join_lines([b'{"a": 1}', b"3"])) == [{"a": 1}, 3]


def test_a_body_stays_below_the_bytes_that_the_contract_allows() -> None:
    lines = [b'"' + b"x" * 40 + b'"'] * 10

    bodies = [join_lines(batch) for batch in split_lines(lines, 500, 100)]

    assert max(map(len, bodies)) <= 100
    assert len(bodies) == 5
