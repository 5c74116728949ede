"""Posted bodies: what is accepted, what is refused and why, and what never passes unnoticed."""

from __future__ import annotations

import json
import string
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_contract.event_body import BodyRefused, read_body
from pipeline_contract.event_judge import JudgedEvent, compile_event_judge, digest_event
from pipeline_contract.event_records import Request, describe_refused, encode_record, encode_refused
from pipeline_contract.event_schema import derive_event_schema
from tests.unit.pipeline_contract.event_cases import EVENTS, good_event, good_order

JUDGE = compile_event_judge(EVENTS)
REQUEST = Request("request-1", datetime(2026, 1, 31, 12, tzinfo=UTC).replace(tzinfo=None), "hash")


def judge(body: str | bytes) -> list[JudgedEvent]:
    raw = body if isinstance(body, bytes) else body.encode()
    return [JUDGE(posted) for posted in read_body(raw, EVENTS.api)]


def judge_one(event: Any) -> JudgedEvent:
    (judged,) = judge(event if isinstance(event, str) else json.dumps(event))
    return judged


def test_a_good_event_is_kept_in_utc_with_its_passport() -> None:
    judged = judge_one(good_event())

    record = json.loads(encode_record(judged, REQUEST, 3))

    assert judged.reasons == ()
    assert record == good_event() | {
        "occurred_at": "2026-01-31T11:00:00.250000",
        "_request_id": "request-1",
        "_event_index": 0,
        "_received_at": "2026-01-31T12:00:00.000000",
        "_source_ip_hash": "hash",
        "_schema_version": 3,
    }


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(derive_event_schema(EVENTS))


BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "space": (b" \n ", "empty"),
    "no event": (b"[]", "empty"),
    "cut off": (b'{"event_id": "a"', "json"),
    "cut off array": (b"[1", "json"),
    "comma at the end": (b"[1,]", "json"),
    "no comma": (b"[1 2]", "json"),
    "two documents": (b"{} {}", "json"),
    "text behind the array": (b"[] x", "json"),
    "byte order mark": (b"\xef\xbb\xbf{}", "json"),
    "line break in text": (b'{"a": "\n"}', "json"),
    "single quotes": (b"{'a': 1}", "json"),
    "latin-1": ("é".encode("latin-1"), "utf8"),
    "encoded surrogate": (b'"\xed\xa0\x80"', "utf8"),
    "deep array": (b"[" * 100_000, "depth"),
    "deep object": (b'{"a":' * 100_000, "depth"),
    "too large": (b" " * (EVENTS.api.max_body_bytes + 1), "size"),
    "too many": (b"[" + b",".join([b"1"] * (EVENTS.api.max_events + 1)) + b"]", "batch"),
}


@pytest.mark.parametrize(("body", "reason"), BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_taken_apart_is_refused_whole(body: bytes, reason: str) -> None:
    with pytest.raises(BodyRefused) as refused:
        read_body(body, EVENTS.api)

    assert refused.value.reason.reason == reason
    assert len(refused.value.reason.message) < 200


WRONG: dict[str, tuple[Any, str]] = {
    "number": (5, "type:/"),
    "null": (None, "type:/"),
    "text": ('"event"', "type:/"),
    "no id": ({k: v for k, v in good_event().items() if k != "event_id"}, "required:/event_id"),
    "empty id": (good_event(event_id=""), "pattern:/event_id"),
    "id with a line break": (good_event(event_id="a\n"), "pattern:/event_id"),
    "id of another script": (good_event(event_id="ид"), "pattern:/event_id"),
    "long id": (good_event(event_id="a" * 129), "pattern:/event_id"),
    "unknown type": (good_event(type="order_lost"), "enum:/type"),
    "type in a list": (good_event(type=["order_placed"]), "enum:/type"),
    "no zone": (good_event(occurred_at="2026-01-31T12:00:00"), "format:/occurred_at"),
    "a date": (good_event(occurred_at="2026-01-31"), "format:/occurred_at"),
    "no such day": (good_event(occurred_at="2026-02-30T12:00:00Z"), "format:/occurred_at"),
    "nanoseconds": (good_event(occurred_at="2026-01-31T12:00:00.123456789Z"), "format:/occurred_at"),
    "before all years": (good_event(occurred_at="0001-01-01T00:00:00+14:00"), "format:/occurred_at"),
    "epoch": (good_event(occurred_at=1769860800), "type:/occurred_at"),
    "no source": (good_event(source=""), "minLength:/source"),
    "long source": (good_event(source="s" * 201), "maxLength:/source"),
    "payload as text": (good_event(payload="{}"), "type:/payload"),
    "payload as list": (good_event(payload=[]), "type:/payload"),
    "unknown field": (good_event(colour="red"), "additionalProperties:/"),
    "no order": (good_event(payload={}), "required:/payload/order"),
    "no order id": (good_event(payload=good_order(id=None)), "required:/payload/order/id"),
    "amount as number": (good_event(payload=good_order(amount=12.5)), "type:/payload/order/amount"),
    "amount too exact": (good_event(payload=good_order(amount="12.505")), "pattern:/payload/order/amount"),
    "amount with a line break": (good_event(payload=good_order(amount="12.50\n")), "pattern:/payload/order/amount"),
    "items as text": (good_event(payload=good_order(items="2")), "type:/payload/order/items"),
    "items in part": (good_event(payload=good_order(items=2.5)), "type:/payload/order/items"),
    "too many items": (good_event(payload=good_order(items=2**31)), "maximum:/payload/order/items"),
    "gift as text": (good_event(payload=good_order(is_gift="no")), "type:/payload/order/is_gift"),
}


@pytest.mark.parametrize(("event", "reason"), WRONG.values(), ids=WRONG)
def test_an_event_that_breaks_the_contract_is_refused_with_the_reason(event: Any, reason: str) -> None:
    judged = judge_one(event)

    assert reason in [found.reason for found in judged.reasons]


ODD: dict[str, tuple[str, str]] = {
    "key twice": ('{"a": 1, "a": 2}', "duplicate_key"),
    "key twice, escaped": ('{"a": 1, "\\u0061": 2}', "duplicate_key"),
    "key twice inside": ('{"payload": {"order": {"id": "1", "id": "2"}}}', "duplicate_key"),
    "NaN": ('{"payload": NaN}', "number"),
    "Infinity": ('{"payload": -Infinity}', "number"),
    "too large": ('{"payload": 1e400}', "number"),
    "too exact": ('{"payload": 0.1234567890123456789}', "number"),
    "too long": ('{"payload": ' + "9" * 5_000 + "}", "number"),
    "half a character": ('{"source": "\\ud83d"}', "text"),
    "half a character in a key": ('{"\\ud83d": 1}', "text"),
    "deep": ('{"payload": ' + '{"a": ' * 12 + "1" + "}" * 13, "depth"),
}


@pytest.mark.parametrize(("event", "reason"), ODD.values(), ids=ODD)
def test_what_would_not_arrive_as_it_was_sent_is_refused(event: str, reason: str) -> None:
    judged = judge_one(event)

    assert [found.reason for found in judged.reasons] == [reason]
    line = json.loads(encode_refused([describe_refused(judged, REQUEST, 1)]))
    assert line["event"] == event


def test_one_wrong_event_refuses_no_other_and_all_its_reasons_are_told() -> None:
    wrong = good_event(2, type="order_lost", source="", colour="red")

    first, second, third = judge(json.dumps([good_event(1), wrong, good_event(3)]))

    assert (first.reasons, third.reasons) == ((), ())
    assert [reason.reason for reason in second.reasons] == ["additionalProperties:/", "enum:/type", "minLength:/source"]
    assert [event.event_id for event in (first, second, third)] == ["event-1", "event-2", "event-3"]


def test_an_event_larger_than_a_record_of_firehose_is_refused() -> None:
    large = good_event(payload=good_order() | {"note": "ü" * 600_000})
    api = EVENTS.api.model_copy(update={"max_body_kb": 4096})

    (posted,) = read_body(json.dumps(large, ensure_ascii=False).encode(), api)

    assert [reason.reason for reason in JUDGE(posted).reasons] == ["size"]


def test_equal_values_have_one_digest_however_they_are_written() -> None:
    one = '{"a": 1.0, "b": [1e2, "x"], "c": 0.0}'
    other = '{"c": -0, "b": [100, "x"], "a": 1}'

    assert digest_event(json.loads(one)) == digest_event(json.loads(other))
    assert digest_event({"a": 1}) != digest_event({"a": "1"}) != digest_event({"a": True})


def test_the_sample_file_is_judged_as_it_says() -> None:
    judged = judge(Path("tests/data/sample.json").read_bytes())

    told = {event.event_id: [reason.reason for reason in event.reasons] for event in judged}
    assert told == {
        "good-viewed": [],
        "good-order": [],
        "good-boarded": [],
        None: ["required:/event_id"],
        "bad-type": ["enum:/type"],
        "bad-time": ["format:/occurred_at"],
        "bad-amount": ["type:/payload/order/amount", "type:/payload/order/items"],
        "bad-field": ["additionalProperties:/"],
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**37), 10**37) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters, max_size=5), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(JSON, min_size=1, max_size=5))
def test_any_values_come_out_as_they_went_in_each_with_its_own_text(values: list[Any]) -> None:
    body = json.dumps(values, ensure_ascii=False).encode()

    posted = read_body(body, EVENTS.api)

    assert [event.value for event in posted] == values
    assert [json.loads(event.text) for event in posted] == values


@given(JSON)
def test_any_payload_is_delivered_as_it_was_posted(payload: Any) -> None:
    judged = judge_one(good_event(payload=good_order() | {"free": payload}))
    if [reason.reason for reason in judged.reasons] == ["depth"]:
        return

    record = json.loads(encode_record(judged, REQUEST, 1))

    assert record["payload"]["free"] == payload
    assert digest_event({key: record[key] for key in judged.content}) == judged.digest


@given(st.binary(max_size=200))
def test_any_bytes_are_judged_or_refused(body: bytes) -> None:
    with suppress(BodyRefused):
        assert all(JUDGE(event).reasons for event in read_body(body, EVENTS.api))
