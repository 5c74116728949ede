"""What the events way is made of, as AWS's services describe it: for the stack's template and for plain calls alike. Pure."""

from __future__ import annotations

from typing import Any

from aws_integration import shared_names as shared
from aws_integration.function_package import EVENTS
from connections.settings import Settings
from pipeline_contract.event_api import add_integration, derive_openapi
from pipeline_contract.event_layout import (
    DELIVERY_LOG,
    delivered_prefix,
    name_api_function,
    name_ids,
    name_stream_log,
    undelivered_prefix,
)
from pipeline_contract.event_model import EventContract
from pipeline_contract.policies import bucket_arn, function_arn, role_arn

# API Gateway waits no longer: docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
TIMEOUT_S = 29
# For how long Firehose tries to extract a record's type.
PARTITIONING_RETRY_S = 300
# The attribute of an id's item that says when it may be forgotten.
TIME_TO_LIVE = {"AttributeName": "expires_at", "Enabled": True}


def describe_stream(contract: EventContract, settings: Settings) -> dict[str, Any]:
    """The `ExtendedS3DestinationConfiguration` of the Firehose stream; objects are encrypted as their bucket says."""
    name, delivery = contract.name, contract.delivery
    buffer_s = delivery.buffer_s if settings.api.buffer_s is None else settings.api.buffer_s
    of_type = "type=!{partitionKeyFromQuery:type}/" if delivery.by_type else ""
    described = {
        "RoleARN": role_arn(settings.aws.account_id, shared.name_stream_role(name)),
        "BucketARN": bucket_arn(settings.s3.bucket),
        "Prefix": f"{delivered_prefix(name)}{of_type}!{{timestamp:yyyy/MM/dd/HH}}/",
        "ErrorOutputPrefix": f"{undelivered_prefix(name)}!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd}}/",
        "BufferingHints": {"SizeInMBs": delivery.buffer_mb, "IntervalInSeconds": buffer_s},
        "CompressionFormat": "GZIP",
        "CloudWatchLoggingOptions": {
            "Enabled": True,
            "LogGroupName": name_stream_log(name),
            "LogStreamName": DELIVERY_LOG,
        },
    }
    return described | (_describe_partitioning() if delivery.by_type else {})


def describe_ids_table(contract: EventContract) -> dict[str, Any]:
    """The DynamoDB table of accepted ids, which is paid for by the request; `TIME_TO_LIVE` is set on it besides."""
    return {
        "TableName": name_ids(contract.name),
        "AttributeDefinitions": [{"AttributeName": "event_id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "event_id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }


def describe_api_function(events: str, contract: EventContract, settings: Settings) -> dict[str, Any]:
    """The configuration of the function behind the API; `events` is what it finds the contract by."""
    return {
        "FunctionName": name_api_function(contract.name),
        "Handler": EVENTS.handler,
        "Role": role_arn(settings.aws.account_id, shared.name_api_role(contract.name)),
        "Timeout": TIMEOUT_S,
        "MemorySize": settings.function.memory_mb,
        "TracingConfig": {"Mode": "Active"},
        "Environment": {"Variables": describe_api_variables(events, settings)},
    }


def describe_api_variables(events: str, settings: Settings) -> dict[str, str]:
    """What the function is told by its environment: names and addresses, never a secret."""
    told = {
        "MILLRACE_EVENTS": events,
        "MILLRACE_ENV": settings.environment,
        "MILLRACE_S3__BUCKET": settings.s3.bucket,
        "MILLRACE_S3__REGION": settings.s3.region,
        "MILLRACE_S3__ENDPOINT_URL": settings.s3.endpoint_url,
        "MILLRACE_FUNCTION__SECRET": settings.function.secret,
    }
    return {name: value for name, value in told.items() if value is not None}


def describe_api_body(contract: EventContract, settings: Settings) -> dict[str, Any]:
    """The API's description as API Gateway imports it."""
    arn = function_arn(settings.s3.region, settings.aws.account_id, name_api_function(contract.name))
    return add_integration(derive_openapi(contract), arn, settings.s3.region)


def _describe_partitioning() -> dict[str, Any]:
    parameters = {"MetadataExtractionQuery": "{type:.type}", "JsonParsingEngine": "JQ-1.6"}
    listed = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    return {
        "DynamicPartitioningConfiguration": {
            "Enabled": True,
            "RetryOptions": {"DurationInSeconds": PARTITIONING_RETRY_S},
        },
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": [{"Type": "MetadataExtraction", "Parameters": listed}],
        },
    }
