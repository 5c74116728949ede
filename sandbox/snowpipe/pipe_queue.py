"""The SQS queue that all pipes share (SP15): S3 or SNS sends events to it, the local Snowpipe reads it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from sandbox.snowpipe.object_store import AwsEndpoint, open_aws

ACCOUNT_ID = "123456789012"


class QueueMessage(NamedTuple):
    """One message: its body, and the handle that deletes it."""

    body: str
    receipt: str


class PipeQueue:
    """Creates, reads and empties the pipes' queue on the AWS endpoint."""

    def __init__(self, endpoint: AwsEndpoint, account: str) -> None:
        self._endpoint = endpoint
        # A queue for each account: two of them on one AWS endpoint must not take each other's messages.
        self._name = f"sf-snowpipe-{account}"
        self._client: Any = open_aws(endpoint, "sqs")
        self.arn = f"arn:aws:sqs:{endpoint.region}:{ACCOUNT_ID}:{self._name}"

    def create_queue(self) -> str:
        """Create the queue unless it is there and return its URL; S3 and SNS may send to it."""
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]},
                    "Action": "sqs:SendMessage",
                    "Resource": self.arn,
                }
            ],
        }
        # Noting ten messages takes far less, and a killed receiver's messages come back soon. One that comes back too
        # early is harmless: a pipe's files are a set, and its history knows them.
        attributes = {"VisibilityTimeout": "5", "Policy": json.dumps(policy)}
        try:
            return str(self._client.create_queue(QueueName=self._name, Attributes=attributes)["QueueUrl"])
        except ClientError as error:
            if "Exists" not in error.response["Error"]["Code"]:
                raise
            return str(self._client.get_queue_url(QueueName=self._name)["QueueUrl"])

    def subscribe_topic(self, topic_arn: str) -> None:
        """Subscribe the queue to an SNS topic, as AWS_SNS_TOPIC of a pipe asks (SP14)."""
        open_aws(self._endpoint, "sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=self.arn)

    def receive_messages(self, url: str) -> list[QueueMessage]:
        """Return up to ten messages, waiting at most a second."""
        reply = self._client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return [QueueMessage(item["Body"], item["ReceiptHandle"]) for item in reply.get("Messages", [])]

    def delete_messages(self, url: str, messages: list[QueueMessage]) -> None:
        """Delete messages that have been dealt with."""
        entries = [{"Id": str(i), "ReceiptHandle": message.receipt} for i, message in enumerate(messages)]
        self._client.delete_message_batch(QueueUrl=url, Entries=entries)

    def count_messages(self) -> int:
        """Return how many messages are in the queue, visible or in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        reply = self._client.get_queue_attributes(QueueUrl=self.create_queue(), AttributeNames=names)
        return sum(int(reply["Attributes"][name]) for name in names)
