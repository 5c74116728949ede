"""Files into a real broker: what arrives, what is rejected, and that nothing arrives twice. Both clients alike."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource

from connections.kafka import read_topic, read_watermarks
from connections.settings import KafkaSettings
from kafka_producer.byte_source import open_input
from kafka_producer.pacing import EvenPace
from kafka_producer.progress import begin_record, find_record
from kafka_producer.publisher import ProducerFenced
from kafka_producer.source import STANDARD_INPUT
from pipeline_contract.contract_file import load_contract
from pipeline_contract.errors import ConfigurationError, ServiceError, TopicMismatch
from pipeline_contract.message import choose_partition
from pipeline_contract.replay_record import ReplayRecord
from tests.integration.kafka_producer.replay_runs import (
    count_lines,
    read_rows,
    read_values,
    run_in_process,
    wait_for_rows,
    write_contract,
    write_rows,
)

CLIENTS = ["confluent", "kafka-python"]
DAMAGED = (
    b"\xef\xbb\xbfid,name,at\r\n"
    b'1,"a, ""quoted""\r\nname",2013-01-01T00:00:00Z\r\n'
    b"2,too few\r\n"
    b"3,\xff,2013-01-01T00:00:00Z\r\n"
    b"4," + b"x" * 9000 + b",2013-01-01T00:00:00Z\r\n"
    b"5,last,NA"
)


@pytest.mark.parametrize("client", CLIENTS)
def test_good_rows_arrive_and_bad_ones_are_kept_aside(
    client: str, kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name, max_message_bytes=4096)
    path = tmp_path / "damaged.csv.gz"
    path.write_bytes(gzip.compress(DAMAGED))
    summary = run_in_process(kafka_bootstrap, contract, path, client)
    source_file = summary.source_file
    assert source_file.startswith("damaged.csv.gz#")
    rows = sorted(read_rows(kafka_bootstrap, unique_name), key=lambda row: row["_source_line"])
    assert rows == [
        {"_source_file": source_file, "_source_line": 2, "id": "1", "name": 'a, "quoted"\r\nname', "at": "2013-01-01T00:00:00Z"},
        {"_source_file": source_file, "_source_line": 7, "id": "5", "name": "last", "at": "NA"},
    ]  # fmt: skip
    rejected = read_rows(kafka_bootstrap, f"{unique_name}.rejected")
    assert [(row["source_line"], row["reason"]) for row in rejected] == [
        (4, "ragged_row"), (5, "invalid_encoding"), (6, "too_large"),
    ]  # fmt: skip
    assert base64.b64decode(rejected[1]["raw_base64"]) == b"3,\xff,2013-01-01T00:00:00Z\r\n"
    assert rejected[2]["raw_base64"] is None
    assert DAMAGED[rejected[2]["byte_start"] : rejected[2]["byte_end"]].startswith(b"4,xxx")
    assert (summary.rows, summary.sent, summary.rejected, summary.finished) == (5, 2, 3, True)
    assert summary.rejected_by_reason == {"ragged_row": 1, "invalid_encoding": 1, "too_large": 1}
    record = ReplayRecord.model_validate_json(read_values(kafka_bootstrap, f"{unique_name}.progress")[-1])
    assert (record.source_file, record.rows, record.sent, record.rejected) == (source_file, 5, 2, 3)
    assert (record.finished, record.next_byte, record.bytes) == (True, len(DAMAGED), path.stat().st_size)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_run_goes_on_where_the_last_one_ended_whatever_the_client_and_the_name(
    client: str, kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 100)
    first = run_in_process(kafka_bootstrap, contract, path, client, limit=30)
    assert (first.rows, first.finished, first.resumed_from_line) == (30, False, None)
    other = next(name for name in CLIENTS if name != client)
    second = run_in_process(kafka_bootstrap, contract, path.rename(tmp_path / "renamed.csv"), other, limit=50)
    assert (second.rows, second.resumed_from_line, second.source_file) == (50, 32, first.source_file)
    third = run_in_process(kafka_bootstrap, contract, tmp_path / "renamed.csv", client)
    assert (third.rows, third.total_rows, third.finished) == (20, 100, True)
    again = run_in_process(kafka_bootstrap, contract, tmp_path / "renamed.csv", client)
    assert (again.rows, again.total_rows, again.finished) == (0, 100, True)
    rows = read_rows(kafka_bootstrap, unique_name)
    assert count_lines(rows) == dict.fromkeys(range(2, 102), 1)
    new = run_in_process(kafka_bootstrap, contract, tmp_path / "renamed.csv", client, replay_id="again")
    assert (new.rows, new.source_file != first.source_file) == (100, True)
    assert len(read_rows(kafka_bootstrap, unique_name)) == 200


@pytest.mark.parametrize("client", CLIENTS)
def test_keys_decide_the_partition_in_every_client_alike(
    client: str, kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name, value_format="csv")
    run_in_process(kafka_bootstrap, contract, write_rows(tmp_path / "rows.csv", 50), client)
    records = list(read_topic(KafkaSettings(bootstrap_servers=kafka_bootstrap), unique_name))
    assert len(records) == 50
    assert all(record.partition == choose_partition(record.key or b"", 3) for record in records)
    assert {record.partition for record in records} == {0, 1, 2}
    assert all(abs(record.timestamp_ms / 1000 - time.time()) < 120 for record in records)
    assert {(record.value or b"").split(b",")[1] for record in records} == {b"%d" % n for n in range(2, 52)}


@pytest.mark.parametrize("client", CLIENTS)
def test_of_two_producers_on_one_file_the_older_is_shut_out(
    client: str, kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 300)
    errors: list[Exception] = []

    def run_older() -> None:
        try:
            run_in_process(kafka_bootstrap, contract, path, client, pace=EvenPace(0.06))
        except ProducerFenced as error:
            errors.append(error)

    older = threading.Thread(target=run_older)
    older.start()
    wait_for_rows(kafka_bootstrap, unique_name, 5)
    newer = run_in_process(kafka_bootstrap, contract, path, client)
    older.join(60)
    assert newer.resumed_from_line is not None
    assert newer.finished
    assert ["has taken over" in str(error) for error in errors] == [True]
    assert count_lines(read_rows(kafka_bootstrap, unique_name)) == dict.fromkeys(range(2, 302), 1)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_row_that_the_broker_refuses_is_rejected_alone(
    client: str, kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = tmp_path / "rows.csv"
    rows = [f"{n},{'x' * 3000 if n == 7 else 'short'},2013-01-01T00:00:00Z\n" for n in range(12)]
    path.write_text("id,name,at\n" + "".join(rows))
    run_in_process(kafka_bootstrap, contract, path, client, limit=1)
    narrow_topic(kafka_bootstrap, unique_name, 2000)
    # The check of the topics would refuse it: the broker's limit changes while the producer runs.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kafka_producer.session.ensure_topics", lambda *_: [])
        summary = run_in_process(kafka_bootstrap, contract, path, client)
    assert (summary.total_rows, summary.total_sent, summary.rejected_by_reason) == (12, 11, {"send_failed": 1})
    lines = count_lines(read_rows(kafka_bootstrap, unique_name))
    assert lines == dict.fromkeys(set(range(2, 14)) - {9}, 1)
    (rejected,) = read_rows(kafka_bootstrap, f"{unique_name}.rejected")
    assert (rejected["source_line"], rejected["reason"]) == (9, "send_failed")
    with pytest.raises(TopicMismatch, match=r"max.message.bytes is 2000, the contract wants 1048576"):
        run_in_process(kafka_bootstrap, contract, path, client, replay_id="x")


def narrow_topic(bootstrap: str, topic: str, max_message_bytes: int) -> None:
    """Let the broker refuse larger batches; with small data they still fit one by one."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    resource = ConfigResource(
        ConfigResource.Type.TOPIC,
        topic,
        set_config={
            "max.message.bytes": str(max_message_bytes),
            "cleanup.policy": "delete",
            "retention.ms": "604800000",
            "compression.type": "uncompressed",
        },
    )
    for future in admin.alter_configs([resource]).values():
        future.result(timeout=30)


def test_files_are_sent_in_any_order_and_two_at_a_time(kafka_bootstrap: str, unique_name: str, tmp_path: Path) -> None:
    contract = write_contract(tmp_path, unique_name)
    paths = [write_rows(tmp_path / f"{count}.csv", count) for count in (400, 500, 600)]
    run_in_process(kafka_bootstrap, contract, paths[2], limit=10)
    threads = [
        threading.Thread(target=run_in_process, args=(kafka_bootstrap, contract, path)) for path in (paths[1], paths[0])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    run_in_process(kafka_bootstrap, contract, paths[2])
    rows = read_rows(kafka_bootstrap, unique_name)
    assert len(rows) == len({(row["_source_file"], row["_source_line"]) for row in rows}) == 1500


def test_progress_behind_an_open_transaction_of_another_producer_is_waited_for(
    kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "rows.csv", 20)
    contract = load_contract(write_contract(tmp_path, unique_name))
    run_in_process(kafka_bootstrap, contract, write_rows(tmp_path / "other.csv", 1))
    other = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": f"{unique_name}-other"})
    other.init_transactions(30)
    other.begin_transaction()
    other.produce(f"{unique_name}.progress", key=b"other", value=b"{}")
    other.flush(30)
    threading.Timer(2.0, other.abort_transaction).start()
    run_in_process(kafka_bootstrap, contract, path, limit=5)
    begun = begin_record(contract, open_input(contract, STANDARD_INPUT), None).model_copy(
        update={"fingerprint": read_fingerprint(kafka_bootstrap, unique_name, path)}
    )
    found = find_record(KafkaSettings(bootstrap_servers=kafka_bootstrap), contract, begun)
    assert found.rows == 5
    assert run_in_process(kafka_bootstrap, contract, path).rows == 15


def read_fingerprint(bootstrap: str, topic: str, path: Path) -> str:
    """The fingerprint of a file as its replay's record has it."""
    records = [ReplayRecord.model_validate_json(value) for value in read_values(bootstrap, f"{topic}.progress")]
    return next(record.fingerprint or "" for record in records if record.path == str(path))


def test_a_topic_that_was_deleted_behind_the_progress_is_a_loud_stop(
    kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 20)
    run_in_process(kafka_bootstrap, contract, path)
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    for future in admin.delete_topics([unique_name]).values():
        future.result(timeout=30)
    with pytest.raises(TopicMismatch, match="deleted and created again"):
        run_in_process(kafka_bootstrap, contract, path)
    assert (
        sum(high for _, high in read_watermarks(KafkaSettings(bootstrap_servers=kafka_bootstrap), unique_name).values())
        == 0
    )


def test_topics_that_differ_are_all_named_and_nothing_is_sent(
    kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "rows.csv", 5)
    run_in_process(kafka_bootstrap, write_contract(tmp_path, unique_name), path, limit=0)
    other = write_contract(tmp_path, unique_name, partitions=4, retention="1 day", max_message_bytes=2048)
    with pytest.raises(TopicMismatch) as raised:
        run_in_process(kafka_bootstrap, other, path)
    for difference in (
        f"{unique_name}: partitions is 3, the contract wants 4",
        f"{unique_name}: retention.ms is 604800000, the contract wants 86400000",
        f"{unique_name}.rejected: max.message.bytes is 1048576, the contract wants 2048",
    ):
        assert difference in str(raised.value)
    assert read_values(kafka_bootstrap, unique_name) == []


def test_a_replay_does_not_go_on_under_another_version_of_the_contract(
    kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    file = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 5)
    run_in_process(kafka_bootstrap, file, path, limit=2)
    file.write_text(file.read_text().replace("version = 1", "version = 2"))
    with pytest.raises(ConfigurationError, match="begun with version 1"):
        run_in_process(kafka_bootstrap, file, path)
    assert run_in_process(kafka_bootstrap, file, path, replay_id="new").rows == 5


def test_json_lines_arrive_as_text(kafka_bootstrap: str, unique_name: str, tmp_path: Path) -> None:
    contract = write_contract(tmp_path, unique_name, source_format="jsonl")
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": 7, "name": {"a": [1]}, "at": None}) + "\nno json\n")
    summary = run_in_process(kafka_bootstrap, contract, path)
    assert read_rows(kafka_bootstrap, unique_name) == [
        {"_source_file": summary.source_file, "_source_line": 1, "id": "7", "name": '{"a":[1]}'}
    ]
    assert summary.rejected_by_reason == {"invalid_json": 1}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_broker_that_is_not_there_is_named_soon(client: str, unique_name: str, tmp_path: Path) -> None:
    started_s = time.monotonic()
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:1:.*Connection refused"):
        run_in_process(
            "127.0.0.1:1", write_contract(tmp_path, unique_name), write_rows(tmp_path / "a.csv", 1), client, timeout_s=2
        )
    assert time.monotonic() - started_s < 10
