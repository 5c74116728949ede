"""Rows that are on their way are pending, not missing; sources and topics that are gone are said so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from connections.kafka import read_topic
from connections.warehouse import open_warehouse, run_query
from reconciliation.__main__ import app
from snowflake_integration.__main__ import app as warehouse
from tests.integration.reconciliation.lake_builder import BuiltLake, publish

BuildLake = Callable[..., BuiltLake]
FIGURES = ("produced", "raw", "curated", "rejected", "loaded", "pending", "missing", "duplicates")


def check(lake: BuiltLake, *options: str) -> tuple[int, dict[str, Any]]:
    result = lake.run(app, "check", str(lake.contract_file), "--json", "--quiet", *options)
    assert result.stdout, result.output
    return result.exit_code, json.loads(result.stdout)


def figures(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[name] for name in FIGURES)


def describe(found: dict[str, Any], kind: str) -> str:
    return "\n".join(f"{f['zone']}: {f['text']}" for f in found["findings"] if f["kind"] == kind)


def test_a_pipeline_is_followed_from_nothing_to_complete(new_lake: BuildLake) -> None:
    lake = new_lake(rows=40)  # 36 good ones, 4 rejected ones

    code, nothing = check(lake)
    assert (code, figures(nothing)) == (0, (0,) * 8)
    lake.deploy()

    lake.replay("--limit", "30")
    code, begun = check(lake)
    assert (code, figures(begun)) == (4, (30, 0, 30, 0, 0, 30, 0, 0))
    assert "its replay is unfinished, 30 rows so far" in describe(begun, "note")

    lake.replay()
    code, sent = check(lake)
    assert (code, figures(sent)) == (4, (40, 0, 40, 0, 0, 40, 0, 0))
    assert "in the topic, not read by the stream yet: orders.csv#" in describe(sent, "pending")

    pause_pipes(lake, "TRUE")
    publish(lake, batches=1)
    code, published = check(lake)
    assert (code, figures(published)) == (4, (40, 40, 36, 4, 0, 36, 0, 0))
    assert "in a curated object that is not loaded yet" in describe(published, "pending")
    assert lake.keys("rejected")[0] in describe(published, "pending")
    assert check(lake, "--fast")[1]["pending"] == 36

    pause_pipes(lake, "FALSE")
    lake.wait_loaded()
    code, done = check(lake)
    assert (code, figures(done), done["complete"]) == (0, (40, 40, 36, 4, 36, 0, 0, 0), True)


def test_a_batch_whose_files_are_only_staged_is_pending(new_lake: BuildLake) -> None:
    lake = new_lake()
    lake.deploy()
    lake.replay()
    publish(lake, batches=2, copied=False)
    lake.wait_loaded()

    code, found = check(lake)

    assert code == 4
    assert (found["missing"], found["pending"] + found["loaded"] + found["rejected"]) == (0, 40)
    assert "in a batch that is not published whole yet" in describe(found, "pending")
    assert "the next start of the job publishes it from staging" in describe(found, "pending")


def test_a_file_that_failed_to_load_is_missing_with_its_error(new_lake: BuildLake) -> None:
    lake = new_lake()
    lake.deploy()
    lake.replay()
    connection = open_warehouse(lake.settings.warehouse)
    run_query(connection, f'ALTER TABLE {lake.table("curated")} ALTER COLUMN "COUNTRY" SET NOT NULL')
    connection.close()
    publish(lake, batches=1)
    assert lake.run(warehouse, "wait-loaded", str(lake.contract_file), "--quiet").exit_code == 1

    code, found = check(lake)

    assert (code, found["loaded"], found["missing"]) == (1, 0, 36)
    assert f"{lake.keys('curated')[0]}: load failed: " in describe(found, "missing")


def test_sources_and_messages_that_are_gone_are_told_from_lost_ones(new_lake: BuildLake) -> None:
    lake = new_lake()
    lake.deploy()
    lake.replay()
    publish(lake, batches=1)
    lake.wait_loaded()
    moved = lake.source.rename(lake.source.with_name("moved.csv"))

    code, found = check(lake)
    assert (code, figures(found)) == (0, (40, 40, 36, 4, 36, 0, 0, 0))
    assert "cannot be read: No such file or directory" in describe(found, "note")
    assert "the proof row by row begins at the topic" in describe(found, "note")

    code, found = check(lake, "--source", str(moved))
    assert (code, found["findings"]) == (0, [])

    lake.source.write_text(moved.read_text(encoding="utf-8") + "another,row\n", encoding="utf-8")
    code, found = check(lake)
    assert (code, found["produced"]) == (0, 40)
    assert "has changed since it was replayed" in describe(found, "note")
    unknown = lake.run(app, "check", str(lake.contract_file), "--source", str(lake.source))
    assert unknown.exit_code == 2
    assert "no replay has sent a file of this content" in unknown.stderr

    moved.replace(lake.source)
    expire_messages(lake, 0)
    code, found = check(lake)
    assert (code, figures(found)) == (0, (40, 40, 36, 4, 36, 0, 0, 0))


def test_messages_that_no_source_explains_are_accounted_for_or_named(new_lake: BuildLake) -> None:
    lake = new_lake()
    lake.deploy()
    lake.replay()
    send(lake, b"no JSON at all")
    record = json.loads(next(iter(read_values(lake))))
    send(lake, json.dumps(record | {"_source_line": 9000}).encode())
    send(lake, json.dumps(record).encode())

    code, found = check(lake)

    assert code == 1
    assert (found["produced"], found["pending"], found["duplicates"]) == (41, 41, 1)
    assert "messages that name no source, count as produced" in describe(found, "note")
    assert "topic: no source row explains: orders.csv#" in describe(found, "unexplained")
    assert "line 9000" in describe(found, "unexplained")
    assert "topic: there more than once: orders.csv#" in describe(found, "duplicate")


@pytest.mark.parametrize("service", ["kafka", "s3", "warehouse"])
def test_a_service_that_is_down_is_named(service: str, new_lake: BuildLake) -> None:
    lake = new_lake()
    down = {
        "kafka": {"MILLRACE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "MILLRACE_KAFKA__TIMEOUT_S": "2"},
        "s3": {"MILLRACE_S3__ENDPOINT_URL": "http://127.0.0.1:1", "MILLRACE_S3__TIMEOUT_S": "1"},
        "warehouse": {"MILLRACE_WAREHOUSE__PORT": "1", "MILLRACE_WAREHOUSE__TIMEOUT_S": "2"},
    }[service]
    lake.variables.update(down)

    result = lake.run(app, "check", str(lake.contract_file), "--quiet")

    assert result.exit_code == 3
    assert "127.0.0.1:1" in result.stderr


def pause_pipes(lake: BuiltLake, paused: str) -> None:
    connection = open_warehouse(lake.settings.warehouse)
    for kind in ("raw", "curated", "rejected"):
        run_query(connection, f'ALTER PIPE {lake.table(kind)[:-1]}_PIPE" SET PIPE_EXECUTION_PAUSED = {paused}')
    connection.close()


def expire_messages(lake: BuiltLake, partition: int) -> None:
    """Delete a partition's first messages, as retention does."""
    admin = AdminClient({"bootstrap.servers": lake.settings.kafka.bootstrap_servers})
    for future in admin.delete_records([TopicPartition(lake.contract.topic.name, partition, 5)]).values():
        future.result(timeout=30)


def send(lake: BuiltLake, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": lake.settings.kafka.bootstrap_servers})
    producer.produce(lake.contract.topic.name, value, partition=0)
    assert producer.flush(30) == 0


def read_values(lake: BuiltLake) -> list[bytes]:
    return [record.value or b"" for record in read_topic(lake.settings.kafka, lake.contract.topic.name)]
