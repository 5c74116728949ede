"""The event of a Lambda proxy integration and its answer, pure.

Source: docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from sandbox.api_gateway.routing import Match, Target

Header = tuple[str, str]
# Those that describe the connection between the function's answer and here, or are set here.
NOT_PASSED = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


class MalformedAnswer(Exception):
    """A function's answer that API Gateway cannot pass on."""


@dataclass(frozen=True)
class Received:
    """One request as it came; headers as they were sent, in order."""

    method: str
    raw_path: str
    query: str
    headers: tuple[Header, ...]
    body: bytes
    source_ip: str
    request_id: str
    moment: datetime

    def find_header(self, name: str) -> str | None:
        """The last value of a header."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), None)


@dataclass(frozen=True)
class Sender:
    """Who sends it, as far as the checks before the function have found out."""

    account_id: str
    api_key: str | None = None
    api_key_id: str | None = None
    access_key: str | None = None


class Answer(NamedTuple):
    """What goes back to the client."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


def build_event(received: Received, target: Target, match: Match, sender: Sender) -> dict[str, Any]:
    """The event of payload format 1.0, as REST APIs send it."""
    query = parse_qsl(received.query, keep_blank_values=True)
    body, is_base64 = encode_body(
        received.body, received.find_header("content-type"), target.definition.binary_media_types
    )
    return {
        "resource": match.route.path,
        "path": target.path,
        "httpMethod": received.method,
        "headers": dict(received.headers),
        "multiValueHeaders": _collect(received.headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _collect(query) or None,
        "pathParameters": match.parameters or None,
        "stageVariables": dict(target.stage.variables) or None,
        "requestContext": _build_context(received, target, match, sender),
        "body": body,
        "isBase64Encoded": is_base64,
    }


def encode_body(body: bytes, media_type: str | None, binary_media_types: Sequence[str]) -> tuple[str | None, bool]:
    """A body as text, or as base64 where its media type is a binary one; text that is no UTF-8 loses what is not."""
    if not body:
        return None, False
    if is_binary(media_type, binary_media_types):
        return base64.b64encode(body).decode(), True
    return body.decode("utf-8", "replace"), False


def is_binary(media_type: str | None, binary_media_types: Sequence[str]) -> bool:
    """Whether a media type is one of an API's binary ones; without one it counts as application/json."""
    plain = (media_type or "application/json").partition(";")[0].strip().lower()
    kinds = (plain, f"{plain.partition('/')[0]}/*", "*/*")
    return any(wanted.lower() in kinds for wanted in binary_media_types)


def read_answer(payload: bytes, accept: str | None, binary_media_types: Sequence[str]) -> Answer:
    """A function's answer as the client gets it; raises `MalformedAnswer` for what is none."""
    try:
        found = json.loads(payload)
    except ValueError:
        raise MalformedAnswer("no JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("body", ""), str | None):
        raise MalformedAnswer("no object, or a body that is no text")
    try:
        status = int(found["statusCode"])
    except (KeyError, TypeError, ValueError):
        raise MalformedAnswer("no statusCode") from None
    if not 100 <= status <= 599:
        raise MalformedAnswer(f"statusCode {status}")
    body = (found.get("body") or "").encode()
    if found.get("isBase64Encoded") and is_binary((accept or "").partition(",")[0], binary_media_types):
        body = base64.b64decode(body)
    headers = [(str(k), str(v)) for k, v in (found.get("headers") or {}).items()]
    for name, values in (found.get("multiValueHeaders") or {}).items():
        headers = [header for header in headers if header[0].lower() != name.lower()]
        headers += [(name, str(value)) for value in values]
    passed = [header for header in headers if header[0].lower() not in NOT_PASSED]
    if not any(name.lower() == "content-type" for name, _ in passed):
        passed.append(("Content-Type", "application/json"))
    return Answer(status, tuple(passed), body)


def name_resource(api_id: str, path: str) -> str:
    """The id of a path's resource."""
    return hashlib.sha256(f"{api_id} {path}".encode()).hexdigest()[:6]


def _build_context(received: Received, target: Target, match: Match, sender: Sender) -> dict[str, Any]:
    domain = received.find_header("host") or ""
    return {
        "resourceId": name_resource(target.api.id, match.route.path),
        "resourcePath": match.route.path,
        "httpMethod": received.method,
        "extendedRequestId": base64.urlsafe_b64encode(received.request_id.encode()[:11]).decode(),
        "requestTime": received.moment.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "path": f"/{target.stage.name}{target.path}",
        "accountId": sender.account_id,
        "protocol": "HTTP/1.1",
        "stage": target.stage.name,
        "domainPrefix": domain.partition(".")[0],
        "requestTimeEpoch": int(received.moment.timestamp() * 1000),
        "requestId": received.request_id,
        "identity": {
            "cognitoIdentityPoolId": None,
            "accountId": sender.account_id if sender.access_key else None,
            "cognitoIdentityId": None,
            "caller": sender.access_key,
            "sourceIp": received.source_ip,
            "principalOrgId": None,
            "accessKey": sender.access_key,
            "cognitoAuthenticationType": None,
            "cognitoAuthenticationProvider": None,
            "userArn": f"arn:aws:iam::{sender.account_id}:root" if sender.access_key else None,
            "userAgent": received.find_header("user-agent"),
            "user": sender.access_key,
            **({"apiKey": sender.api_key, "apiKeyId": sender.api_key_id} if sender.api_key_id else {}),
        },
        "domainName": domain,
        "apiId": target.api.id,
    }


def _collect(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    collected: dict[str, list[str]] = {}
    for name, value in pairs:
        collected.setdefault(name, []).append(value)
    return collected
