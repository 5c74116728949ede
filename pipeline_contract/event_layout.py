"""What the parts of the events way are called, and where their objects lie. Pure."""

from __future__ import annotations

from datetime import datetime

from pipeline_contract.layout import output_prefix

# The output that the pipe loads; Firehose writes it.
DELIVERED = "delivered"
# The stream of the log group of a Firehose stream.
DELIVERY_LOG = "S3Delivery"


def name_stream(events: str) -> str:
    """The Firehose stream of a set of events."""
    return f"millrace-{events}"


def name_ids(events: str) -> str:
    """The DynamoDB table that remembers which events were accepted."""
    return f"millrace-{events}-ids"


def name_api(events: str) -> str:
    """The API in API Gateway, and its usage plan and key."""
    return f"millrace-{events}"


def name_api_function(events: str) -> str:
    """The function behind the API."""
    return f"millrace-{events}-api"


def name_api_log(events: str) -> str:
    """The log group with a line for each request to the API."""
    return f"/aws/apigateway/{name_api(events)}"


def name_stream_log(events: str) -> str:
    """The log group in which Firehose tells of what it could not deliver."""
    return f"/aws/kinesisfirehose/{name_stream(events)}"


def name_error_bucket(bucket: str) -> str:
    """The bucket for what services and the API refused or gave up on, beside the lake's."""
    return f"{bucket}-errors"


def delivered_prefix(events: str) -> str:
    """The prefix of the lake's bucket under which Firehose delivers; the pipe covers it."""
    return output_prefix(events, DELIVERED)


def undelivered_prefix(events: str) -> str:
    """The prefix of the lake's bucket for what Firehose could not place."""
    return f"undelivered/{events}/"


def receipts_prefix(events: str) -> str:
    """The prefix of the lake's bucket with one receipt for each answered request."""
    return f"receipts/{events}/"


def refused_prefix(events: str) -> str:
    """The prefix of the bucket of errors with one object for each request that had refused events."""
    return f"refused/{events}/"


def dated_key(prefix: str, received_at: datetime, request_id: str) -> str:
    """The key of what is kept of one request, under the day on which it came."""
    return f"{prefix}{received_at:%Y/%m/%d}/{request_id}.jsonl"
