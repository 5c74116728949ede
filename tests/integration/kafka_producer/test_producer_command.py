"""The command as a user runs it: exit codes, what it prints, signals, pipes, kills."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.kafka_producer.replay_runs import (
    count_lines,
    kill_and_repeat,
    read_rows,
    run_command,
    run_in_process,
    start_command,
    wait_for_rows,
    watch_memory,
    write_contract,
    write_rows,
)

CLIENTS = ["confluent", "kafka-python"]


def test_a_replay_prints_one_json_object(kafka_bootstrap: str, unique_name: str, tmp_path: Path) -> None:
    contract = write_contract(tmp_path, unique_name)
    files = [write_rows(tmp_path / f"{count}.csv", count) for count in (3, 4)]
    answer = run_command(kafka_bootstrap, "replay", contract, *files, "--json", "--quiet")
    assert (answer.returncode, answer.stderr) == (0, "")
    result = json.loads(answer.stdout)
    assert (result["rows"], result["sent"], result["rejected"], result["finished"]) == (7, 7, 0, True)
    assert [file["rows"] for file in result["files"]] == [3, 4]
    again = run_command(kafka_bootstrap, "replay", contract, *files)
    assert again.returncode == 0
    assert "was sent to its end already" in again.stderr
    assert len(read_rows(kafka_bootstrap, unique_name)) == 7


def test_topics_are_created_checked_and_shown(kafka_bootstrap: str, unique_name: str, tmp_path: Path) -> None:
    contract = write_contract(tmp_path, unique_name)
    first = run_command(kafka_bootstrap, "topics", contract, "--json")
    topics = json.loads(first.stdout)["topics"]
    assert [topic["name"] for topic in topics] == [unique_name, f"{unique_name}.rejected", f"{unique_name}.progress"]
    assert [topic["partitions"] for topic in topics] == [3, 1, 1]
    assert [topic["cleanup.policy"] for topic in topics] == ["delete", "delete", "compact"]
    assert all(topic["created"] for topic in topics)
    other = write_contract(tmp_path, unique_name, partitions=5)
    refused = run_command(kafka_bootstrap, "topics", other)
    assert (refused.returncode, "partitions is 3, the contract wants 5" in refused.stderr) == (2, True)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_commits_and_says_how_to_go_on(
    number: signal.Signals, client: str, kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 5000)
    process = start_command(
        kafka_bootstrap, "replay", contract, path, "--rate", "200", "--json", "--interval", "0.2", "--client", client
    )
    wait_for_rows(kafka_bootstrap, unique_name, 20)
    process.send_signal(number)
    output, talk = process.communicate(timeout=30)
    assert process.returncode == 4, talk
    assert "To go on: the same command again" in talk
    lines = [json.loads(line) for line in talk.splitlines() if line.startswith("{")]
    assert lines
    assert {"rows", "rows_per_s", "rejected", "lag_s"} <= lines[0].keys()
    result = json.loads(output)
    rows = read_rows(kafka_bootstrap, unique_name)
    assert 20 <= result["rows"] == len(rows) < 5000
    assert run_in_process(kafka_bootstrap, contract, path, client).rows == 5000 - len(rows)
    assert count_lines(read_rows(kafka_bootstrap, unique_name)) == dict.fromkeys(range(2, 5002), 1)


def test_a_delayed_row_is_there_soon_after_it_was_sent(kafka_bootstrap: str, unique_name: str, tmp_path: Path) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 100)
    process = start_command(kafka_bootstrap, "replay", contract, path, "--delay", "1", "--quiet")
    try:
        seen_s = [wait_for_rows(kafka_bootstrap, unique_name, count) for count in (1, 2, 3, 4)]
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert 2.0 <= seen_s[3] - seen_s[0] <= 5.0
    assert len(read_rows(kafka_bootstrap, unique_name)) < 10


def test_speed_spreads_the_rows_as_they_happened(kafka_bootstrap: str, unique_name: str, tmp_path: Path) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 11, gap_s=60)
    answer = run_command(kafka_bootstrap, "replay", contract, path, "--speed", "300", "--json", "--quiet")
    assert 2.0 <= json.loads(answer.stdout)["files"][0]["seconds"] < 8.0
    assert len(read_rows(kafka_bootstrap, unique_name)) == 11


def test_standard_input_is_committed_as_it_comes_and_gone_on_with(
    kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name)
    process = start_command(kafka_bootstrap, "replay", contract, "-", "--json", stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write("id,name,at\n1,a,x\n2,b,y\n3,unfini")
    process.stdin.flush()
    wait_for_rows(kafka_bootstrap, unique_name, 2)
    process.terminate()
    output, talk = process.communicate(timeout=30)
    assert (process.returncode, json.loads(output)["rows"]) == (4, 2)
    replay_id = talk.split("--replay-id ")[1].split()[0]
    whole = "id,name,at\n1,a,x\n2,b,y\n3,unfinished,z\n"
    answer = run_command(kafka_bootstrap, "replay", contract, "-", "--replay-id", replay_id, "--json", stdin=whole)
    assert (answer.returncode, json.loads(answer.stdout)["rows"]) == (0, 1), answer.stderr
    assert count_lines(read_rows(kafka_bootstrap, unique_name)) == {2: 1, 3: 1, 4: 1}


@pytest.mark.parametrize("client", CLIENTS)
def test_killed_three_times_every_line_is_there_once(
    client: str, kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    kill_and_repeat(kafka_bootstrap, unique_name, tmp_path, client, kills=3, rows=30_000)


def test_memory_stays_small_with_a_large_file_and_a_large_field(
    kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 1)
    with path.open("a") as file:
        file.write(f"1,{'x' * 5_000_000},2013-01-01T00:00:00Z\n")
        for _ in range(40):
            file.writelines(f"{n},{'some name' * 10},2013-01-01T00:00:00Z\n" for n in range(10_000))
    process = start_command(kafka_bootstrap, "replay", contract, path, "--quiet")
    # Not by rusage: its maximum begins with that of the process that started it, which is this test's.
    peak = watch_memory(process)
    assert process.returncode == 0
    assert 50_000_000 < peak < 200_000_000
    assert path.stat().st_size > 40_000_000
    (rejected,) = read_rows(kafka_bootstrap, f"{unique_name}.rejected")
    assert (rejected["reason"], rejected["length"] > 5_000_000) == ("too_large", True)
