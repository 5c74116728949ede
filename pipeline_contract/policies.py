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


def build_document(*statements: Statement) -> Document:
    """A policy of these statements."""
    return {"Version": VERSION, "Statement": list(statements)}


def join_documents(*documents: Document) -> Document:
    """One policy with the statements of all of these."""
    return build_document(*(statement for document in documents for statement in document["Statement"]))


def allow(name: str, actions: Sequence[str], *resources: str) -> Statement:
    """A statement that allows these actions on these resources."""
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def allow_listing(name: str, bucket: str, prefixes: Sequence[str]) -> Statement:
    """A statement that allows to list a bucket under these prefixes."""
    statement = allow(name, ["s3:ListBucket"], bucket_arn(bucket))
    return statement | {"Condition": {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}}


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
    return build_document(
        allow("ReadObjects", ["s3:GetObject", "s3:GetObjectVersion"], *(object_arn(bucket, p) for p in prefixes)),
        allow_listing("ListPrefixes", bucket, prefixes),
        allow("LocateBucket", ["s3:GetBucketLocation"], bucket_arn(bucket)),
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
    return build_document(statement)


def error_topic_policy(topic: str) -> Document:
    """What the role of the error notifications may do: publish to one topic (SP22)."""
    return build_document(allow("PublishErrors", ["sns:Publish"], topic))


def streaming_job_policy(bucket: str, pipeline: str, checkpoints: str) -> Document:
    """What the Spark job of one pipeline may do in the lake's bucket.

    It publishes under lake/, writes manifests under _ledger/, both never to be deleted; attempts under _staging/ and
    operations/ and a checkpoint in this bucket come and go. `checkpoints` is the folder or s3a:// address of the settings.
    """
    changing = [f"{STAGING}/{pipeline}/", f"{OPERATIONS}/{pipeline}/", *_checkpoint_prefixes(bucket, checkpoints)]
    keeping = [f"{LAKE}/{pipeline}/", f"{LEDGER}/{pipeline}/"]
    return build_document(
        allow("ReadAndPublish", ["s3:GetObject", "s3:PutObject"], *(object_arn(bucket, p) for p in keeping)),
        allow(
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
        allow_listing("ListItsPrefixes", bucket, [*keeping, *changing]),
        allow("LocateBucket", ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], bucket_arn(bucket)),
    )


def s3_consumer_policy(bucket: str, pipeline: str) -> Document:
    """What the consumer of the way `s3` may do: put objects and claims, and read them again, never delete."""
    prefixes = [*_list_outputs(pipeline), claims_prefix(pipeline)]
    return build_document(
        allow("ReadAndPut", ["s3:GetObject", "s3:PutObject"], *(object_arn(bucket, prefix) for prefix in prefixes)),
        allow_listing("ListItsPrefixes", bucket, prefixes),
    )


def catalog_read_policy(bucket: str, pipeline: str) -> Document:
    """What the Glue crawler may do beyond Glue's own service policy, and a person who asks Athena: read the objects."""
    prefixes = _list_outputs(pipeline)
    return build_document(
        allow("ReadObjects", ["s3:GetObject"], *(object_arn(bucket, prefix) for prefix in prefixes)),
        allow_listing("ListPrefixes", bucket, prefixes),
        allow("LocateBucket", ["s3:GetBucketLocation"], bucket_arn(bucket)),
    )


def function_policy(region: str, account_id: str, function: str, secret: str | None) -> Document:
    """What a pipeline's Lambda function may do: write its own log, send traces, read its secret (a name or an address).

    Traces have no resource that could be named. Sources: the service authorization reference of AWS, pages of CloudWatch
    Logs, X-Ray and Secrets Manager; a secret's address ends in six characters that AWS chooses.
    """
    log = f"arn:aws:logs:{region}:{account_id}:log-group:/aws/lambda/{function}"
    statements = [
        allow("WriteLog", ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], log, f"{log}:*"),
        allow("Trace", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
    ]
    if secret is not None:
        place = f"arn:aws:secretsmanager:{region}:{account_id}:secret:{secret}-??????"
        whole = secret if secret.startswith("arn:") else place
        statements.append(allow("ReadSecret", ["secretsmanager:GetSecretValue"], whole))
    return build_document(*statements)


def function_caller_policy(region: str, account_id: str, function: str) -> Document:
    """What the consumer of the way `lambda` may do: invoke one function."""
    return build_document(allow("Invoke", ["lambda:InvokeFunction"], function_arn(region, account_id, function)))


def deployment_policy(bucket: str) -> Document:
    """What `snowflake_integration deploy` may do: read and write the bucket's notifications, and list the lake."""
    return build_document(
        allow("WireNotifications", ["s3:GetBucketNotification", "s3:PutBucketNotification"], bucket_arn(bucket)),
        allow_listing("ListLake", bucket, [f"{LAKE}/"]),
    )


def _list_outputs(pipeline: str) -> list[str]:
    return [s3_way_prefix(pipeline, output) for output in ("curated", "rejected")]


def _checkpoint_prefixes(bucket: str, checkpoints: str) -> list[str]:
    address = urlsplit(checkpoints)
    if address.scheme not in ("s3", "s3a") or address.netloc != bucket:
        return []
    return [address.path.strip("/") + "/"]
