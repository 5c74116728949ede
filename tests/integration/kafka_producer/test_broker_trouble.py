"""A broker that dies under the producer: it waits for a bounded time, says so, and the next run goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connections.settings import Settings
from kafka_producer.pacing import EvenPace
from pipeline_contract.errors import PipelineError, ServiceError
from sandbox.services import Service
from tests.integration.kafka_producer.mortal_broker import kill_broker, restart_broker, run_broker
from tests.integration.kafka_producer.replay_runs import (
    count_lines,
    read_rows,
    run_in_process,
    wait_for_rows,
    write_contract,
    write_rows,
)


@pytest.fixture(scope="module")
def own_broker(session_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A broker that these tests may kill."""
    with run_broker(session_settings, tmp_path_factory.mktemp("broker")) as broker:
        yield broker


def start_run(
    broker: Service, contract: Path, path: Path, client: str, timeout_s: float
) -> tuple[threading.Thread, list[PipelineError]]:
    """A run in a thread of its own, slow enough to be interrupted, and the errors that it ends with."""
    errors: list[PipelineError] = []

    def run() -> None:
        try:
            run_in_process(broker.address, contract, path, client, pace=EvenPace(0.01), timeout_s=timeout_s)
        except PipelineError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


@pytest.mark.chaos_short
@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_a_broker_that_stays_away_is_given_up_and_the_next_run_goes_on(
    client: str, own_broker: Service, unique_name: str, tmp_path: Path
) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 600)
    # Less than a busy broker may take for the first transaction would end the run before the kill.
    thread, errors = start_run(own_broker, contract, path, client, timeout_s=8)
    wait_for_rows(own_broker.address, unique_name, 20)
    kill_broker(own_broker)
    thread.join(180)
    try:
        assert not thread.is_alive()
        assert [type(error) for error in errors] == [ServiceError]
        assert own_broker.address in str(errors[0])
    finally:
        restart_broker(own_broker)
    second = run_in_process(own_broker.address, contract, path, client)
    assert second.resumed_from_line is not None
    assert count_lines(read_rows(own_broker.address, unique_name)) == dict.fromkeys(range(2, 602), 1)


@pytest.mark.chaos_short
def test_a_broker_that_comes_back_in_time_is_waited_for(own_broker: Service, unique_name: str, tmp_path: Path) -> None:
    contract = write_contract(tmp_path, unique_name)
    path = write_rows(tmp_path / "rows.csv", 300)
    thread, errors = start_run(own_broker, contract, path, "confluent", timeout_s=20)
    wait_for_rows(own_broker.address, unique_name, 20)
    kill_broker(own_broker)
    restart_broker(own_broker)
    thread.join(180)
    assert errors == []
    assert count_lines(read_rows(own_broker.address, unique_name)) == dict.fromkeys(range(2, 302), 1)
