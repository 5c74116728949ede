"""Reads OpenAPI 3 with API Gateway's extensions, pure.

Source: docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.api_gateway.apis import Definition, Route
from sandbox.aws.refusals import CallRefused

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch"})
ANY_METHOD = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
VALIDATOR = "x-amazon-apigateway-request-validator"
LAMBDA_URI = re.compile(
    r"arn:aws:apigateway:[\w-]+:lambda:path/2015-03-31/functions/arn:aws:lambda:[\w-]+:\d*:function:([\w-]+)(:[^/]+)?/invocations"
)
# docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
MAX_TIMEOUT_MS = 29_000
Document = Mapping[str, Any]


def parse_document(body: bytes) -> dict[str, Any]:
    """The document of an import; YAML is refused."""
    try:
        document = json.loads(body)
    except ValueError:
        raise _refuse("the emulated API Gateway imports OpenAPI as JSON alone") from None
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise _refuse("Invalid OpenAPI input: the emulated API Gateway imports OpenAPI 3 alone")
    return document


def read_definition(document: Document) -> Definition:
    """The routes of a document; what the emulation would not carry out is refused."""
    if document.get("x-amazon-apigateway-api-key-source", "HEADER") != "HEADER":
        raise _refuse("x-amazon-apigateway-api-key-source AUTHORIZER is not emulated")
    return Definition(
        routes=tuple(_list_routes(document)),
        binary_media_types=tuple(document.get("x-amazon-apigateway-binary-media-types", ())),
    )


def merge_definitions(old: Definition, new: Definition) -> Definition:
    """What PutRestApi with mode=merge leaves: the new one's methods, and the old one's others."""
    routes = {(route.path, route.method): route for route in (*old.routes, *new.routes)}
    return Definition(
        routes=tuple(routes.values()), binary_media_types=new.binary_media_types or old.binary_media_types
    )


def _list_routes(document: Document) -> Iterator[Route]:
    for path, item in document.get("paths", {}).items():
        for name, operation in item.items():
            if name in METHODS or name == ANY_METHOD:
                yield _read_route(document, path, "ANY" if name == ANY_METHOD else name.upper(), operation)


def _read_route(document: Document, path: str, method: str, operation: Document) -> Route:
    place = f"{method} {path}"
    if VALIDATOR in operation or VALIDATOR in document:
        raise _refuse(f"{place}: {VALIDATOR} is not emulated")
    integration = operation.get(INTEGRATION)
    if integration is None:
        raise _refuse(f"{place}: No integration defined for method")
    function = LAMBDA_URI.fullmatch(integration.get("uri", ""))
    if integration.get("type", "").lower() != "aws_proxy" or function is None:
        raise _refuse(f"{place}: only aws_proxy to a Lambda function is emulated")
    if integration.get("httpMethod") != "POST":
        raise _refuse(f"{place}: a Lambda function is invoked with httpMethod POST")
    timeout_ms = integration.get("timeoutInMillis", MAX_TIMEOUT_MS)
    if not 50 <= timeout_ms <= MAX_TIMEOUT_MS:
        raise _refuse(f"{place}: Timeout should be between 50 ms and {MAX_TIMEOUT_MS} ms")
    schemes = list(_list_schemes(document, operation))
    return Route(
        path=path,
        method=method,
        function=function[1],
        integration=dict(integration),
        timeout_s=timeout_ms / 1000,
        authorization="AWS_IAM" if any(_is_iam(scheme) for scheme in schemes) else "NONE",
        api_key_required=any(_is_key(scheme) for scheme in schemes),
    )


def _list_schemes(document: Document, operation: Document) -> Iterator[Document]:
    """The security schemes that an operation asks for, all of which must be known here."""
    known = document.get("components", {}).get("securitySchemes", {})
    for wanted in operation.get("security", document.get("security", [])):
        for name in wanted:
            scheme = known.get(name, {})
            if not _is_iam(scheme) and not _is_key(scheme):
                raise _refuse(f"security scheme {name}: only x-api-key in the header and awsSigv4 are emulated")
            yield scheme


def _is_iam(scheme: Document) -> bool:
    return bool(scheme.get("x-amazon-apigateway-authtype") == "awsSigv4")


def _is_key(scheme: Document) -> bool:
    return (scheme.get("type"), str(scheme.get("name")).lower(), scheme.get("in")) == ("apiKey", "x-api-key", "header")


def _refuse(message: str) -> CallRefused:
    return CallRefused("BadRequestException", message)
