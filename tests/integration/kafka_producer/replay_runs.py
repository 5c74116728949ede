"""Runs of the producer against a real broker, and an independent reader (kafka-python) of what they leave there."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import psutil
from kafka import KafkaConsumer, TopicPartition
from rich.console import Console

from connections.kafka import read_topic, read_watermarks
from connections.settings import KafkaSettings
from kafka_producer.pacing import FullSpeed, Pace
from kafka_producer.report import ReplaySummary
from kafka_producer.session import ReplayOptions, replay_source
from pipeline_contract.contract_file import load_contract
from pipeline_contract.errors import ServiceError
from pipeline_contract.model import Contract

ROOT = Path(__file__).parents[3]
CONTRACT = """\
name = "{name}"
version = 1
[source]
format = "{source_format}"
[topic]
name = "{name}"
key = ["id"]
partitions = {partitions}
max_message_bytes = {max_message_bytes}
retention = "{retention}"
value_format = "{value_format}"
[warehouse]
schema = "TEST"
table = "t"
[event_time]
column = "at"
[[column]]
name = "id"
type = "bigint"
nullable = false
[[column]]
name = "name"
type = "string"
[[column]]
name = "at"
type = "timestamp"
nullable = false
"""
DEFAULTS = {
    "partitions": 3,
    "max_message_bytes": 1_048_576,
    "retention": "7 days",
    "value_format": "json",
    "source_format": "csv",
}


def write_contract(folder: Path, name: str, **values: Any) -> Path:
    """A contract file of columns id, name, at; its topics bear its name."""
    path = folder / f"{name}.toml"
    path.write_text(CONTRACT.format(name=name, **{**DEFAULTS, **values}))
    return path


def write_rows(path: Path, count: int, gap_s: int = 1) -> Path:
    """A CSV file of `count` good rows, ids from 0."""
    rows = (f'{n},"name {n}",2013-01-01T{n * gap_s // 3600 % 24:02}:{n * gap_s // 60 % 60:02}:{n * gap_s % 60:02}Z\n'
            for n in range(count))  # fmt: skip
    path.write_text("id,name,at\n" + "".join(rows))
    return path


def run_in_process(
    bootstrap: str,
    contract: Contract | Path,
    path: Path | str,
    client: str = "confluent",
    pace: Pace | None = None,
    limit: int | None = None,
    replay_id: str | None = None,
    timeout_s: float = 15.0,
    stop: Event | None = None,
) -> ReplaySummary:
    """One run of the producer inside the test's own process."""
    contract = load_contract(contract) if isinstance(contract, Path) else contract
    return replay_source(
        KafkaSettings(bootstrap_servers=bootstrap, timeout_s=timeout_s),
        contract,
        str(path),
        pace or FullSpeed(),
        limit,
        ReplayOptions(client, replay_id, 5.0),
        stop or Event(),
        Console(quiet=True),
    )


def start_command(bootstrap: str, *arguments: str | Path, stdin: int | None = None) -> subprocess.Popen[str]:
    """The producer as a user starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "kafka_producer", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "MILLRACE_KAFKA__BOOTSTRAP_SERVERS": bootstrap, "COLUMNS": "200"},
        stdin=stdin if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_command(bootstrap: str, *arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """The producer as a user runs it, to its end."""
    process = start_command(bootstrap, *arguments, stdin=subprocess.PIPE if stdin is not None else None)
    try:
        output, talk = process.communicate(stdin, timeout=90)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, output, talk)


def read_values(bootstrap: str, topic: str) -> list[bytes]:
    """Every committed message of a topic, as kafka-python reads it."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        group_id=None,
    )
    try:
        places = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        values = []
        while any(consumer.position(place) < end for place, end in ends.items()):
            for records in consumer.poll(timeout_ms=200).values():
                values += [record.value for record in records]
        return values
    finally:
        consumer.close()


def read_rows(bootstrap: str, topic: str) -> list[dict[str, Any]]:
    """The committed messages of a topic as JSON objects."""
    return [json.loads(value) for value in read_values(bootstrap, topic)]


def count_lines(rows: Sequence[dict[str, Any]]) -> Counter[int]:
    """How often each source line is there."""
    return Counter(row["_source_line"] for row in rows)


def wait_for_rows(bootstrap: str, topic: str, count: int) -> float:
    """Return as soon as so many rows are committed, with the time at which it was seen; rows that never come fail."""
    deadline_s = time.monotonic() + 180
    while True:
        try:
            if sum(1 for _ in read_topic(KafkaSettings(bootstrap_servers=bootstrap), topic)) >= count:
                return time.monotonic()
        except ServiceError:  # the topic is not there yet
            pass
        assert time.monotonic() < deadline_s, f"{count} rows never came"
        time.sleep(0.05)


def kill_and_repeat(bootstrap: str, name: str, folder: Path, client: str, kills: int, rows: int) -> None:
    """Kill the producer at random times, each after it has got further; at the end every line must be there once."""
    contract = write_contract(folder, name)
    path = write_rows(folder / "rows.csv", rows)
    arguments = ("replay", contract, path, "--quiet", "--client", client)
    for kill in range(kills):
        before = sum(end for _, end in read_ends(bootstrap, name).values())
        process = start_command(bootstrap, *arguments, "--rate", str(rows // 10))
        while sum(end for _, end in read_ends(bootstrap, name).values()) <= before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        time.sleep(random.Random(kill).uniform(0.0, 0.8))  # the kill hits anywhere in a transaction
        process.kill()
        process.communicate()
    answer = run_command(bootstrap, *arguments, "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["files"][0]["resumed_from_line"] is not None
    assert count_lines(read_rows(bootstrap, name)) == dict.fromkeys(range(2, rows + 2), 1)


def read_ends(bootstrap: str, topic: str) -> dict[int, tuple[int, int]]:
    """The topic's watermarks; none while it is not there."""
    try:
        return read_watermarks(KafkaSettings(bootstrap_servers=bootstrap), topic)
    except ServiceError:
        return {}


def watch_memory(process: subprocess.Popen[str]) -> int:
    """The greatest resident size of a process up to its end, in bytes, looked at a hundred times a second."""
    seen, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            seen = max(seen, watched.memory_info().rss)
        time.sleep(0.01)
    process.communicate()
    return seen
