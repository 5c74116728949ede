"""What can go wrong on each way: it goes on or says what to do, and nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from connections.kafka import describe_topic_ids
from connections.settings import Settings
from kafka_consumer.buffer import Limits
from kafka_consumer.destination import open_destination
from kafka_consumer.lambda_destination import FunctionRefused
from kafka_consumer.runner import Runner
from pipeline_contract.errors import ServiceError, TopicMismatch
from pipeline_contract.ways import name_way
from reconciliation.way_check import check_way
from tests.integration.kafka_consumer.consumer_runs import make_runner, running, wait_until
from tests.integration.kafka_consumer.pipelines import Pipeline, deploy_pipeline, good_ids
from tests.integration.kafka_consumer.strikes import TARGETS, Target, check_whole
from tests.integration.kafka_producer.mortal_broker import kill_broker, restart_broker, run_broker
from tests.integration.sandbox.snow_lab import EndpointProcess

SMALL = Limits(rows=100, bytes=1_000_000, age_s=0.05)
EVERY_TARGET = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
WITH_WAREHOUSE = pytest.mark.parametrize(
    "target", [target for target in TARGETS if target.name != "s3"], ids=lambda target: target.name
)


@pytest.fixture
def mortal_warehouse(tmp_path: Path, s3_endpoint: str) -> Iterator[EndpointProcess]:
    """An emulated Snowflake of this test's own."""
    endpoint = EndpointProcess(tmp_path / "state", s3_endpoint)
    endpoint.start()
    yield endpoint
    endpoint.kill()


def drain(pipeline: Pipeline, target: Target, patience_s: float = 60.0) -> None:
    """Read the topics to their end."""
    with closing(open_destination(target.name, pipeline.contract, pipeline.settings)) as destination:
        make_runner(pipeline.settings, pipeline.topics, destination, patience_s=patience_s).run()


@contextmanager
def running_in_small_batches(
    pipeline: Pipeline, target: Target, say: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[Runner, list[BaseException]]]:
    """A run that has written two batches, and its errors."""
    with closing(open_destination(target.name, pipeline.contract, pipeline.settings)) as destination:
        runner = make_runner(
            pipeline.settings, pipeline.topics, destination, limits=SMALL, until_drained=False, patience_s=400, say=say
        )
        with running(runner) as errors:
            wait_until(lambda: runner.report.batches >= 2 or bool(errors))
            yield runner, errors


@WITH_WAREHOUSE
@pytest.mark.chaos_short
def test_a_warehouse_that_dies_is_waited_for_or_given_up_and_the_next_run_goes_on(
    target: Target, mortal_warehouse: EndpointProcess, sandbox_settings: Settings, tmp_path: Path, unique_name: str
) -> None:
    warehouse = sandbox_settings.warehouse.model_copy(update={"port": mortal_warehouse.port, "timeout_s": 5.0})
    pipeline = deploy_pipeline(tmp_path, unique_name, sandbox_settings.model_copy(update={"warehouse": warehouse}))
    target.prepare(pipeline)
    pipeline.replay(0, 400)
    mortal_warehouse.kill()
    with pytest.raises(ServiceError, match=f"127.0.0.1:{mortal_warehouse.port}"):
        drain(pipeline, target, patience_s=0.5)

    mortal_warehouse.start()
    said: list[str] = []
    with running_in_small_batches(pipeline, target, said.append) as (runner, errors):
        mortal_warehouse.kill()
        # A function waits for the warehouse itself before it says that it could not write.
        wait_until(
            lambda: any("trying again" in line for line in said) or runner.report.lag == 0 or bool(errors),
            timeout_s=200,
        )
        mortal_warehouse.start()
        pipeline.replay(400, 100)
        wait_until(lambda: sum(runner.report.rows.values()) >= 500 or bool(errors), timeout_s=120)
    assert errors == []
    check_whole(pipeline, target, 500)


@EVERY_TARGET
@pytest.mark.chaos_short
def test_a_broker_that_dies_and_comes_back_is_waited_for(
    target: Target, sandbox_settings: Settings, tmp_path: Path, unique_name: str
) -> None:
    with run_broker(sandbox_settings, tmp_path / "broker") as broker:
        kafka = sandbox_settings.kafka.model_copy(update={"bootstrap_servers": broker.address, "timeout_s": 5.0})
        pipeline = deploy_pipeline(tmp_path, unique_name, sandbox_settings.model_copy(update={"kafka": kafka}))
        target.prepare(pipeline)
        pipeline.replay(0, 1_000)
        with running_in_small_batches(pipeline, target) as (runner, errors):
            kill_broker(broker)
            restart_broker(broker)
            pipeline.replay(1_000, 200)
            wait_until(lambda: sum(runner.report.rows.values()) >= 1_200 or bool(errors), timeout_s=120)
        assert errors == []
        check_whole(pipeline, target, 1_200)


@EVERY_TARGET
def test_poison_rows_are_kept_with_their_reason_from_one_to_fifty_in_a_hundred(
    target: Target, pipeline: Pipeline
) -> None:
    target.prepare(pipeline)
    wanted: Counter[int] = Counter()
    for number, poison in enumerate((100, 10, 2)):
        pipeline.replay(number * 1_000, 1_000, poison)
        wanted += good_ids(number * 1_000, 1_000, poison)
    drain(pipeline, target)

    assert target.count_ids(pipeline) == wanted
    assert target.count_reasons(pipeline) == {"rule:known_kind": 10 + 100 + 500}
    statement = check_way(pipeline.settings, pipeline.contract, name_way(target.name), [], 20, lambda _: None)
    assert statement.is_complete, statement.findings


@EVERY_TARGET
def test_a_topic_that_was_created_again_is_refused_and_what_is_written_stays(
    target: Target, pipeline: Pipeline
) -> None:
    target.prepare(pipeline)
    pipeline.replay(0, 100)
    drain(pipeline, target)
    kafka = pipeline.settings.kafka
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for future in admin.delete_topics([*pipeline.topics, pipeline.contract.topic.progress]).values():
        future.result(timeout=30)
    wait_until(lambda: not describe_topic_ids(kafka, pipeline.topics))
    pipeline.replay(100, 300)

    with pytest.raises((TopicMismatch, FunctionRefused), match="was deleted and created again"):
        drain(pipeline, target)

    assert target.count_ids(pipeline) == good_ids(0, 100)
