"""IAM policy documents of the events way: what the API's function, Firehose and a sender may do. Pure."""

from __future__ import annotations

from pipeline_contract.event_api import STAGE
from pipeline_contract.event_layout import (
    DELIVERY_LOG,
    delivered_prefix,
    name_api_function,
    name_error_bucket,
    name_ids,
    name_stream,
    name_stream_log,
    receipts_prefix,
    refused_prefix,
    undelivered_prefix,
)
from pipeline_contract.policies import (
    Document,
    allow,
    allow_listing,
    bucket_arn,
    build_document,
    function_policy,
    object_arn,
)


def method_arn(region: str, account_id: str, api: str, path: str) -> str:
    """The address by which the one method of an API is called; `api` is the id that AWS has chosen."""
    return f"arn:aws:execute-api:{region}:{account_id}:{api}/{STAGE}/POST{path}"


def api_function_policy(region: str, account_id: str, events: str, bucket: str, secret: str | None) -> Document:
    """What the function behind the API may do: its own log and traces, its secret, one table, one stream, two prefixes."""
    table = f"arn:aws:dynamodb:{region}:{account_id}:table/{name_ids(events)}"
    stream = f"arn:aws:firehose:{region}:{account_id}:deliverystream/{name_stream(events)}"
    receipts = object_arn(bucket, receipts_prefix(events))
    refused = object_arn(name_error_bucket(bucket), refused_prefix(events))
    return build_document(
        *function_policy(region, account_id, name_api_function(events), secret)["Statement"],
        allow("RememberIds", ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"], table),
        allow("SendEvents", ["firehose:PutRecordBatch"], stream),
        allow("KeepReceiptsAndRefused", ["s3:PutObject"], receipts, refused),
    )


def delivery_policy(region: str, account_id: str, events: str, bucket: str) -> Document:
    """What Firehose may do to deliver events: write under its two prefixes, and tell in its log of what it could not.

    Source: docs.aws.amazon.com/firehose/latest/dev/controlling-access.html, on a destination in S3.
    """
    prefixes = [delivered_prefix(events), undelivered_prefix(events)]
    actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    group = f"arn:aws:logs:{region}:{account_id}:log-group:{name_stream_log(events)}"
    return build_document(
        allow("Deliver", actions, *(object_arn(bucket, prefix) for prefix in prefixes)),
        allow_listing("ListItsPrefixes", bucket, prefixes),
        allow("LocateBucket", ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], bucket_arn(bucket)),
        allow("TellOfFailures", ["logs:PutLogEvents"], f"{group}:log-stream:{DELIVERY_LOG}"),
    )


def sender_policy(region: str, account_id: str, api: str, path: str) -> Document:
    """What somebody may do who posts events to an API that asks for signed requests: call its one method."""
    return build_document(allow("PostEvents", ["execute-api:Invoke"], method_arn(region, account_id, api, path)))
