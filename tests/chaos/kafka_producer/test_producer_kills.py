"""The producer killed again and again, and with a file that is larger than it may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.kafka_producer.replay_runs import (
    kill_and_repeat,
    read_ends,
    start_command,
    watch_memory,
    write_contract,
)

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_killed_twenty_times_every_line_is_there_once(
    client: str, kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    kill_and_repeat(kafka_bootstrap, unique_name, tmp_path, client, kills=20, rows=200_000)


def test_memory_does_not_grow_with_the_file(kafka_bootstrap: str, unique_name: str, tmp_path: Path) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("id,name,at\n")
        for block in range(100):
            file.writelines(f'{block},"{"some text" * 10} {n}",2013-01-01T00:00:00Z\n' for n in range(25_000))
    assert path.stat().st_size > 300_000_000
    process = start_command(kafka_bootstrap, "replay", contract, path, "--quiet")
    peak = watch_memory(process)
    assert process.returncode == 0
    assert 50_000_000 < peak < 200_000_000
    assert sum(high for _, high in read_ends(kafka_bootstrap, unique_name).values()) >= 2_500_000
