"""The template of a set of events: API, function, stream, table and alarms follow from the contract."""

from __future__ import annotations

import json

from tests.unit.aws_integration.rendered_templates import BUCKET, read_resources


def test_api_gateway_writes_logs_by_a_role_unless_the_account_has_one() -> None:
    plain, full = read_resources("base, plain"), read_resources("base, full")

    assert plain["ApiAccount"]["Properties"] == {"CloudWatchRoleArn": {"Fn::GetAtt": ["ApiLogRole", "Arn"]}}
    assert not {"ApiAccount", "ApiLogRole"} & full.keys()


def test_an_api_asks_for_a_key_or_for_a_signature() -> None:
    by_key, signed = read_resources("events"), read_resources("events, signed and by type")
    of_key = {"Key", "UsagePlan", "KeyOfUsagePlan"}

    assert of_key <= by_key.keys()
    assert by_key["UsagePlan"]["Properties"]["Throttle"] == {"RateLimit": 500, "BurstLimit": 1000}
    assert not of_key & signed.keys()
    (statement,) = signed["SenderPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    method = "arn:aws:execute-api:us-east-1:123456789012:${Api}/v1/POST/events"
    assert statement["Resource"] == [{"Fn::Sub": method}]
    assert signed["MayInvoke"]["Properties"]["SourceArn"] == {"Fn::Sub": method}
    assert "SenderPolicy" not in by_key


def test_an_api_tells_of_each_request_and_not_of_its_sender() -> None:
    stage = read_resources("events")["Stage"]["Properties"]
    (method,) = stage["MethodSettings"]
    told = json.loads(stage["AccessLogSetting"]["Format"])

    assert (method["ThrottlingRateLimit"], method["ThrottlingBurstLimit"]) == (500, 1000)
    assert (method["MetricsEnabled"], stage["TracingEnabled"], stage["StageName"]) == (True, True, "v1")
    assert told["request_id"] == "$context.requestId"
    assert not [value for value in told.values() if "sourceIp" in value or "userAgent" in value]


def test_another_description_is_another_deployment() -> None:
    deployments = {
        id_
        for name in ("events", "events, signed and by type")
        for id_, found in read_resources(name).items()
        if found["Type"] == "AWS::ApiGateway::Deployment"
    }

    assert len(deployments) == 2


def test_the_function_behind_an_api_ends_when_api_gateway_does_and_reads_a_secret_of_its_own() -> None:
    resources = read_resources("events")
    function, secret = resources["Function"]["Properties"], resources["Secret"]["Properties"]

    assert (function["Timeout"], function["ReservedConcurrentExecutions"]) == (29, 100)
    assert "DeadLetterConfig" not in function
    assert function["Environment"]["Variables"] == {
        "MILLRACE_EVENTS": "events",
        "MILLRACE_ENV": "aws",
        "MILLRACE_S3__BUCKET": BUCKET,
        "MILLRACE_S3__REGION": "us-east-1",
        "MILLRACE_FUNCTION__SECRET": secret["Name"],
    }
    assert secret["Name"] != "millrace/snowflake"
    assert secret["GenerateSecretString"]["GenerateStringKey"] == "protect_key"


def test_ids_are_encrypted_kept_and_forgotten_in_time() -> None:
    ids = read_resources("events")["Ids"]["Properties"]

    assert ids["KeySchema"] == [{"AttributeName": "event_id", "KeyType": "HASH"}]
    assert ids["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert ids["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert ids["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/millrace"}
    assert ids["BillingMode"] == "PAY_PER_REQUEST"


def test_events_are_delivered_by_hour_and_where_the_contract_says_so_by_type() -> None:
    plain, by_type = (
        read_resources(name)["Stream"]["Properties"]["ExtendedS3DestinationConfiguration"]
        for name in ("events", "events, signed and by type")
    )

    hours = "!{timestamp:yyyy/MM/dd/HH}/"
    assert plain["Prefix"] == f"lake/events/delivered/{hours}"
    assert by_type["Prefix"] == f"lake/events/delivered/type=!{{partitionKeyFromQuery:type}}/{hours}"
    assert plain["ErrorOutputPrefix"] == "undelivered/events/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
    assert plain["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 60}
    assert plain["CompressionFormat"] == "GZIP"
    assert "DynamicPartitioningConfiguration" not in plain
    (processor,) = by_type["ProcessingConfiguration"]["Processors"]
    assert {p["ParameterName"]: p["ParameterValue"] for p in processor["Parameters"]} == {
        "MetadataExtractionQuery": "{type:.type}",
        "JsonParsingEngine": "JQ-1.6",
    }
    assert by_type["DynamicPartitioningConfiguration"]["RetryOptions"] == {"DurationInSeconds": 300}


def test_every_part_of_an_api_is_watched() -> None:
    alarms = [r["Properties"] for r in read_resources("events").values() if r["Type"] == "AWS::CloudWatch::Alarm"]

    assert {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms} == {
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/ApiGateway", "5XXError"),
        ("Millrace", "FailedEvents"),
        ("AWS/Firehose", "DeliveryToS3.DataFreshness"),
        ("AWS/Firehose", "DeliveryToS3.Success"),
        ("AWS/DynamoDB", "ReadThrottleEvents"),
        ("AWS/DynamoDB", "WriteThrottleEvents"),
    }
    (success,) = (alarm for alarm in alarms if alarm["MetricName"] == "DeliveryToS3.Success")
    assert (success["ComparisonOperator"], success["Threshold"]) == ("LessThanThreshold", 1)
