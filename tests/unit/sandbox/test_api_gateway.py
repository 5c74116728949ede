"""API Gateway's rules without a server: definitions, routes, limits, the event and its answer."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from sandbox.api_gateway.apis import Api, Definition, Deployment, Quota, Route, Stage
from sandbox.api_gateway.definitions import merge_definitions, parse_document, read_definition
from sandbox.api_gateway.proxy_event import MalformedAnswer, Received, Sender, build_event, encode_body, read_answer
from sandbox.api_gateway.routing import Match, Target, match_route
from sandbox.api_gateway.throttling import Usage, begin_period
from sandbox.aws.refusals import CallRefused

URI = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:{}/invocations"
)
PROXY = {"type": "aws_proxy", "httpMethod": "POST", "uri": URI.format("intake")}
KEY = {"type": "apiKey", "name": "x-api-key", "in": "header"}
IAM = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}


def build_document(operation: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An API of one path."""
    post = {"x-amazon-apigateway-integration": PROXY, **(operation or {})}
    schemes = {"securitySchemes": {"key": KEY, "iam": IAM, "other": {"type": "http"}}}
    return {"openapi": "3.0.1", "paths": {"/events": {"parameters": [], "post": post}}, "components": schemes, **more}


def test_a_definition_names_function_key_and_signature() -> None:
    types: dict[str, Any] = {"x-amazon-apigateway-binary-media-types": ["*/*"]}
    keyed = read_definition(build_document({"security": [{"key": []}]}, **types))
    signed = read_definition(build_document(security=[{"iam": []}]))
    open_one = read_definition(build_document({"security": []}, security=[{"iam": []}]))

    (route,) = keyed.routes
    assert (route.path, route.method, route.function, route.timeout_s) == ("/events", "POST", "intake", 29.0)
    assert (route.api_key_required, route.authorization, keyed.binary_media_types) == (True, "NONE", ("*/*",))
    assert (signed.routes[0].api_key_required, signed.routes[0].authorization) == (False, "AWS_IAM")
    assert (open_one.routes[0].api_key_required, open_one.routes[0].authorization) == (False, "NONE")


class Refusal(NamedTuple):
    id: str
    operation: dict[str, Any]
    says: str


REFUSALS = (
    Refusal("mock", {"x-amazon-apigateway-integration": {"type": "mock"}}, "only aws_proxy"),
    Refusal("no function", {"x-amazon-apigateway-integration": PROXY | {"uri": "arn:x"}}, "only aws_proxy"),
    Refusal("no integration", {"x-amazon-apigateway-integration": None}, "No integration"),
    Refusal("GET to Lambda", {"x-amazon-apigateway-integration": PROXY | {"httpMethod": "GET"}}, "httpMethod POST"),
    Refusal("patience", {"x-amazon-apigateway-integration": PROXY | {"timeoutInMillis": 30_000}}, "between 50"),
    Refusal("scheme", {"security": [{"other": []}]}, "security scheme other"),
    Refusal("unknown scheme", {"security": [{"nowhere": []}]}, "security scheme nowhere"),
    Refusal("validator", {"x-amazon-apigateway-request-validator": "all"}, "not emulated"),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.id)
def test_what_is_not_emulated_is_refused_at_the_import(refusal: Refusal) -> None:
    with pytest.raises(CallRefused, match=refusal.says) as refused:
        read_definition(build_document(refusal.operation))

    assert refused.value.name == "BadRequestException"


@pytest.mark.parametrize("body", [b"openapi: 3.0.1", b"[]", b'{"swagger":"2.0"}'])
def test_only_openapi_3_in_json_is_imported(body: bytes) -> None:
    with pytest.raises(CallRefused):
        parse_document(body)


def test_a_merge_keeps_the_methods_that_the_new_document_has_not() -> None:
    old = read_definition(build_document({}, **{"x-amazon-apigateway-binary-media-types": ["*/*"]}))
    new = read_definition({"paths": {"/x": {"get": {"x-amazon-apigateway-integration": PROXY}}}})

    merged = merge_definitions(old, new)

    assert {(route.method, route.path) for route in merged.routes} == {("POST", "/events"), ("GET", "/x")}
    assert merged.binary_media_types == ("*/*",)


def build_route(method: str, path: str) -> Route:
    """A route whose function is named after it."""
    return Route(path=path, method=method, function=f"{method}{path}", integration={})


ROUTES = [
    build_route("POST", "/events"),
    build_route("GET", "/events/{id}"),
    build_route("ANY", "/events/{id}"),
    build_route("ANY", "/{proxy+}"),
    build_route("GET", "/"),
]


class RouteCase(NamedTuple):
    method: str
    path: str
    found: str | None
    parameters: dict[str, str]


ROUTE_CASES = (
    RouteCase("POST", "/events", "POST/events", {}),
    RouteCase("POST", "/events/", "POST/events", {}),
    RouteCase("GET", "/events/a%2Fb%20c", "GET/events/{id}", {"id": "a/b c"}),
    RouteCase("PUT", "/events/7", "ANY/events/{id}", {"id": "7"}),
    RouteCase("GET", "/events", "ANY/{proxy+}", {"proxy": "events"}),
    RouteCase("GET", "/a/b/c", "ANY/{proxy+}", {"proxy": "a/b/c"}),
    RouteCase("GET", "/", "GET/", {}),
    RouteCase("POST", "/", None, {}),
)


@pytest.mark.parametrize("case", ROUTE_CASES, ids=lambda case: f"{case.method} {case.path}")
def test_the_plainest_route_that_fits_is_taken(case: RouteCase) -> None:
    match = match_route(ROUTES, case.method, case.path)

    assert (match and match.route.function) == case.found
    assert match is None or match.parameters == case.parameters


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = datetime(2026, 1, 31, 23, 59, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        """The time."""
        return self.now_s


def test_a_bucket_holds_a_burst_and_is_filled_at_the_rate() -> None:
    clock = Clock()
    usage = Usage(clock)

    at_once = [usage.is_within_rate("k", 2.0, 3) for _ in range(5)]
    clock.now_s += 1
    later = [usage.is_within_rate("k", 2.0, 3) for _ in range(3)]
    clock.now_s += 100
    rested = [usage.is_within_rate("k", 2.0, 3) for _ in range(4)]

    assert at_once == [True, True, True, False, False]
    assert later == [True, True, False]
    assert rested == [True, True, True, False]
    assert usage.is_within_rate("another", 2.0, 3)
    assert all(usage.is_within_rate("free", None, None) for _ in range(100))
    assert usage.is_within_rate("k", 2.0, 4)


def test_a_quota_begins_anew_with_its_period() -> None:
    clock = Clock()
    usage, quota = Usage(clock), Quota(limit=2, period="DAY")

    today = [usage.is_within_quota("k", quota) for _ in range(3)]
    clock.now_s += 60
    tomorrow = usage.is_within_quota("k", quota)

    assert (today, tomorrow) == ([True, True, False], True)
    assert usage.is_within_quota("k", None)


@pytest.mark.parametrize(("period", "begins"), [("DAY", (1, 31)), ("WEEK", (1, 25)), ("MONTH", (1, 1))])
def test_days_weeks_and_months_begin_at_midnight_utc(period: Any, begins: tuple[int, int]) -> None:
    begun = begin_period(Quota(limit=1, period=period), datetime(2026, 1, 31, 23, 59, tzinfo=UTC))

    assert begun == datetime(2026, *begins, tzinfo=UTC)


def build_target(**definition: Any) -> Target:
    """A deployed stage."""
    routes = Definition(routes=tuple(ROUTES), **definition)
    stage = Stage(name="v1", deployment_id="d", created_s=0, variables={"colour": "red"})
    deployment = Deployment(id="d", created_s=0, definition=routes)
    api = Api(id="abc", name="millrace", created_s=0, deployments={"d": deployment}, stages={"v1": stage})
    return Target(api, stage, routes, "/events/7")


def build_received(**more: Any) -> Received:
    """A request with headers and a query in which names occur twice."""
    parts: dict[str, Any] = {
        "method": "GET",
        "raw_path": "/millrace/v1/events/7",
        "query": "a=1&a=2&b=%C3%B6&c=",
        "headers": (("Host", "127.0.0.1:18086"), ("X-Two", "1"), ("x-api-key", "k"), ("X-Two", "2")),
        "body": b"",
        "source_ip": "127.0.0.1",
        "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "moment": datetime(2015, 4, 9, 12, 34, 56, 789000, tzinfo=UTC),
    }
    return Received(**(parts | more))


def test_the_event_is_payload_format_1() -> None:
    match = Match(ROUTES[1], {"id": "7"})
    sender = Sender("000000000000", api_key="k", api_key_id="key1")

    event = build_event(build_received(), build_target(), match, sender)

    context = event.pop("requestContext")
    identity = context.pop("identity")
    assert event == {
        "resource": "/events/{id}",
        "path": "/events/7",
        "httpMethod": "GET",
        "headers": {"Host": "127.0.0.1:18086", "X-Two": "2", "x-api-key": "k"},
        "multiValueHeaders": {"Host": ["127.0.0.1:18086"], "X-Two": ["1", "2"], "x-api-key": ["k"]},
        "queryStringParameters": {"a": "2", "b": "ö", "c": ""},
        "multiValueQueryStringParameters": {"a": ["1", "2"], "b": ["ö"], "c": [""]},
        "pathParameters": {"id": "7"},
        "stageVariables": {"colour": "red"},
        "body": None,
        "isBase64Encoded": False,
    }
    assert (identity["sourceIp"], identity["apiKeyId"], identity["userAgent"]) == ("127.0.0.1", "key1", None)
    assert {
        "accountId": "000000000000",
        "apiId": "abc",
        "stage": "v1",
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "requestTime": "09/Apr/2015:12:34:56 +0000",
        "requestTimeEpoch": 1428582896789,
        "httpMethod": "GET",
        "path": "/v1/events/7",
        "protocol": "HTTP/1.1",
        "resourcePath": "/events/{id}",
    }.items() <= context.items()


def test_what_a_request_has_not_is_null() -> None:
    target = build_target()
    bare = target._replace(stage=target.stage.model_copy(update={"variables": {}}))

    event = build_event(build_received(query=""), bare, Match(ROUTES[0], {}), Sender("0"))

    nulls = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body")
    assert [event[name] for name in nulls] == [None] * 5
    assert "apiKey" not in event["requestContext"]["identity"]


class BodyCase(NamedTuple):
    id: str
    body: bytes
    media_type: str | None
    binary: tuple[str, ...]
    event: tuple[str | None, bool]


BODIES = (
    BodyCase("text", "ö".encode(), "application/json", (), ("ö", False)),
    BodyCase("no UTF-8", b"a\xffb", "application/json", (), ("a\ufffdb", False)),
    BodyCase("all binary", b"a\xffb", "application/json", ("*/*",), (base64.b64encode(b"a\xffb").decode(), True)),
    BodyCase("this type", b"a", "Image/PNG; q=1", ("image/png",), ("YQ==", True)),
    BodyCase("this kind", b"a", "image/png", ("image/*",), ("YQ==", True)),
    BodyCase("no type", b"a", None, ("application/json",), ("YQ==", True)),
    BodyCase("another type", b"a", "text/plain", ("image/png",), ("a", False)),
    BodyCase("empty", b"", "image/png", ("*/*",), (None, False)),
)


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.id)
def test_a_body_is_text_unless_its_type_is_binary(case: BodyCase) -> None:
    assert encode_body(case.body, case.media_type, case.binary) == case.event


def test_an_answer_is_passed_on_with_its_headers() -> None:
    answer = {
        "statusCode": 202,
        "headers": {"X-One": 1, "Set-Cookie": "lost", "Content-Length": "999"},
        "multiValueHeaders": {"set-cookie": ["a", "b"]},
        "body": "ö",
    }

    found = read_answer(json.dumps(answer).encode(), None, ())

    assert (found.status, found.body) == (202, "ö".encode())
    assert found.headers == (
        ("X-One", "1"),
        ("set-cookie", "a"),
        ("set-cookie", "b"),
        ("Content-Type", "application/json"),
    )


def test_an_encoded_answer_is_decoded_where_the_client_accepts_bytes() -> None:
    payload = json.dumps({"statusCode": 200, "body": "/w==", "isBase64Encoded": True}).encode()

    assert read_answer(payload, "image/png, */*", ("image/png",)).body == b"\xff"
    assert read_answer(payload, None, ("*/*",)).body == b"\xff"
    assert read_answer(payload, "text/html", ("image/png",)).body == b"/w=="


@pytest.mark.parametrize(
    "payload",
    [
        b"no",
        b"[]",
        b'"x"',
        b"null",
        b"{}",
        b'{"statusCode":"x"}',
        b'{"statusCode":99}',
        b'{"statusCode":200,"body":{}}',
    ],
)
def test_a_malformed_answer_is_told(payload: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read_answer(payload, None, ())
