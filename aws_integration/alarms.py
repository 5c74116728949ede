"""What of the Lambda functions, and of what the events way has beside its own, is watched. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pipeline_contract.event_api import STAGE
from pipeline_contract.event_layout import name_api, name_api_function, name_ids, name_stream
from pipeline_contract.event_model import EventContract

# How much later than Firehose was told to an object may come.
LATE_S = 900


class Alarm(NamedTuple):
    """An alarm that rings when a metric is above, or below, a threshold in five minutes."""

    name: str
    purpose: str
    namespace: str
    metric: str
    dimensions: list[dict[str, str]]
    statistic: str = "Sum"
    threshold: int = 0
    comparison: Literal["GreaterThanThreshold", "LessThanThreshold"] = "GreaterThanThreshold"


def list_function_alarms(pipeline: str, function: str, dead_letters: str) -> dict[str, Alarm]:
    """The alarms of a pipeline's function, by their ids in a template."""
    return {
        **_list_lambda_alarms(function, "The function failed; events come again."),
        # The handler's own count: aws_integration/lambda_handlers.
        "FailedPartitions": Alarm(
            f"{function}-failed-partitions",
            "Messages of a partition were not taken; the function's log says why.",
            "Millrace",
            "FailedPartitions",
            _dimensions(service="millrace", pipeline=pipeline),
        ),
        "GivenUp": Alarm(
            f"{function}-given-up",
            "An event was given up and lies in the queue of dead letters.",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            _dimensions(QueueName=dead_letters),
            "Maximum",
        ),
    }


def list_event_alarms(contract: EventContract) -> dict[str, Alarm]:
    """The alarms of a set of events, by their ids in a template."""
    name = contract.name
    api, function, stream, table = name_api(name), name_api_function(name), name_stream(name), name_ids(name)
    of_stream, of_table = _dimensions(DeliveryStreamName=stream), _dimensions(TableName=table)
    busy = "The table of ids was too busy; requests are answered more slowly, or with 503."
    return {
        **_list_lambda_alarms(function, "The function failed; senders were answered 502 and post again."),
        "ServerErrors": Alarm(
            f"{api}-server-errors",
            "Requests were answered with 500 or more; the function's log and the API's say why.",
            "AWS/ApiGateway",
            "5XXError",
            _dimensions(ApiName=api, Stage=STAGE),
        ),
        # The handler's own count: aws_integration/lambda_handlers.
        "FailedEvents": Alarm(
            f"{api}-failed-events",
            "Firehose did not take events; senders were told to post them again.",
            "Millrace",
            "FailedEvents",
            _dimensions(service="millrace-events", events=name),
        ),
        "LateDelivery": Alarm(
            f"{stream}-late-delivery",
            "Firehose holds an event for longer than it should; its log says why.",
            "AWS/Firehose",
            "DeliveryToS3.DataFreshness",
            of_stream,
            "Maximum",
            contract.delivery.buffer_s + LATE_S,
        ),
        "FailedDelivery": Alarm(
            f"{stream}-failed-delivery",
            "Firehose could not put an object; it tries again for a day.",
            "AWS/Firehose",
            "DeliveryToS3.Success",
            of_stream,
            "Minimum",
            1,
            "LessThanThreshold",
        ),
        "BusyReads": Alarm(f"{table}-busy-reads", busy, "AWS/DynamoDB", "ReadThrottleEvents", of_table),
        "BusyWrites": Alarm(f"{table}-busy-writes", busy, "AWS/DynamoDB", "WriteThrottleEvents", of_table),
    }


def _list_lambda_alarms(function: str, failed: str) -> dict[str, Alarm]:
    of_function = _dimensions(FunctionName=function)
    throttled = "The function was not let run as often as asked."
    return {
        "Errors": Alarm(f"{function}-errors", failed, "AWS/Lambda", "Errors", of_function),
        "Throttles": Alarm(f"{function}-throttles", throttled, "AWS/Lambda", "Throttles", of_function),
    }


def _dimensions(**values: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]
