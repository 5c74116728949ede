"""Events by HTTP: API Gateway, Firehose, DynamoDB and Snowflake are emulated, the handler and all clients are real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from connections.aws_clients import open_dynamodb, open_firehose
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.event_layout import name_error_bucket, name_ids, name_stream, refused_prefix
from tests.integration.aws_integration.event_ways import EventWay, deploy_api, deploy_api_function, deploy_events
from tests.unit.pipeline_contract.event_cases import good_event, good_order
from tests.unit.pipeline_contract.test_event_judge import BODIES, ODD

SAMPLE = Path("tests/data/sample.json")


@pytest.fixture
def way(tmp_path: Path, unique_name: str, sandbox_settings: Settings) -> EventWay:
    return deploy_events(tmp_path, unique_name, sandbox_settings)


def read_refused(way: EventWay) -> list[dict[str, object]]:
    s3, bucket = open_s3(way.settings.s3), name_error_bucket(way.settings.s3.bucket)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=refused_prefix(way.contract.name)).get("Contents", [])
    bodies = [s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_the_sample_is_answered_event_by_event_and_all_of_it_is_accounted_for(way: EventWay) -> None:
    answer = way.post_body(SAMPLE.read_bytes())

    told = answer.json()
    assert (answer.status_code, told["accepted"], told["refused"], told["repeated"], told["failed"]) == (
        207,
        3,
        5,
        0,
        0,
    )
    statement = way.check_settled()
    assert (statement.exit_code, statement.findings) == (0, ())
    assert (statement.produced, statement.curated, statement.rejected, statement.loaded) == (8, 3, 5, 3)
    assert [line["reasons"] for line in read_refused(way)] == [
        event["reasons"] for event in told["events"] if event["status"] == "refused"
    ]
    rows = way.ask("select * from events order by event_id")
    assert [row["EVENT_ID"] for row in rows] == ["good-boarded", "good-order", "good-viewed"]
    assert {row["_REQUEST_ID"] for row in rows} == {told["request_id"]}
    staged = way.ask("select * from events_staging")
    assert all(len(row["_SOURCE_IP_HASH"]) == 64 for row in staged)


def test_an_event_that_is_posted_again_is_known_and_one_of_other_content_is_refused(way: EventWay) -> None:
    first = way.post(good_event(1))
    again = way.post(good_event(1), good_event(2), good_event(2))
    other = way.post(good_event(1, source="another"))

    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 400)
    assert [event["status"] for event in again.json()["events"]] == ["repeated", "accepted", "repeated"]
    assert other.json()["events"][0]["reasons"][0]["reason"] == "conflict"
    statement = way.check_settled()
    assert (statement.exit_code, statement.curated, statement.loaded, statement.rejected) == (0, 2, 2, 1)
    assert [(f.kind, f.rows) for f in statement.findings] == [("note", 2)]


def test_hostile_bodies_are_answered_400_with_a_reason_and_kept(way: EventWay) -> None:
    cases = [*BODIES.values(), *((event.encode(), reason) for event, reason in ODD.values())]

    answers = [way.post_body(body) for body, _ in cases]

    assert [answer.status_code for answer in answers] == [400] * len(cases)
    assert [answer.json()["events"][0]["reasons"][0]["reason"] for answer in answers] == [reason for _, reason in cases]
    statement = way.check()
    assert (statement.exit_code, statement.rejected, len(read_refused(way))) == (0, len(cases), len(cases))


def test_records_that_firehose_refuses_for_the_moment_are_sent_again(way: EventWay) -> None:
    way.set_faults(fail_records=7)

    answer = way.post(*(good_event(number) for number in range(20)))

    assert (answer.status_code, answer.json()["accepted"]) == (202, 20)
    assert way.check_settled().loaded == 20


def test_what_firehose_delivers_twice_is_shown_once_and_counted_apart(way: EventWay) -> None:
    way.set_faults(repeat_deliveries=1)
    way.post(*(good_event(number) for number in range(5)))

    statement = way.check_settled()

    assert (statement.exit_code, statement.loaded, statement.duplicates) == (0, 5, 0)
    assert [(f.kind, f.zone, f.rows) for f in statement.findings] == [("note", "delivered", 5)]
    assert way.ask("select count(*) as n from events") == [{"N": 5}]


def test_events_in_the_buffer_of_firehose_are_on_their_way(way: EventWay) -> None:
    way.set_faults(hold=True)
    way.post(good_event(1))

    held = way.check()
    way.set_faults(hold=False)

    assert (held.exit_code, held.pending, held.loaded) == (4, 1, 0)
    assert way.check_settled().exit_code == 0


def test_without_its_stream_events_are_not_accepted_and_posted_again_they_are(way: EventWay) -> None:
    open_firehose(way.settings.s3).delete_delivery_stream(DeliveryStreamName=name_stream(way.contract.name))
    away = way.post(good_event(1), {"event_id": "wrong"})
    deploy_api(way.path, way.contract, way.settings)
    back = way.post(good_event(1))

    assert (away.status_code, [event["status"] for event in away.json()["events"]]) == (503, ["failed", "refused"])
    assert back.status_code == 202
    statement = way.check_settled()
    assert (statement.exit_code, statement.curated, statement.rejected) == (0, 1, 1)


def test_without_its_table_of_ids_nothing_is_answered_and_nothing_is_sent(way: EventWay) -> None:
    open_dynamodb(way.settings.s3).delete_table(TableName=name_ids(way.contract.name))
    away = way.post(good_event(1))
    deploy_api(way.path, way.contract, way.settings)
    back = way.post(good_event(1))

    assert (away.status_code, away.json()["message"]) == (503, "a service is away; post all of it again")
    assert back.json()["accepted"] == 1
    assert (way.check_settled().exit_code, way.check_settled().findings) == (0, ())


def test_without_its_buckets_nothing_is_answered_and_what_was_sent_all_the_same_is_known_later(way: EventWay) -> None:
    s3 = way.settings.s3.model_copy(update={"bucket": "no-such-lake"})
    deploy_api_function(way.path, way.contract, way.settings.model_copy(update={"s3": s3}))
    # A refused event cannot be kept, so that nothing is sent; a receipt cannot be written, and by then it is sent.
    away = [way.post(good_event(1), {"event_id": "wrong"}), way.post(good_event(2))]
    deploy_api_function(way.path, way.contract, way.settings)
    unanswered = way.check_settled()
    back = way.post(good_event(1), good_event(2))

    assert [answer.status_code for answer in away] == [503, 503]
    assert [event["status"] for event in back.json()["events"]] == ["accepted", "repeated"]
    assert (unanswered.exit_code, unanswered.produced) == (0, 0)
    statement = way.check_settled()
    assert (statement.exit_code, statement.curated, statement.loaded, statement.rejected) == (0, 2, 2, 0)


def test_nobody_comes_in_without_the_key(way: EventWay) -> None:
    for headers in ({}, {"x-api-key": "guessed"}):
        answer = requests.post(way.door.url, json=good_event(1), headers=headers, timeout=10)
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert way.check().produced == 0


def test_an_api_for_signed_requests_takes_those_alone(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings
) -> None:
    way = deploy_events(tmp_path, unique_name, sandbox_settings, lambda t: t.replace('"api-key"', '"iam"', 1))

    signed = way.post(good_event(1))
    unsigned = requests.post(way.door.url, json=good_event(2), timeout=10)

    assert (signed.status_code, unsigned.status_code) == (202, 403)


def test_more_requests_than_the_contract_allows_are_turned_away(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings
) -> None:
    def limit(text: str) -> str:
        return text.replace("rate_per_s = 500", "rate_per_s = 1").replace("burst = 1000", "burst = 2")

    way = deploy_events(tmp_path, unique_name, sandbox_settings, limit)

    codes = {way.post(good_event(number)).status_code for number in range(10)}

    assert codes == {202, 429}


def test_each_type_has_a_prefix_of_its_own_where_the_contract_asks_for_it(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings
) -> None:
    def divide(text: str) -> str:
        return text.replace("buffer_mb = 5", "buffer_mb = 64\nby_type = true")

    way = deploy_events(tmp_path, unique_name, sandbox_settings, divide)
    way.post(good_event(1), good_event(2, type="product_viewed", payload={"product": {"id": "p"}}))

    statement = way.check_settled()

    files = {str(row["_FILE_NAME"]).split("/")[3] for row in way.ask("select _file_name from events_staging")}
    assert (statement.exit_code, files) == (0, {"type=order_placed", "type=product_viewed"})


def test_a_second_deployment_changes_only_what_differs(way: EventWay) -> None:
    again = deploy_api(way.path, way.contract, way.settings)
    api = way.contract.api.model_copy(update={"rate_per_s": 7})
    changed = deploy_api(way.path, way.contract.model_copy(update={"api": api}), way.settings)

    # The code of a folder may have changed unnoticed.
    assert [step.call for step in again] == ["update_function_code"]
    assert [step.call for step in changed] == ["update_function_code", "put_rest_api"]
    assert way.post(good_event(1, payload=good_order(items=3))).status_code == 202
