"""What the AWS endpoint holds is there again after its end, kill -9 included, and so is what it does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connections.s3 import SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY
from sandbox.aws.service import describe_aws
from sandbox.processes import find_free_port, read_record
from sandbox.services import Service, start_service, stop_service, wait_until_ready
from sandbox.stack import PROJECT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

ACCOUNT = "000000000000"
BUCKET = "lake"
QUEUE = "events"
PART_BYTES = 5 * 1024 * 1024


def kill(service: Service) -> None:
    """End the service's process without any warning."""
    record = read_record(service.record_path)
    assert record is not None
    process = psutil.Process(record.pid)
    process.kill()
    psutil.wait_procs([process], timeout=10)


class Ending(NamedTuple):
    name: str
    end: Callable[[Service], object]


ENDINGS = [Ending("stopped", stop_service), Ending("killed", kill)]


def open_client(service: Service, name: Any) -> Any:
    """A client that fails at once instead of trying again."""
    return boto3.client(
        name,
        region_name="us-east-1",
        endpoint_url=f"http://{service.address}",
        aws_access_key_id=SANDBOX_ACCESS_KEY_ID,
        aws_secret_access_key=SANDBOX_SECRET_ACCESS_KEY,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, max_pool_connections=16),
    )


class Account(NamedTuple):
    """A running endpoint with a bucket whose events go to a queue."""

    service: Service
    s3: S3Client
    sqs: SQSClient
    queue_url: str

    def restart(self, end: Callable[[Service], object]) -> None:
        """End the endpoint in this way, and start it again on the same folder."""
        end(self.service)
        start_service(self.service)
        wait_until_ready(self.service)

    def receive_events(self) -> list[tuple[str, str]]:
        """Take all messages off the queue; the S3 events in them as (event name, key)."""
        events: list[tuple[str, str]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                records = json.loads(message["Body"]).get("Records", [])
                events += [(record["eventName"], record["s3"]["object"]["key"]) for record in records]
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return events


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """An endpoint of the test's own, in a folder whose name is not easy."""
    service = describe_aws("127.0.0.1", find_free_port(), ACCOUNT, tmp_path / "stäte of it", PROJECT)
    start_service(service)
    try:
        wait_until_ready(service)
        s3, sqs = open_client(service, "s3"), open_client(service, "sqs")
        s3.create_bucket(Bucket=BUCKET)
        queue_url = sqs.create_queue(QueueName=QUEUE, Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
        events = {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{QUEUE}", "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [events]}
        )
        yield Account(service, s3, sqs, queue_url)
    finally:
        stop_service(service)


def upload_in_parts(s3: S3Client, key: str) -> None:
    """Upload an object of two parts."""
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    parts = [
        (number, s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=body)["ETag"])
        for number, body in ((1, b"a" * PART_BYTES), (2, b"b"))
    ]
    s3.complete_multipart_upload(
        Bucket=BUCKET,
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]},
    )


def describe_objects(s3: S3Client) -> list[dict[str, Any]]:
    """All that a client can see of the bucket's objects, bodies included."""
    described = []
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        answer = s3.get_object(Bucket=BUCKET, Key=item["Key"])
        tags = s3.get_object_tagging(Bucket=BUCKET, Key=item["Key"])["TagSet"]
        fields = ("ETag", "LastModified", "ContentType", "Metadata", "ContentLength", "ContentEncoding")
        described.append(
            {**item, **{field: answer.get(field) for field in fields}, "body": answer["Body"].read(), "tags": tags}
        )
    return described


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_objects_are_the_same_after_a_restart(account: Account, ending: Ending) -> None:
    s3 = account.s3
    s3.put_object(Bucket=BUCKET, Key="plain", Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    s3.put_object(
        Bucket=BUCKET, Key="a/b c+ü%20?&水", Body=b"1", Metadata={"k": "v"}, ContentType="text/csv", Tagging="t=1"
    )
    s3.put_object(Bucket=BUCKET, Key="replaced", Body=b"old")
    s3.put_object(Bucket=BUCKET, Key="replaced", Body=b"new", ContentEncoding="gzip")
    s3.copy_object(Bucket=BUCKET, Key="copied", CopySource=f"{BUCKET}/plain")
    upload_in_parts(s3, "parts")
    for key in ("gone", "gone together"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    s3.delete_object(Bucket=BUCKET, Key="gone")
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "gone together"}]})
    before = describe_objects(s3)
    assert [item["Key"] for item in before] == ["a/b c+ü%20?&水", "copied", "empty", "parts", "plain", "replaced"]
    account.restart(ending.end)
    assert describe_objects(s3) == before


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_events_arrive_before_and_after_a_restart_once_each(account: Account, ending: Ending) -> None:
    s3 = account.s3
    s3.put_object(Bucket=BUCKET, Key="one ü", Body=b"x")
    taken = account.receive_events()
    assert taken == [("ObjectCreated:Put", "one+%C3%BC")]
    s3.copy_object(Bucket=BUCKET, Key="two", CopySource={"Bucket": BUCKET, "Key": "one ü"})
    account.restart(ending.end)
    upload_in_parts(s3, "three")
    expected = [("ObjectCreated:Copy", "two"), ("ObjectCreated:CompleteMultipartUpload", "three")]
    assert sorted(account.receive_events()) == sorted(expected)
    account.restart(ending.end)
    assert account.receive_events() == []


def test_a_message_that_was_received_and_not_deleted_comes_again(account: Account) -> None:
    account.s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    received = account.sqs.receive_message(QueueUrl=account.queue_url, MaxNumberOfMessages=10)["Messages"]
    account.restart(kill)
    again = account.sqs.receive_message(QueueUrl=account.queue_url, MaxNumberOfMessages=10)["Messages"]
    assert {message["MessageId"] for message in again} == {message["MessageId"] for message in received}


def test_configuration_and_deletions_of_buckets_and_queues_are_kept(account: Account) -> None:
    s3, sqs = account.s3, account.sqs
    s3.create_bucket(Bucket="second")
    s3.put_object(Bucket="second", Key="k", Body=b"x")
    s3.delete_object(Bucket="second", Key="k")
    s3.delete_bucket(Bucket="second")
    dead_letters = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead", "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=account.queue_url, Attributes={"RedrivePolicy": redrive})
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName="short-lived")["QueueUrl"])
    configuration = s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
    account.restart(kill)
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [BUCKET]
    assert s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"] == configuration
    assert sorted(sqs.list_queues()["QueueUrls"]) == sorted([dead_letters, account.queue_url])
    attributes = sqs.get_queue_attributes(QueueUrl=account.queue_url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "600"
    assert json.loads(attributes["RedrivePolicy"]) == json.loads(redrive)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_the_catalog_crawlers_and_workgroups_are_kept(account: Account, ending: Ending) -> None:
    glue, athena = open_client(account.service, "glue"), open_client(account.service, "athena")
    for name in ("kept", "dropped"):
        glue.create_database(DatabaseInput={"Name": name})
    glue.delete_database(Name="dropped")
    storage = {"Columns": [{"Name": "n", "Type": "int"}], "Location": "s3://lake/t/"}
    table = {"Name": "t", "StorageDescriptor": storage, "PartitionKeys": [{"Name": "p", "Type": "string"}]}
    glue.create_table(DatabaseName="kept", TableInput=table)
    glue.create_partition(DatabaseName="kept", TableName="t", PartitionInput={"Values": ["1"]})
    glue.create_crawler(Name="c", Role="r", DatabaseName="kept", Targets={"S3Targets": [{"Path": "s3://lake/t/"}]})
    glue.update_crawler(Name="c", TablePrefix="seen_")
    athena.create_work_group(Name="w", Configuration={"BytesScannedCutoffPerQuery": 10_000_000})
    athena.update_work_group(WorkGroup="w", ConfigurationUpdates={"BytesScannedCutoffPerQuery": 20_000_000})

    account.restart(ending.end)

    assert [database["Name"] for database in glue.get_databases()["DatabaseList"]] == ["kept"]
    assert glue.get_table(DatabaseName="kept", Name="t")["Table"]["StorageDescriptor"] == storage
    assert [p["Values"] for p in glue.get_partitions(DatabaseName="kept", TableName="t")["Partitions"]] == [["1"]]
    assert glue.get_crawler(Name="c")["Crawler"]["TablePrefix"] == "seen_"
    configuration = athena.get_work_group(WorkGroup="w")["WorkGroup"]["Configuration"]
    assert configuration["BytesScannedCutoffPerQuery"] == 20_000_000


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_secrets_are_kept(account: Account, ending: Ending) -> None:
    open_client(account.service, "secretsmanager").create_secret(Name="millrace/one", SecretString="first")
    open_client(account.service, "secretsmanager").put_secret_value(SecretId="millrace/one", SecretString="second")

    account.restart(ending.end)

    kept = open_client(account.service, "secretsmanager").get_secret_value(SecretId="millrace/one")
    assert kept["SecretString"] == "second"


def test_a_bucket_that_a_stack_has_made_is_kept_with_its_objects(account: Account) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "of-a-stack"}}
    stacks = open_client(account.service, "cloudformation")
    stacks.create_stack(StackName="gone", TemplateBody=json.dumps({"Resources": {"B": bucket}}))
    stacks.delete_stack(StackName="gone")
    stacks.create_stack(StackName="one", TemplateBody=json.dumps({"Resources": {"B": bucket}}))
    account.s3.put_object(Bucket="of-a-stack", Key="k", Body=b"x")

    account.restart(kill)

    assert account.s3.get_object(Bucket="of-a-stack", Key="k")["Body"].read() == b"x"


def test_all_that_was_acknowledged_before_a_kill_under_load_is_there(account: Account) -> None:
    acknowledged: list[str] = []
    enough = threading.Event()

    def write(writer: int) -> None:
        for number in range(2000):
            key = f"{writer}/{number}"
            try:
                account.s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode() * 100)
            except (BotoCoreError, ClientError):
                return
            acknowledged.append(key)
            if len(acknowledged) >= 100:
                enough.set()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    assert enough.wait(60)
    kill(account.service)
    for writer in writers:
        writer.join(60)
    account.restart(stop_service)
    pages = account.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    listed = {item["Key"] for page in pages for item in page.get("Contents", [])}
    announced = [key.replace("%2F", "/") for _, key in account.receive_events()]
    # The kill may have cut off at most the answer to one request of each writer.
    assert set(acknowledged) <= listed
    assert len(listed) <= len(acknowledged) + len(writers)
    assert sorted(announced) == sorted(listed)
