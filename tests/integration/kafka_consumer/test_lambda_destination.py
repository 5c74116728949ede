"""Topics through the pipeline's function, which runs in a process of its own behind the emulated Lambda."""

from __future__ import annotations

import base64
import io
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from connections.functions import invoke_function, open_lambda
from connections.settings import S3Settings, Settings
from kafka_consumer.destination import Batch, Partition, Slice
from kafka_consumer.lambda_destination import FunctionRefused, LambdaDestination, cut_events, open_function
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.kafka_event import OWN_PART, encode_event, name_function, read_event
from pipeline_contract.row_judge import Message
from sandbox.aws.service import describe_aws
from sandbox.processes import find_free_port, read_record
from sandbox.services import Service, start_service, stop_service, wait_until_ready
from sandbox.stack import PROJECT
from tests.integration.kafka_consumer.consumer_runs import make_runner, running, wait_until
from tests.integration.kafka_consumer.functions import deploy_function
from tests.integration.kafka_consumer.pipelines import Pipeline, good_ids, make_pipeline

PLACE = Partition("topic", "id", 0)


def test_a_topic_arrives_row_by_row_and_what_a_group_without_offsets_sends_again_is_known(pipeline: Pipeline) -> None:
    pipeline.replay(0, 400)
    deploy_function(pipeline)
    main, rejected = pipeline.topics
    read = []
    # The group is called after the first topic.
    for topics in ((main, rejected), (main, rejected), (rejected, main)):
        with closing(open_function(pipeline.contract, pipeline.settings)) as destination:
            runner = make_runner(pipeline.settings, topics, destination)
            runner.run()
            read.append(runner.report.summarise().messages)

    assert read == [400, 0, 400]
    assert pipeline.count_ids("lambda") == good_ids(0, 400)
    assert pipeline.count_reasons("lambda") == {"rule:known_kind": 40}


@pytest.fixture
def own_lambda(tmp_path: Path, pipeline: Pipeline) -> Iterator[tuple[Service, Settings]]:
    """An emulated Lambda that a test may kill, with the pipeline's function; its topics and tables are the session's."""
    service = describe_aws("127.0.0.1", find_free_port(), "000000000000", tmp_path / "state", PROJECT)
    start_service(service)
    try:
        wait_until_ready(service)
        yield (
            service,
            pipeline.settings.model_copy(
                update={"s3": S3Settings(endpoint_url=f"http://{service.address}", timeout_s=5)}
            ),
        )
    finally:
        stop_service(service)


def test_lambda_may_be_away_and_come_back(pipeline: Pipeline, own_lambda: tuple[Service, Settings]) -> None:
    service, settings = own_lambda
    deploy_function(pipeline, settings)
    said: list[str] = []
    with closing(open_function(pipeline.contract, settings)) as destination:
        runner = make_runner(settings, pipeline.topics, destination, until_drained=False, say=said.append)
        with running(runner) as errors:
            pipeline.replay(0, 100)
            wait_until(lambda: len(pipeline.count_ids("lambda")) == 90)
            record = read_record(service.record_path)
            assert record is not None
            psutil.Process(record.pid).kill()
            pipeline.replay(100, 100)
            wait_until(lambda: any("Lambda: cannot invoke" in line for line in said))
            start_service(service)
            wait_until_ready(service)
            wait_until(lambda: len(pipeline.count_ids("lambda")) == 180)

    assert errors == []
    assert pipeline.count_ids("lambda") == good_ids(0, 200)


HANDLER = """
import json

def handle(event, context):
    with open({seen!r}, "a") as file:
        file.write(json.dumps({{name: [r["offset"] for r in records] for name, records in event["records"].items()}}) + "\\n")
    print("what the function says")
    {body}
    failures = {{"{topic}-1": {{"reason": "no room", "isPassing": {passing}}}}} if "{topic}-1" in event["records"] else {{}}
    rows = {{"curated": sum(map(len, event["records"].values()))}}
    return {{"batchItemFailures": [], "millrace": {{"rows": rows, "failures": failures}}}}
"""
Build = Callable[..., tuple[LambdaDestination, Path]]


@pytest.fixture
def build(s3_endpoint: str, session_settings: Settings, unique_name: str, tmp_path: Path) -> Iterator[Build]:
    """Creates a function with this body, and returns a destination of it and the file of what it has seen."""
    client = open_lambda(session_settings)

    def create(
        body: str = "pass", passing: bool = True, max_event_bytes: int = 100_000
    ) -> tuple[LambdaDestination, Path]:
        seen = tmp_path / "seen"
        text = HANDLER.format(seen=str(seen), body=body, topic=PLACE.topic, passing=passing)
        (tmp_path / "handler.py").write_text(text)
        client.create_function(
            FunctionName=unique_name,
            Runtime="python3.11",
            Handler="handler.handle",
            Role="arn:aws:iam::000000000000:role/millrace-lambda",
            Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)},
        )
        return LambdaDestination(client, unique_name, max_event_bytes), seen

    assert s3_endpoint
    with closing(client):
        yield create


def make_slice(partition: int, first: int, end: int, size: int = 10) -> Slice:
    """A slice of one message an offset, each with a value of this size."""
    place = PLACE._replace(number=partition)
    return Slice(place, first, end, tuple(Message(*place, n, 1, b"k", b"v" * size) for n in range(first, end)))


def read_seen(path: Path) -> dict[str, list[int]]:
    """The offsets that a function was sent, by partition, in the order of their coming."""
    seen: dict[str, list[int]] = {}
    for line in path.read_text().splitlines():
        for name, offsets in json.loads(line).items():
            seen.setdefault(name, []).extend(offsets)
    return seen


def test_only_what_was_not_taken_is_sent_again(build: Build) -> None:
    destination, seen = build()
    batch = Batch("batch", (make_slice(0, 0, 5), make_slice(1, 0, 5)))

    for _ in range(2):
        with pytest.raises(ServiceError, match=r"has not taken topic-1 from offset 0: no room"):
            destination.write(batch)

    assert read_seen(seen) == {"topic-0": [0, 1, 2, 3, 4], "topic-1": [0, 1, 2, 3, 4] * 2}


def test_what_will_never_be_taken_stops_the_consumer(build: Build) -> None:
    destination, _ = build(passing=False)

    with pytest.raises(FunctionRefused, match="no room"):
        destination.write(Batch("batch", (make_slice(1, 0, 5),)))


class Broken(NamedTuple):
    id: str
    body: str
    kind: type[Exception]
    message: str


BROKEN = (
    Broken("an error", 'raise ValueError("as asked")', ServiceError, "ValueError: as asked"),
    Broken("too slow", "import time; time.sleep(60)", ServiceError, "Task timed out"),
    Broken("wrong settings", "raise type('ConfigurationError', (Exception,), {})('no key')", FunctionRefused, "no key"),
)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.id)
def test_a_functions_error_is_told_with_the_end_of_its_log(build: Build, broken: Broken) -> None:
    destination, _ = build(broken.body)

    with pytest.raises(broken.kind, match=broken.message) as raised:
        destination.write(Batch("batch", (make_slice(0, 0, 5),)))

    assert "what the function says" in str(raised.value)


def test_a_large_batch_is_cut_into_events_that_fit(build: Build) -> None:
    destination, seen = build(max_event_bytes=20_000)

    written = destination.write(Batch("batch", (make_slice(0, 5, 50, 3_000), make_slice(2, 0, 3))))

    assert written.rows == {"curated": 48}
    assert {place.number: end for place, end in written.ends.items()} == {0: 50, 2: 3}
    assert read_seen(seen) == {"topic-0": list(range(5, 50)), "topic-2": [0, 1, 2]}
    assert len(seen.read_text().splitlines()) == 16


def test_the_events_of_a_slice_cover_all_its_offsets() -> None:
    piece = make_slice(0, 10, 40, 300)

    events = list(cut_events(piece.partition, 7, 45, piece.messages, 2_000))

    assert [events[0].first, events[-1].end] == [7, 45]
    assert all(one.end == other.first for one, other in itertools.pairwise(events))
    assert [m for event in events for m in read_event(json.loads(encode_event([event])), {})[0].messages] == [
        *piece.messages
    ]


def test_a_function_that_is_not_there_is_named_with_what_to_do(s3_endpoint: str, session_settings: Settings) -> None:
    assert s3_endpoint
    with closing(LambdaDestination(open_lambda(session_settings), "nobody")) as destination, pytest.raises(
        ConfigurationError, match="function deploy"
    ):  # fmt: skip
        destination.write(Batch("batch", (make_slice(0, 0, 5),)))


@pytest.fixture
def planned(sandbox_settings: Settings, tmp_path: Path, unique_name: str) -> Pipeline:
    """A pipeline without topics and tables."""
    return make_pipeline(tmp_path, unique_name, sandbox_settings)


def test_a_topic_whose_messages_may_be_too_large_is_refused(planned: Pipeline) -> None:
    topic = planned.contract.topic.model_copy(update={"max_message_bytes": 5_000_000})
    contract = planned.contract.model_copy(update={"topic": topic})

    with pytest.raises(ConfigurationError, match=r"topic.max_message_bytes .* is 5000000"):
        open_function(contract, planned.settings)


def test_a_deployment_changes_what_differs_and_nothing_else(planned: Pipeline) -> None:
    first = deploy_function(planned)
    again = deploy_function(planned)
    longer = planned.settings.function.model_copy(update={"timeout_s": 33})
    changed = deploy_function(planned, planned.settings.model_copy(update={"function": longer}))

    assert [step.call for step in first] == ["create_function"]
    # The code of a folder may have changed unnoticed.
    assert [step.call for step in again] == ["update_function_code"]
    assert [(step.call, step.what.rpartition(": ")[2]) for step in changed][1:] == [
        ("update_function_configuration", "Timeout")
    ]


def make_event(pipeline: Pipeline, head: dict[str, Any], *values: bytes) -> bytes:
    """An event of a trigger with these messages in partition 0."""
    topic = pipeline.contract.topic.name
    records = [
        {"topic": topic, "partition": 0, "offset": n, "timestamp": 1, "timestampType": "CREATE_TIME", "headers": [],
         "value": base64.b64encode(value).decode()}
        for n, value in enumerate(values)
    ]  # fmt: skip
    return json.dumps({**head, "records": {f"{topic}-0": records}}).encode()


ROW = b'{"_source_file":"f","_source_line":2,"id":"1","at":"2024-01-01 00:00:00","price":"1.25","kind":"a"}'


def test_a_trigger_of_either_kind_is_answered_and_a_failure_is_an_error_unless_partial_answers_are_read(
    pipeline: Pipeline,
) -> None:
    deploy_function(pipeline)
    name, topic = name_function(pipeline.name), pipeline.contract.topic.name
    client = open_lambda(pipeline.settings)
    msk = {"eventSource": "aws:kafka", "eventSourceArn": "arn:aws:kafka:us-east-1:000000000000:cluster/c/1"}
    other = {"eventSource": "SelfManagedKafka", "bootstrapServers": "b:9092"}

    first = invoke_function(client, name, make_event(pipeline, msk, ROW, b"damaged"))
    second = invoke_function(client, name, make_event(pipeline, other, ROW, b"damaged", ROW))

    assert (first["batchItemFailures"], first[OWN_PART]["rows"]) == ([], {"curated": 1, "rejected": 1, "repeated": 0})
    assert second[OWN_PART]["rows"] == {"curated": 1, "rejected": 0, "repeated": 2}
    unknown = make_event(pipeline, msk, ROW).replace(b'"partition": 0', b'"partition": 9')
    with pytest.raises(ServiceError, match=r"ServiceError: .*partition 9: run"):
        invoke_function(client, name, unknown)
    reporting = pipeline.settings.function.model_copy(update={"reports_failures": True})
    deploy_function(pipeline, pipeline.settings.model_copy(update={"function": reporting}))
    answer = invoke_function(client, name, unknown)
    assert answer["batchItemFailures"] == [{"itemIdentifier": {"partition": f"{topic}-9", "offset": 0}}]

    # It counts and logs, and shows nothing of a row.
    secret = ROW.replace(b'"1.25"', b'"secret"')
    told = client.invoke(FunctionName=name, Payload=make_event(pipeline, msk, *[secret] * 5), LogType="Tail")
    log = base64.b64decode(told["LogResult"]).decode()
    lines = [json.loads(line) for line in io.StringIO(log) if line.startswith("{")]
    (written,) = [line for line in lines if line.get("message") == "event written"]
    assert (written["curated"], written["rejected"], written["repeated"]) == (0, 2, 3)
    assert written["function_request_id"] == told["ResponseMetadata"]["RequestId"]
    (counted,) = [line for line in lines if "RejectedRows" in line]
    assert (counted["RejectedRows"], counted["FailedPartitions"], counted["pipeline"]) == ([2.0], [0.0], pipeline.name)
    assert "secret" not in log
