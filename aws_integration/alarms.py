"""What of a Lambda function is watched. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Alarm(NamedTuple):
    """An alarm that rings when a metric is above zero in five minutes."""

    name: str
    purpose: str
    namespace: str
    metric: str
    dimensions: list[dict[str, str]]
    statistic: str = "Sum"


def list_function_alarms(pipeline: str, function: str, dead_letters: str) -> dict[str, Alarm]:
    """The alarms of a pipeline's function, by their ids in a template."""
    of_function = _dimensions(FunctionName=function)
    return {
        "Errors": Alarm(
            f"{function}-errors", "The function failed; events come again.", "AWS/Lambda", "Errors", of_function
        ),
        "Throttles": Alarm(
            f"{function}-throttles",
            "The function was not let run as often as asked.",
            "AWS/Lambda",
            "Throttles",
            of_function,
        ),
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


def _dimensions(**values: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]
