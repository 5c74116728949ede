"""The Lambda handler behind the API of events: a REST API of API Gateway with proxy integration, bodies in base64.

It reads its environment: MILLRACE_EVENTS names the contract, MILLRACE_ENV the settings.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from base64 import b64decode
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from aws_integration.lambda_handlers.event_ids import IdStore
from aws_integration.lambda_handlers.event_intake import Buckets, EventIntake
from aws_integration.lambda_handlers.event_stream import EventStream
from aws_integration.lambda_handlers.secrets import add_secrets
from connections.aws_clients import open_dynamodb, open_firehose
from connections.s3 import open_s3
from connections.settings import Settings, load_settings
from pipeline_contract.errors import ServiceError
from pipeline_contract.event_answer import UNAVAILABLE, choose_code, describe_answer
from pipeline_contract.event_contract_file import find_event_contract, load_event_contract
from pipeline_contract.event_judge import compile_event_judge
from pipeline_contract.event_layout import name_error_bucket, name_ids, name_stream
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_records import Request

# Kept free at the end of the time that Lambda allows, to write the receipt and answer in.
RESERVE_S = 3.0

logger = Logger(service="millrace-events")
# Where no X-Ray daemon listens, there is nobody to tell.
tracer = Tracer(service="millrace-events", disabled=None if "AWS_XRAY_DAEMON_ADDRESS" in os.environ else True)
metrics = Metrics(namespace="Millrace", service="millrace-events")


@cache
def open_function() -> tuple[EventIntake, Settings]:
    """What every invocation of this process works with."""
    os.chdir(os.environ.get("LAMBDA_TASK_ROOT", Path.cwd()))
    settings = load_settings(os.environ["MILLRACE_ENV"])
    contract = load_event_contract(find_event_contract(os.environ["MILLRACE_EVENTS"]))
    metrics.set_default_dimensions(events=contract.name)
    return open_intake(contract, settings), settings


def open_intake(contract: EventContract, settings: Settings) -> EventIntake:
    """The intake of a contract's events, with clients of the settings' account."""
    remember_s = int(contract.api.remember.total_seconds())
    return EventIntake(
        contract,
        compile_event_judge(contract),
        IdStore(open_dynamodb(settings.s3), name_ids(contract.name), remember_s),
        EventStream(open_firehose(settings.s3), name_stream(contract.name)),
        Buckets(open_s3(settings.s3), settings.s3.bucket, name_error_bucket(settings.s3.bucket)),
    )


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take the events of one request, and answer 202, 207, 400, or 503 where a service is away."""
    request_id = event["requestContext"]["requestId"]
    logger.append_keys(request_id=request_id)
    timeout_s = max(0.0, context.get_remaining_time_in_millis() / 1000 - RESERVE_S)
    try:
        intake, settings = open_function()
        verdicts = intake.take(read_request(event, settings), read_posted(event), timeout_s)
    except ServiceError as error:
        logger.error(str(error))  # noqa: TRY400 - the message says all, and a trace may show more
        metrics.add_metric(name="FailedRequests", unit=MetricUnit.Count, value=1)
        return answer(UNAVAILABLE, {"request_id": request_id, "message": "a service is away; post all of it again"})
    told = describe_answer(request_id, verdicts)
    counts = {status: told[status] for status in ("accepted", "repeated", "refused", "failed")}
    for status, count in counts.items():
        metrics.add_metric(name=f"{status.capitalize()}Events", unit=MetricUnit.Count, value=count)
    logger.info("request answered", extra=counts)
    return answer(choose_code(verdicts), told)


def read_request(event: dict[str, Any], settings: Settings) -> Request:
    """Who asks, and when."""
    context = event["requestContext"]
    received_at = datetime.fromtimestamp(context["requestTimeEpoch"] / 1000, UTC).replace(tzinfo=None)
    return Request(context["requestId"], received_at, hash_address(context["identity"]["sourceIp"], settings))


def hash_address(address: str, settings: Settings) -> str | None:
    """The keyed hash of a sender's address; none without a key, as a bare hash of so few addresses hides nothing."""
    key = add_secrets(settings).spark.protect_key
    if key is None:
        return None
    return hmac.new(key.get_secret_value().encode(), address.encode(), hashlib.sha256).hexdigest()


def read_posted(event: dict[str, Any]) -> bytes:
    """The body's bytes as they were posted."""
    body = event.get("body") or ""
    return b64decode(body) if event.get("isBase64Encoded") else body.encode()


def answer(code: int, body: dict[str, Any]) -> dict[str, Any]:
    """An answer as API Gateway wants it from a function."""
    headers = {"Content-Type": "application/json"}
    return {"statusCode": code, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}
