"""The emulated Firehose, called by boto3: what is put arrives in the bucket, with its events, over faults and ends."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
import requests
from botocore.exceptions import ClientError

from sandbox.aws.service import describe_aws
from sandbox.firehose.service import read_pending
from sandbox.processes import find_free_port
from sandbox.services import Service, start_service, stop_service, wait_until_ready
from sandbox.stack import PROJECT
from tests.integration.sandbox.test_aws_state import ACCOUNT, ENDINGS, Ending, open_client

ROLE = "arn:aws:iam::000000000000:role/millrace-firehose"
SOON = {"SizeInMBs": 5, "IntervalInSeconds": 1}
DELIMITER = {"Type": "AppendDelimiterToRecord", "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]}
BY_DAY = {
    "Type": "MetadataExtraction",
    "Parameters": [
        {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{day:.day}"},
        {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"},
    ],
}
PARTITIONED: dict[str, Any] = {
    "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 1},
    "DynamicPartitioningConfiguration": {"Enabled": True},
    "ProcessingConfiguration": {"Enabled": True, "Processors": [BY_DAY, DELIMITER]},
    "Prefix": "events/day=!{partitionKeyFromQuery:day}/",
    "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
}
DEADLINE_S = 60


def wait_for(seen: Callable[[], Any]) -> Any:
    """What a look sees as soon as it sees anything."""
    end = time.monotonic() + DEADLINE_S
    while not (found := seen()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


class Lab:
    """A running endpoint with a bucket of one test's own, and a stream into it."""

    def __init__(self, service: Service, name: str) -> None:
        self.service = service
        self.name = name
        self.url = f"http://{service.address}"
        self.client = open_client(service, "firehose")
        self.s3 = open_client(service, "s3")
        self.s3.create_bucket(Bucket=name)

    def create(self, **more: Any) -> None:
        """Create the stream."""
        configuration = {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{self.name}", "BufferingHints": SOON, **more}
        self.client.create_delivery_stream(
            DeliveryStreamName=self.name, ExtendedS3DestinationConfiguration=configuration
        )

    def put(self, *records: bytes) -> dict[str, Any]:
        """Put records in one batch."""
        answer: dict[str, Any] = self.client.put_record_batch(
            DeliveryStreamName=self.name, Records=[{"Data": record} for record in records]
        )
        return answer

    def order(self, **faults: Any) -> None:
        """Order faults, or take them back."""
        requests.put(f"{self.url}/_sandbox/firehose/{self.name}", json=faults, timeout=10).raise_for_status()

    def ask(self) -> dict[str, Any]:
        """How the stream fares."""
        state: dict[str, Any] = requests.get(f"{self.url}/_sandbox/firehose", timeout=10).json()["streams"][self.name]
        return state

    def read_objects(self) -> dict[str, bytes]:
        """All objects of the bucket."""
        keys = [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])]
        return {key: self.s3.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys}

    def wait_delivered(self) -> dict[str, bytes]:
        """All objects once nothing is pending."""
        wait_for(lambda: read_pending(self.url)[self.name] == 0)
        return self.read_objects()


@pytest.fixture(scope="module")
def own_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An endpoint that these tests may kill."""
    service = describe_aws("127.0.0.1", find_free_port(), ACCOUNT, tmp_path_factory.mktemp("state"), PROJECT)
    start_service(service)
    try:
        wait_until_ready(service)
        yield service
    finally:
        stop_service(service)


@pytest.fixture
def lab(own_endpoint: Service, unique_name: str) -> Lab:
    """A bucket and a name of this test's own."""
    return Lab(own_endpoint, unique_name)


def test_records_arrive_under_firehoses_names_and_the_bucket_tells_of_it(lab: Lab) -> None:
    sqs = open_client(lab.service, "sqs")
    queue_url = sqs.create_queue(QueueName=lab.name)["QueueUrl"]
    queue = {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{lab.name}", "Events": ["s3:ObjectCreated:*"]}
    lab.s3.put_bucket_notification_configuration(
        Bucket=lab.name, NotificationConfiguration={"QueueConfigurations": [queue]}
    )
    sqs.purge_queue(QueueUrl=queue_url)
    lab.create(Prefix="events/", ProcessingConfiguration={"Enabled": True, "Processors": [DELIMITER]})

    answer = lab.put(b'{"n":1}', b'{"n":2}')
    single = lab.client.put_record(DeliveryStreamName=lab.name, Record={"Data": b'{"n":3}'})

    objects = lab.wait_delivered()
    assert b"".join(objects.values()) == b'{"n":1}\n{"n":2}\n{"n":3}\n'
    assert answer["FailedPutCount"] == 0
    ids = [entry["RecordId"] for entry in answer["RequestResponses"]] + [single["RecordId"]]
    assert len(set(ids)) == 3
    time_part = r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d"
    name = re.compile(rf"events/\d{{4}}/\d\d/\d\d/\d\d/{lab.name}-1-{time_part}-[0-9a-f-]{{36}}")
    assert all(name.fullmatch(key) for key in objects), objects
    messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
    told = {unquote(json.loads(message["Body"])["Records"][0]["s3"]["object"]["key"]) for message in messages}
    assert told <= set(objects)
    assert told


def test_a_full_buffer_does_not_wait(lab: Lab) -> None:
    lab.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})

    for letter in (b"x", b"y", b"z"):
        lab.put(*[letter * 1000] * 400)

    (body,) = wait_for(lab.read_objects).values()
    assert 1024 * 1024 <= len(body) < 1024 * 1024 + 1000
    assert read_pending(lab.url)[lab.name] == 1200 - len(body) // 1000


def test_without_buffering_a_record_is_delivered_at_once_and_compressed(lab: Lab) -> None:
    lab.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0}, CompressionFormat="GZIP")

    lab.put(b"one\n")

    ((key, body),) = lab.wait_delivered().items()
    assert key.endswith(".gz")
    assert gzip.decompress(body) == b"one\n"


def test_records_are_placed_by_their_fields_and_others_told_as_errors(lab: Lab) -> None:
    lab.create(**PARTITIONED)

    lab.put(b'{"day":"d1","n":1}', b'{"n":2}', b'{"day":"d2","n":3}', b"\xff", b'{"day":"d1","n":4}')

    objects = lab.wait_delivered()
    bodies = {key.rpartition("/")[0]: body for key, body in objects.items()}
    errors = [json.loads(line) for line in bodies.pop("errors/processing-failed").splitlines()]
    assert bodies == {
        "events/day=d1": b'{"day":"d1","n":1}\n{"day":"d1","n":4}\n',
        "events/day=d2": b'{"day":"d2","n":3}\n',
    }
    assert [base64.b64decode(error["rawData"]) for error in errors] == [b'{"n":2}', b"\xff"]
    assert {error["errorCode"] for error in errors} == {"DynamicPartitioning.MetadataExtractionFailed"}
    assert (errors[0]["attemptsMade"], errors[0]["errorMessage"]) == (
        1,
        "partitionKeys values must not be null or empty",
    )


def test_an_ordered_failure_refuses_some_records_of_a_batch(lab: Lab) -> None:
    lab.create()
    lab.order(fail_records=2)

    partial = lab.put(b"a", b"b", b"c")

    assert partial["FailedPutCount"] == 2
    codes = [entry.get("ErrorCode") for entry in partial["RequestResponses"]]
    assert codes == ["ServiceUnavailableException", "ServiceUnavailableException", None]
    assert list(lab.wait_delivered().values()) == [b"c"]
    lab.order(fail_records=1)
    with pytest.raises(lab.client.exceptions.ServiceUnavailableException):
        lab.client.put_record(DeliveryStreamName=lab.name, Record={"Data": b"d"})


def test_an_ordered_repetition_delivers_the_same_bytes_twice(lab: Lab) -> None:
    lab.create()
    lab.order(repeat_deliveries=1)

    lab.put(b"once", b"more")
    first = lab.wait_delivered()
    lab.put(b"last")

    assert list(first.values()) == [b"oncemore", b"oncemore"]
    assert sorted(lab.wait_delivered().values()) == [b"last", b"oncemore", b"oncemore"]
    assert lab.ask()["delivered_objects"] == 3


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_what_is_held_back_survives_the_endpoint_and_arrives_after_it(lab: Lab, ending: Ending) -> None:
    lab.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
    lab.order(hold=True)
    lab.put(b"a", b"b")
    lab.put(b"c")
    held = lab.ask()
    before = lab.read_objects()

    ending.end(lab.service)
    start_service(lab.service)
    wait_until_ready(lab.service)

    assert (held["pending_records"], held["pending_bytes"], before) == (3, 3, {})
    assert b"".join(lab.wait_delivered().values()) == b"abc"


def test_a_release_delivers_what_was_held_back(lab: Lab) -> None:
    lab.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
    lab.order(hold=True)
    lab.put(b"a")
    assert lab.ask()["faults"]["hold"]

    lab.order(hold=False)

    assert list(lab.wait_delivered().values()) == [b"a"]


def test_delivery_is_tried_until_there_is_a_bucket(lab: Lab) -> None:
    lab.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
    lab.s3.delete_bucket(Bucket=lab.name)
    lab.put(b"a")
    failure = wait_for(lambda: lab.ask()["failure"])

    lab.s3.create_bucket(Bucket=lab.name)

    assert "bucket does not exist" in failure
    assert list(lab.wait_delivered().values()) == [b"a"]
    assert lab.ask()["failure"] is None


def test_an_update_makes_a_version_and_stays_over_a_restart(lab: Lab) -> None:
    lab.create(Prefix="old/")
    described = lab.client.describe_delivery_stream(DeliveryStreamName=lab.name)["DeliveryStreamDescription"]
    (destination,) = described["Destinations"]
    change = {
        "DeliveryStreamName": lab.name,
        "CurrentDeliveryStreamVersionId": described["VersionId"],
        "DestinationId": destination["DestinationId"],
        "ExtendedS3DestinationUpdate": {"Prefix": "new/", "BufferingHints": {"SizeInMBs": 2, "IntervalInSeconds": 0}},
    }

    lab.client.update_destination(**change)
    with pytest.raises(lab.client.exceptions.ConcurrentModificationException):
        lab.client.update_destination(**change)
    stop_service(lab.service)
    start_service(lab.service)
    wait_until_ready(lab.service)
    lab.put(b"a")

    (key,) = lab.wait_delivered()
    assert re.match(rf"new/\d{{4}}/\d\d/\d\d/\d\d/{lab.name}-2-", key)
    described = lab.client.describe_delivery_stream(DeliveryStreamName=lab.name)["DeliveryStreamDescription"]
    told = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert (described["VersionId"], described["DeliveryStreamStatus"], told["Prefix"]) == ("2", "ACTIVE", "new/")
    assert told["BufferingHints"] == {"SizeInMBs": 2, "IntervalInSeconds": 0}
    assert (told["CompressionFormat"], told["S3BackupMode"]) == ("UNCOMPRESSED", "Disabled")


def test_streams_are_listed_and_a_deleted_one_is_gone(lab: Lab) -> None:
    lab.create()
    assert lab.name in lab.client.list_delivery_streams(Limit=1000)["DeliveryStreamNames"]
    page = lab.client.list_delivery_streams(Limit=1, ExclusiveStartDeliveryStreamName="a")
    assert len(page["DeliveryStreamNames"]) == 1

    lab.client.delete_delivery_stream(DeliveryStreamName=lab.name)

    with pytest.raises(lab.client.exceptions.ResourceNotFoundException):
        lab.client.describe_delivery_stream(DeliveryStreamName=lab.name)
    assert lab.name not in read_pending(lab.url)


class Refusal(NamedTuple):
    id: str
    call: Callable[[Lab], object]
    code: str


REFUSALS = (
    Refusal("too many records", lambda lab: lab.put(*[b"x"] * 501), "InvalidArgumentException"),
    Refusal("too large a batch", lambda lab: lab.put(*[b"x" * 1_000_000] * 5), "InvalidArgumentException"),
    Refusal("too large a record", lambda lab: lab.put(b"x" * (1000 * 1024 + 1)), "InvalidArgumentException"),
    Refusal("there already", lambda lab: lab.create(), "ResourceInUseException"),
    Refusal(
        "no stream",
        lambda lab: lab.client.put_record(DeliveryStreamName="nobody", Record={"Data": b"x"}),
        "ResourceNotFoundException",
    ),
    Refusal(
        "no such source",
        lambda lab: lab.client.create_delivery_stream(
            DeliveryStreamName="other", DeliveryStreamType="KinesisStreamAsSource"
        ),
        "InvalidArgumentException",
    ),
    Refusal(
        "not emulated",
        lambda lab: lab.client.list_tags_for_delivery_stream(DeliveryStreamName=lab.name),
        "UnknownOperationException",
    ),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.id)
def test_what_firehose_refuses_is_refused_by_its_name(lab: Lab, refusal: Refusal) -> None:
    lab.create()

    with pytest.raises(ClientError) as refused:
        refusal.call(lab)

    assert refused.value.response["Error"]["Code"] == refusal.code
    assert lab.read_objects() == {}


def test_the_largest_batch_is_taken(lab: Lab) -> None:
    lab.create()

    answer = lab.put(*[b"x" * (4 * 1024 * 1024 // 500)] * 500)

    assert answer["FailedPutCount"] == 0
    assert sum(map(len, lab.wait_delivered().values())) == 4 * 1024 * 1024 // 500 * 500


def test_a_fault_that_there_is_not_is_refused(lab: Lab) -> None:
    lab.create()
    control = f"{lab.url}/_sandbox/firehose"

    assert requests.put(f"{control}/{lab.name}", json={"explode": 1}, timeout=10).status_code == 400
    assert requests.put(f"{control}/nobody", json={"hold": True}, timeout=10).status_code == 404
