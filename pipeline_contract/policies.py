"""IAM policy documents, derived from bucket and layout: each grants what one party needs and nothing else. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pipeline_contract.claims import claims_prefix
from pipeline_contract.layout import LAKE, LEDGER, OPERATIONS, STAGING
from pipeline_contract.ways import s3_way_prefix

VERSION = "2012-10-17"
Document = dict[str, Any]
Statement = dict[str, Any]


def role_arn(account_id: str, role: str) -> str:
    """The address of an IAM role."""
    return f"arn:aws:iam::{account_id}:role/{role}"


def topic_arn(region: str, account_id: str, topic: str) -> str:
    """The address of an SNS topic."""
    return f"arn:aws:sns:{region}:{account_id}:{topic}"


def function_arn(region: str, account_id: str, function: str) -> str:
    """The address of a Lambda function."""
    return f"arn:aws:lambda:{region}:{account_id}:function:{function}"


def bucket_arn(bucket: str) -> str:
    """The address of a bucket."""
    return f"arn:aws:s3:::{bucket}"


def object_arn(bucket: str, prefix: str) -> str:
    """The address of every object under a prefix, which ends in a slash."""
    return f"arn:aws:s3:::{bucket}/{prefix}*"


def snowflake_read_policy(bucket: str, prefixes: Sequence[str] = (f"{LAKE}/", f"{OPERATIONS}/")) -> Document:
    """What Snowflake's role may do: read the objects under these prefixes and list them.

    Source: docs.snowflake.com/en/user-guide/data-load-snowpipe-auto-s3, step 1 (SP26).
    """
    return _document(
        _allow("ReadObjects", ["s3:GetObject", "s3:GetObjectVersion"], *(object_arn(bucket, p) for p in prefixes)),
        _allow_listing("ListPrefixes", bucket, prefixes),
        _allow("LocateBucket", ["s3:GetBucketLocation"], bucket_arn(bucket)),
    )


def snowflake_trust_policy(user_arn: str, external_id: str) -> Document:
    """Who may take Snowflake's role: the one user of the integration, showing the integration's external id.

    Both are answers of DESC INTEGRATION: STORAGE_AWS_IAM_USER_ARN and STORAGE_AWS_EXTERNAL_ID, or for a notification
    integration SF_AWS_IAM_USER_ARN and SF_AWS_EXTERNAL_ID.
    """
    statement = {
        "Sid": "SnowflakeOfThisIntegration",
        "Effect": "Allow",
        "Principal": {"AWS": user_arn},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    return _document(statement)


def error_topic_policy(topic: str) -> Document:
    """What the role of the error notifications may do: publish to one topic (SP22)."""
    return _document(_allow("PublishErrors", ["sns:Publish"], topic))


def streaming_job_policy(bucket: str, pipeline: str, checkpoints: str) -> Document:
    """What the Spark job of one pipeline may do in the lake's bucket.

    It publishes under lake/, writes manifests under _ledger/, both never to be deleted; attempts under _staging/ and
    operations/ and a checkpoint in this bucket come and go. `checkpoints` is the folder or s3a:// address of the settings.
    """
    changing = [f"{STAGING}/{pipeline}/", f"{OPERATIONS}/{pipeline}/", *_checkpoint_prefixes(bucket, checkpoints)]
    keeping = [f"{LAKE}/{pipeline}/", f"{LEDGER}/{pipeline}/"]
    return _document(
        _allow("ReadAndPublish", ["s3:GetObject", "s3:PutObject"], *(object_arn(bucket, p) for p in keeping)),
        _allow(
            "StageAndCheckpoint",
            [
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            *(object_arn(bucket, prefix) for prefix in changing),
        ),
        _allow_listing("ListItsPrefixes", bucket, [*keeping, *changing]),
        _allow("LocateBucket", ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], bucket_arn(bucket)),
    )


def s3_consumer_policy(bucket: str, pipeline: str) -> Document:
    """What the consumer of the way `s3` may do: put objects and claims, and read them again, never delete."""
    prefixes = [*_list_outputs(pipeline), claims_prefix(pipeline)]
    return _document(
        _allow("ReadAndPut", ["s3:GetObject", "s3:PutObject"], *(object_arn(bucket, prefix) for prefix in prefixes)),
        _allow_listing("ListItsPrefixes", bucket, prefixes),
    )


def catalog_read_policy(bucket: str, pipeline: str) -> Document:
    """What the Glue crawler may do beyond Glue's own service policy, and a person who asks Athena: read the objects."""
    prefixes = _list_outputs(pipeline)
    return _document(
        _allow("ReadObjects", ["s3:GetObject"], *(object_arn(bucket, prefix) for prefix in prefixes)),
        _allow_listing("ListPrefixes", bucket, prefixes),
        _allow("LocateBucket", ["s3:GetBucketLocation"], bucket_arn(bucket)),
    )


def function_policy(region: str, account_id: str, function: str, secret: str | None) -> Document:
    """What a pipeline's Lambda function may do: write its own log, send traces, read its secret (a name or an address).

    Traces have no resource that could be named. Sources: the service authorization reference of AWS, pages of CloudWatch
    Logs, X-Ray and Secrets Manager; a secret's address ends in six characters that AWS chooses.
    """
    log = f"arn:aws:logs:{region}:{account_id}:log-group:/aws/lambda/{function}"
    statements = [
        _allow("WriteLog", ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], log, f"{log}:*"),
        _allow("Trace", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
    ]
    if secret is not None:
        place = f"arn:aws:secretsmanager:{region}:{account_id}:secret:{secret}-??????"
        whole = secret if secret.startswith("arn:") else place
        statements.append(_allow("ReadSecret", ["secretsmanager:GetSecretValue"], whole))
    return _document(*statements)


def function_caller_policy(region: str, account_id: str, function: str) -> Document:
    """What the consumer of the way `lambda` may do: invoke one function."""
    return _document(_allow("Invoke", ["lambda:InvokeFunction"], function_arn(region, account_id, function)))


def deployment_policy(bucket: str) -> Document:
    """What `snowflake_integration deploy` may do: read and write the bucket's notifications, and list the lake."""
    return _document(
        _allow("WireNotifications", ["s3:GetBucketNotification", "s3:PutBucketNotification"], bucket_arn(bucket)),
        _allow_listing("ListLake", bucket, [f"{LAKE}/"]),
    )


def _list_outputs(pipeline: str) -> list[str]:
    return [s3_way_prefix(pipeline, output) for output in ("curated", "rejected")]


def _checkpoint_prefixes(bucket: str, checkpoints: str) -> list[str]:
    address = urlsplit(checkpoints)
    if address.scheme not in ("s3", "s3a") or address.netloc != bucket:
        return []
    return [address.path.strip("/") + "/"]


def _document(*statements: Statement) -> Document:
    return {"Version": VERSION, "Statement": list(statements)}


def _allow(name: str, actions: Sequence[str], *resources: str) -> Statement:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _allow_listing(name: str, bucket: str, prefixes: Sequence[str]) -> Statement:
    statement = _allow(name, ["s3:ListBucket"], bucket_arn(bucket))
    return statement | {"Condition": {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}}
