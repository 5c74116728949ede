"""The API's description as OpenAPI, derived from the contract: for its readers, for API Gateway, and for a fuzz. Pure."""

from __future__ import annotations

from typing import Any, get_args

from pipeline_contract.event_model import EventContract
from pipeline_contract.event_records import Status
from pipeline_contract.event_schema import derive_event_schema

OPENAPI = "3.0.1"
# API Gateway imports OpenAPI 3.0, whose schemas know neither `if` nor `const`, and makes models of them. So what each
# type's payload must hold stands in the event's own JSON Schema alone, and the function checks it.
_ENVELOPE = ("event_id", "type", "occurred_at", "source", "payload")
_ANSWERS = {
    "202": "Every event is accepted, now or before",
    "207": "Some events are accepted, others are refused or may be posted again",
    "400": "No event is accepted: each breaks the contract, or the body is no JSON",
    "503": "No event is accepted, and some may be posted again",
}
# What API Gateway answers by itself.
_OWN_ANSWERS = {
    "403": "No key, or a wrong one",
    "413": "The body is larger than API Gateway takes",
    "429": "Too many requests",
    "502": "The function has failed before it could answer: post all of it again",
    "504": "The function has not answered in time: post all of it again",
}
STAGE = "v1"
KEY_HEADER = "x-api-key"


def derive_openapi(contract: EventContract, version: str | None = None) -> dict[str, Any]:
    """The description of the API: one path, one method, the events that it takes, and all its answers."""
    answers = {code: _describe_answer(text, "Answer") for code, text in _ANSWERS.items()}
    answers |= {code: _describe_answer(text, "Message") for code, text in _OWN_ANSWERS.items()}
    operation = {
        "operationId": "postEvents",
        "summary": contract.description or contract.name,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _reference("Posted")}}},
        "responses": answers,
        "security": [{contract.api.authorisation: []}],
    }
    return {
        "openapi": OPENAPI,
        "info": {
            "title": f"millrace-{contract.name}",
            "version": version or str(contract.version),
            "description": contract.description,
        },
        "paths": {contract.api.path: {"post": operation}},
        "components": {"schemas": _list_schemas(contract), "securitySchemes": _describe_security(contract)},
    }


def _list_schemas(contract: EventContract) -> dict[str, Any]:
    schema = derive_event_schema(contract)
    event = {
        "type": "object",
        "properties": {name: schema["properties"][name] for name in _ENVELOPE},
        "required": list(_ENVELOPE),
        "additionalProperties": False,
    }
    batch = {"type": "array", "items": _reference("Event"), "minItems": 1, "maxItems": contract.api.max_events}
    reason = {name: {"type": "string"} for name in ("reason", "field", "message")}
    told = {
        "index": {"type": "integer", "description": "The event's place in the body, from 0"},
        "event_id": {"type": "string", "nullable": True},
        "status": {"type": "string", "enum": list(get_args(Status))},
        "reasons": {"type": "array", "items": {"type": "object", "properties": reason, "required": list(reason)}},
    }
    answered = {"type": "object", "properties": told, "required": ["index", "event_id", "status"]}
    counts = {status: {"type": "integer"} for status in get_args(Status)}
    answer = {"request_id": {"type": "string"}, **counts, "events": {"type": "array", "items": answered}}
    return {
        "Event": event,
        "Posted": {"oneOf": [_reference("Event"), batch]},
        "Answer": {
            "type": "object",
            "properties": {**answer, "message": {"type": "string"}},
            "required": ["request_id"],
        },
        "Message": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]},
    }


def _describe_security(contract: EventContract) -> dict[str, Any]:
    if contract.api.authorisation == "api-key":
        return {"api-key": {"type": "apiKey", "name": KEY_HEADER, "in": "header"}}
    return {
        "iam": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            # docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html
            "x-amazon-apigateway-authtype": "awsSigv4",
        }
    }


def _describe_answer(text: str, schema: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _reference(schema)}}}


def _reference(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


def add_integration(description: dict[str, Any], function_arn: str, region: str) -> dict[str, Any]:
    """The description as API Gateway imports it: each operation goes to the function, every body as bytes.

    Source: docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html.
    """
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations",
        "passthroughBehavior": "when_no_match",
    }
    paths = {
        path: {
            method: {**operation, "x-amazon-apigateway-integration": integration} for method, operation in of.items()
        }
        for path, of in description["paths"].items()
    }
    return {
        **description,
        "paths": paths,
        "x-amazon-apigateway-api-key-source": "HEADER",
        # Otherwise bytes that are no UTF-8 would be replaced on the way to the function.
        "x-amazon-apigateway-binary-media-types": ["*/*"],
    }
