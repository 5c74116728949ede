"""The CloudFormation template of a set of events: API, function, stream, table and alarms. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from aws_integration import shared_names as shared
from aws_integration.alarms import list_event_alarms
from aws_integration.event_plan import (
    TIME_TO_LIVE,
    describe_api_body,
    describe_api_function,
    describe_ids_table,
    describe_stream,
)
from aws_integration.event_roles import describe_api_role, describe_sender_policy, describe_stream_role
from aws_integration.function_deployment import Code
from aws_integration.templates import ALIAS, Runtime, fill_template, name_alarm_topic
from connections.settings import Settings
from pipeline_contract.event_api import STAGE
from pipeline_contract.event_layout import DELIVERY_LOG, name_api, name_api_log, name_stream, name_stream_log
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_policies import method_arn

# A line for each request. Addresses of senders are left out, as the function keeps their hashes alone.
# docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
ACCESS_LOG = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "function_latency_ms": "$context.integration.latency",
    "function_error": "$context.integration.error",
    "api_key_id": "$context.identity.apiKeyId",
    "trace_id": "$context.xrayTraceId",
}


def render_events(events: str, contract: EventContract, settings: Settings, code: Code, runtime: Runtime) -> str:
    """The stack of a set of events; `events` is what the function finds the contract by."""
    place, name = (settings.s3.region, settings.aws.account_id), contract.name
    secret = shared.name_api_secret(name)
    told = settings.model_copy(update={"function": settings.function.model_copy(update={"secret": secret})})
    function = describe_api_function(events, contract, told) | {
        "Runtime": runtime.name,
        "Architectures": [runtime.architecture],
        "Code": dict(code.place),
    }
    name_of_function = function["FunctionName"]
    body = describe_api_body(contract, settings)
    is_signed = contract.api.authorisation == "iam"
    return fill_template(
        shared.Stack.EVENTS,
        events=name,
        function_role=describe_api_role(contract, settings).describe(),
        stream_role=describe_stream_role(contract, settings).describe(),
        logs={
            "FunctionLog": f"/aws/lambda/{name_of_function}",
            "ApiLog": name_api_log(name),
            "StreamLog": name_stream_log(name),
        },
        delivery_log=DELIVERY_LOG,
        secret=secret,
        alias=ALIAS,
        ids_table=describe_ids_table(contract),
        time_to_live=TIME_TO_LIVE,
        stream_name=name_stream(name),
        destination=describe_stream(contract, settings),
        function=function,
        concurrency=settings.infrastructure.api_concurrency,
        api_name=name_api(name),
        api_body=body,
        body_digest=digest_body(body),
        method=method_arn(*place, "${Api}", contract.api.path),
        stage=STAGE,
        path=contract.api.path,
        access_log=ACCESS_LOG,
        rate_per_s=contract.api.rate_per_s,
        burst=contract.api.burst,
        sender_policy=fill_in_api(describe_sender_policy(contract, settings, "${Api}")) if is_signed else None,
        alarms=list_event_alarms(contract),
        alarm_topic=name_alarm_topic(settings),
    )


def fill_in_api(policy: dict[str, Any]) -> dict[str, Any]:
    """A managed policy whose resources name the API as a template does, by an id that AWS chooses."""
    document = policy["PolicyDocument"]
    statements = [
        statement | {"Resource": [{"Fn::Sub": resource} for resource in statement["Resource"]]}
        for statement in document["Statement"]
    ]
    return policy | {"PolicyDocument": document | {"Statement": statements}}


def digest_body(body: dict[str, Any]) -> str:
    """What tells one description of an API from another, as part of a name in a template."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:10]
