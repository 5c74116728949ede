"""Delivered events in the staging table and its view, by the deployed scripts and their pipe."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connections.settings import Settings
from connections.warehouse import run_query
from pipeline_contract.data_sets import DataSet, load_data_set
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_body import read_body
from pipeline_contract.event_judge import compile_event_judge
from pipeline_contract.event_layout import delivered_prefix
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_records import Request, encode_record
from snowflake_integration.deployment import Done, Site, carry_out
from snowflake_integration.plan import plan_teardown
from snowflake_integration.rendering import render_scripts
from snowflake_integration.waiting import wait_loaded
from tests.event_data import make_event_contract

RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC).replace(tzinfo=None)
ORDER = {
    "event_id": "order-1",
    "type": "order_placed",
    "occurred_at": "2026-01-31T12:00:00.25+01:00",
    "source": "till-7",
    "payload": {
        "order": {"id": "o'1\"", "amount": "1234567890.05", "currency": "EUR", "items": 2, "is_gift": True},
        "note": "Grüße\n🛫 \\N \u0001",
        "free": [1, 0.1, 1e300, 12345678901234567890, None, {"deep": {"er": ""}}],
    },
}
# Of another type: what an order would have there is anything.
VIEWED = {
    "event_id": "viewed-1",
    "type": "product_viewed",
    "occurred_at": "2026-01-31T11:00:00Z",
    "source": "kiosk",
    "payload": {"product": {"id": "p1"}, "order": {"amount": "a lot", "items": {}}, "place": {"gate": None}},
}


@pytest.fixture
def events(tmp_path: Path, unique_name: str) -> EventContract:
    return make_event_contract(tmp_path, unique_name)


def encode(events: EventContract, request_id: str, *posted: dict[str, Any]) -> bytes:
    judge = compile_event_judge(events)
    request = Request(request_id, RECEIVED, "hash")
    judged = [judge(event) for event in read_body(json.dumps(posted).encode(), events.api)]
    return gzip.compress(b"".join(encode_record(event, request, events.version) for event in judged))


def deliver(site: Site, name: str, content: bytes) -> None:
    site.s3.put_object(
        Bucket=site.bucket, Key=f"{delivered_prefix(site.pipeline)}2026/01/31/12/{name}.gz", Body=content
    )


def test_delivered_events_are_staged_with_their_passport_and_shown_once(
    events: EventContract, open_site: Callable[[DataSet], Site], deploy: Callable[[DataSet, Site], list[Done]]
) -> None:
    site = open_site(events)
    deploy(events, site)
    deliver(site, "one", encode(events, "request-1", ORDER, VIEWED))
    deliver(site, "again", encode(events, "request-2", ORDER))

    (state,) = wait_loaded(site.connection, site.s3, site.names, site.bucket, 60, lambda _: None)

    (target,) = site.names.targets
    staged = run_query(site.connection, f'SELECT * FROM {target.table} ORDER BY "_REQUEST_ID", "_EVENT_INDEX"')
    assert (state.loaded, state.objects) == (2, 2)
    assert [row["_REQUEST_ID"] for row in staged] == ["request-1", "request-1", "request-2"]
    assert json.loads(staged[0]["PAYLOAD"]) == ORDER["payload"]
    assert staged[0]["OCCURRED_AT"] == datetime(2026, 1, 31, 11, 0, 0, 250_000, tzinfo=UTC).replace(tzinfo=None)
    assert staged[0]["_FILE_NAME"].endswith("/one.gz")
    order, viewed = run_query(site.connection, f'SELECT * FROM {target.view} ORDER BY "EVENT_ID"')
    assert (order["ORDER_ID"], order["AMOUNT"], order["ITEMS"], order["IS_GIFT"], order["_REQUEST_ID"]) == (
        "o'1\"", Decimal("1234567890.05"), 2, True, "request-1",
    )  # fmt: skip
    assert (viewed["PRODUCT_ID"], viewed["AMOUNT"], viewed["ITEMS"], viewed["GATE"]) == ("p1", None, None, None)


def test_a_date_in_the_payload_is_a_date_in_the_view(
    events: EventContract, open_site: Callable[[DataSet], Site], deploy: Callable[[DataSet, Site], list[Done]]
) -> None:
    site = open_site(events)
    deploy(events, site)
    flight = {"carrier": "UA", "number": 1, "date": "2013-01-01"}
    deliver(site, "f", encode(events, "r", VIEWED | {"type": "flight_boarded", "payload": {"flight": flight}}))
    wait_loaded(site.connection, site.s3, site.names, site.bucket, 60, lambda _: None)

    (row,) = run_query(site.connection, f"SELECT * FROM {site.names.targets[0].view}")

    assert (row["FLIGHT_DATE"], row["FLIGHT"]) == (date(2013, 1, 1), 1)


def test_a_second_deployment_changes_nothing_and_a_teardown_leaves_nothing(
    events: EventContract,
    open_site: Callable[[DataSet], Site],
    deploy: Callable[[DataSet, Site], list[Done]],
    endpoints: Settings,
) -> None:
    site = open_site(events)
    deploy(events, site)
    deliver(site, "one", encode(events, "request-1", ORDER))
    wait_loaded(site.connection, site.s3, site.names, site.bucket, 60, lambda _: None)

    done = deploy(events, site)
    (target,) = site.names.targets
    rows = run_query(site.connection, f"SELECT COUNT(*) AS N FROM {target.table}")
    carry_out(site, plan_teardown(render_scripts(events, endpoints), site.names, site.bucket), lambda _: None)

    assert ("as it should be", 1) in [(step.outcome, len(rows)) for step in done]
    assert rows == [{"N": 1}]
    assert run_query(site.connection, f"SHOW TABLES IN SCHEMA {site.names.schema}") == []


def test_a_data_set_is_found_by_its_name_in_either_folder() -> None:
    assert (load_data_set("flights").name, load_data_set("events").name) == ("flights", "events")
    assert load_data_set("conf/events/events.toml").name == "events"
    with pytest.raises(ConfigurationError, match=r"no data set 'nothing'.*known: flights, readings, events"):
        load_data_set("nothing")
