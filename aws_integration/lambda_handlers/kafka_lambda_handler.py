"""The Lambda handler of a pipeline's topics, for Kafka triggers (MSK and other clusters) and for the consumer's `--to lambda`.

It reads its environment: MILLRACE_PIPELINE names the contract, MILLRACE_ENV the settings.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from aws_integration.lambda_handlers.event_writer import EventWriter, open_writer
from connections.settings import load_settings
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ServiceError
from pipeline_contract.kafka_event import OWN_PART, Failure, build_answer, read_event

# Kept free at the end of the time that Lambda allows, to answer in.
RESERVE_S = 2.0

logger = Logger(service="millrace")
# Where no X-Ray daemon listens, there is nobody to tell.
tracer = Tracer(service="millrace", disabled=None if "AWS_XRAY_DAEMON_ADDRESS" in os.environ else True)
metrics = Metrics(namespace="Millrace", service="millrace")


@cache
def open_function() -> tuple[EventWriter, Mapping[str, str], bool]:
    """What every invocation of this process works with: the writer, the topics' ids, and whether partial answers are read."""
    os.chdir(os.environ.get("LAMBDA_TASK_ROOT", Path.cwd()))
    settings = load_settings(os.environ["MILLRACE_ENV"])
    contract = load_contract(find_contract(os.environ["MILLRACE_PIPELINE"]))
    metrics.set_default_dimensions(pipeline=contract.name)
    ids: dict[str, str] = json.loads(os.environ.get("MILLRACE_TOPIC_IDS", "{}"))
    return open_writer(contract, settings), ids, settings.function.reports_failures


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write an event's messages and answer with what failed, by partition.

    AWS reads such an answer only from a trigger that is set to (`ReportBatchItemFailures`), and takes it for success
    otherwise. So where the settings do not say that it is, a failure is an error of the whole event, which is then sent
    again; what is written already is known then.
    """
    writer, topic_ids, reports_failures = open_function()
    slices = read_event(event, topic_ids)
    deadline_s = context.get_remaining_time_in_millis() / 1000 - RESERVE_S
    counts, failures = writer.write(slices, context.aws_request_id, deadline_s)
    for name, count in counts._asdict().items():
        metrics.add_metric(name=f"{name.capitalize()}Rows", unit=MetricUnit.Count, value=count)
    metrics.add_metric(name="FailedPartitions", unit=MetricUnit.Count, value=len(failures))
    tell(failures)
    if failures and not (reports_failures or OWN_PART in event):
        raise ServiceError("; ".join(f"{failure.slice.name}: {failure.reason}" for failure in failures))
    logger.info("event written", extra={"partitions": len(slices), **counts._asdict(), "failed": len(failures)})
    return build_answer(failures, counts._asdict())


def tell(failures: list[Failure]) -> None:
    """Log each failure with its partition and first offset."""
    for failure in failures:
        place = {"partition": failure.slice.name, "first_offset": failure.slice.first, "end_offset": failure.slice.end}
        logger.error(failure.reason, extra=place)
