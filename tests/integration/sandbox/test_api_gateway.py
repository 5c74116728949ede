"""The emulated API Gateway: APIs made with boto3, called over HTTP, with the emulated Lambda behind them."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from connections.s3 import SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY
from sandbox.api_gateway.server import LOG_NAME
from sandbox.api_gateway.service import describe_api_gateway
from sandbox.aws.service import describe_aws
from sandbox.processes import find_free_port
from sandbox.services import start_service, stop_service, wait_until_ready
from sandbox.stack import PROJECT
from tests.integration.sandbox.test_aws_state import ACCOUNT, ENDINGS, Ending, open_client
from tests.unit.sandbox.test_api_gateway import IAM, KEY, URI

HANDLER = """
import base64, json, time

def answer(event, context):
    do = (event["queryStringParameters"] or {}).get("do")
    if do == "raise":
        raise ValueError("as asked")
    if do == "nonsense":
        return "nonsense"
    if do == "hang":
        time.sleep(20)
    if do == "bytes":
        return {"statusCode": 200, "body": base64.b64encode(b"\\xff\\x00").decode(), "isBase64Encoded": True}
    return {"statusCode": 202, "headers": {"X-Seen": "yes"}, "multiValueHeaders": {"X-Many": ["1", "2"]},
            "body": json.dumps(event)}
"""
ROLE = "arn:aws:iam::000000000000:role/millrace-lambda"


class Lab:
    """An AWS endpoint and an API Gateway beside it, with a function that tells its event."""

    def __init__(self, folder: Path) -> None:
        self.aws = describe_aws("127.0.0.1", find_free_port(), ACCOUNT, folder / "state", PROJECT)
        self.gateway = describe_api_gateway("127.0.0.1", find_free_port(), ACCOUNT, self.aws, folder / "state")
        (folder / "code").mkdir(parents=True)
        (folder / "code" / "tell.py").write_text(HANDLER)
        self.code = folder / "code"
        self.url = f"http://{self.gateway.address}"
        self.session = requests.Session()

    @property
    def client(self) -> Any:
        """boto3's client."""
        return open_client(self.aws, "apigateway")

    def start(self) -> None:
        """Start both."""
        for service in (self.aws, self.gateway):
            start_service(service)
            wait_until_ready(service)

    def stop(self) -> None:
        """Stop both."""
        for service in (self.gateway, self.aws):
            stop_service(service)

    def create_function(self, name: str) -> None:
        """Create the function that tells its event."""
        open_client(self.aws, "lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="tell.answer",
            Code={"S3Bucket": "hot-reload", "S3Key": str(self.code)},
            Timeout=30,
        )

    def create_api(self, name: str, operation: dict[str, Any] | None = None, **document: Any) -> str:
        """Import an API with `POST /events`, deploy it as the stage `v1`, and return its id."""
        body = self.build_document(name, operation, **document)
        api_id: str = self.client.import_rest_api(body=json.dumps(body).encode())["id"]
        self.client.create_deployment(restApiId=api_id, stageName="v1")
        return api_id

    def build_document(self, name: str, operation: dict[str, Any] | None = None, **document: Any) -> dict[str, Any]:
        """An OpenAPI document whose function has the API's name."""
        integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": URI.format(name), "timeoutInMillis": 5000}
        return {
            "openapi": "3.0.1",
            "info": {"title": name, "version": "1"},
            "paths": {"/events": {"post": {"x-amazon-apigateway-integration": integration, **(operation or {})}}},
            "components": {"securitySchemes": {"key": KEY, "iam": IAM}},
            **document,
        }

    def create_key(self, api_id: str, **limits: Any) -> dict[str, str]:
        """A key whose plan opens the stage, as the header that carries it."""
        stages = [{"apiId": api_id, "stage": "v1"}]
        plan = self.client.create_usage_plan(name=f"plan-{api_id}", apiStages=stages, **limits)
        key = self.client.create_api_key(name=f"key-{api_id}", enabled=True)
        self.client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
        return {"x-api-key": key["value"]}

    def post(self, name: str, path: str = "/events", **more: Any) -> requests.Response:
        """Post to the stage."""
        return self.session.post(f"{self.url}/{name}/v1{path}", timeout=30, **more)

    def read_log(self) -> list[dict[str, Any]]:
        """The access log."""
        lines = (self.gateway.state_dir / LOG_NAME).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Services that these tests may kill."""
    lab = Lab(tmp_path_factory.mktemp("gateway"))
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()


@pytest.fixture
def name(lab: Lab, unique_name: str) -> str:
    """A function of this test's own, whose name is the API's too."""
    lab.create_function(unique_name)
    return unique_name


OPEN: dict[str, Any] = {"security": []}
KEYED: dict[str, Any] = {"security": [{"key": []}]}
SIGNED: dict[str, Any] = {"security": [{"iam": []}]}


def test_a_post_reaches_the_function_and_its_answer_the_client(lab: Lab, name: str) -> None:
    api_id = lab.create_api(name, OPEN)

    answer = lab.post(name, "/events?a=1&a=2", data="ö".encode(), headers={"Content-Type": "text/plain", "X-Mine": "1"})

    event = answer.json()
    assert (answer.status_code, answer.headers["X-Seen"], answer.headers["X-Many"]) == (202, "yes", "1, 2")
    assert (event["httpMethod"], event["path"], event["resource"]) == ("POST", "/events", "/events")
    assert (event["body"], event["isBase64Encoded"], event["headers"]["X-Mine"]) == ("ö", False, "1")
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    context = event["requestContext"]
    assert (context["apiId"], context["stage"], context["identity"]["sourceIp"]) == (api_id, "v1", "127.0.0.1")
    assert context["requestId"] == answer.headers["x-amzn-RequestId"]
    told = [line for line in lab.read_log() if line["requestId"] == context["requestId"]]
    assert [(line["status"], line["resourcePath"], line["apiId"]) for line in told] == [(202, "/events", api_id)]
    assert lab.session.post(f"{lab.url}/{api_id}/v1/events", timeout=30).status_code == 202


def test_bytes_reach_the_function_where_the_api_says_so(lab: Lab, name: str) -> None:
    lab.create_api(name, OPEN, **{"x-amazon-apigateway-binary-media-types": ["*/*"]})
    body = bytes(range(256))

    event = lab.post(name, data=body, headers={"Content-Type": "application/json"}).json()
    chunked = lab.post(name, data=iter([body, body])).json()

    assert (event["isBase64Encoded"], base64.b64decode(event["body"])) == (True, body)
    assert base64.b64decode(chunked["body"]) == body + body
    assert lab.post(name, "/events?do=bytes").content == b"\xff\x00"


class Refusal(NamedTuple):
    id: str
    path: str
    data: bytes
    status: int
    message: str


REFUSALS = (
    Refusal("no path", "/nothing", b"", 403, "Missing Authentication Token"),
    Refusal("the function fails", "/events?do=raise", b"", 502, "Internal server error"),
    Refusal("no answer for HTTP", "/events?do=nonsense", b"", 502, "Internal server error"),
    Refusal("too late", "/events?do=hang", b"", 504, "Endpoint request timed out"),
    Refusal("too large", "/events", b"x" * (10 * 1024 * 1024 + 1), 413, "Request Too Long"),
    Refusal("too large for Lambda", "/events", b"x" * (7 * 1024 * 1024), 413, "Request Too Long"),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.id)
def test_the_gateway_answers_itself_in_its_own_words(lab: Lab, name: str, refusal: Refusal) -> None:
    lab.create_api(name, OPEN)

    answer = lab.post(name, refusal.path, data=refusal.data)

    assert (answer.status_code, answer.json()) == (refusal.status, {"message": refusal.message})
    assert "x-amzn-RequestId" in answer.headers
    assert lab.post(name).status_code == 202


def test_what_is_not_deployed_or_not_asked_for_is_not_there(lab: Lab, name: str) -> None:
    missing = {"message": "Missing Authentication Token"}
    api_id = lab.client.import_rest_api(body=json.dumps(lab.build_document(name, OPEN)).encode())["id"]

    before = lab.post(name)
    lab.client.create_deployment(restApiId=api_id, stageName="v1")

    assert (before.status_code, before.json()) == (403, missing)
    assert lab.post(name).status_code == 202
    got = lab.session.get(f"{lab.url}/{name}/v1/events", timeout=30)
    assert (got.status_code, got.json()) == (403, missing)
    assert lab.session.post(f"{lab.url}/{name}/v2/events", timeout=30).status_code == 403


def test_a_function_that_is_not_there_is_the_apis_own_fault(lab: Lab, unique_name: str) -> None:
    lab.create_api(unique_name, OPEN)

    assert lab.post(unique_name).status_code == 500


def test_a_key_is_asked_for_and_told_to_the_function(lab: Lab, name: str) -> None:
    api_id = lab.create_api(name, KEYED)
    stranger = lab.client.create_api_key(name=f"stranger-{name}", enabled=True)["value"]
    key = lab.create_key(api_id)

    refused = [lab.post(name, headers=headers) for headers in ({}, {"x-api-key": "guess"}, {"x-api-key": stranger})]
    taken = lab.post(name, headers=key)

    assert [(answer.status_code, answer.json()) for answer in refused] == [(403, {"message": "Forbidden"})] * 3
    assert taken.status_code == 202
    identity = taken.json()["requestContext"]["identity"]
    (described,) = lab.client.get_api_keys(nameQuery=f"key-{api_id}", includeValues=True)["items"]
    assert (identity["apiKey"], identity["apiKeyId"]) == (key["x-api-key"], described["id"])
    assert described["value"] == key["x-api-key"]
    assert "value" not in lab.client.get_api_key(apiKey=described["id"])
    off = [{"op": "replace", "path": "/enabled", "value": "false"}]
    lab.client.update_api_key(apiKey=described["id"], patchOperations=off)
    assert lab.post(name, headers=key).status_code == 403


def test_a_plan_limits_rate_and_quota(lab: Lab, name: str) -> None:
    api_id = lab.create_api(name, KEYED)
    # So slow a rate that no test is long enough for a token.
    key = lab.create_key(
        api_id, throttle={"rateLimit": 0.000001, "burstLimit": 2}, quota={"limit": 3, "period": "MONTH"}
    )

    throttled = [lab.post(name, headers=key) for _ in range(3)]
    (plan,) = [plan for plan in lab.client.get_usage_plans(limit=500)["items"] if plan["name"] == f"plan-{api_id}"]
    faster = [
        {"op": "replace", "path": "/throttle/rateLimit", "value": "1000"},
        {"op": "replace", "path": "/throttle/burstLimit", "value": "1000"},
    ]
    lab.client.update_usage_plan(usagePlanId=plan["id"], patchOperations=faster)
    exhausted = [lab.post(name, headers=key) for _ in range(2)]

    assert [answer.status_code for answer in throttled] == [202, 202, 429]
    assert throttled[2].json() == {"message": "Too Many Requests"}
    assert [answer.status_code for answer in exhausted] == [202, 429]
    assert exhausted[1].json() == {"message": "Limit Exceeded"}


def test_a_stage_limits_everyone(lab: Lab, name: str) -> None:
    api_id = lab.create_api(name, OPEN)
    limits = [
        {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "0.000001"},
        {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "1"},
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": "arn:aws:logs:us-east-1:0:log-group:x"},
    ]

    stage = lab.client.update_stage(restApiId=api_id, stageName="v1", patchOperations=limits)

    assert stage["methodSettings"]["*/*"]["throttlingBurstLimit"] == 1
    assert stage["accessLogSettings"]["destinationArn"].endswith(":x")
    assert [lab.post(name).status_code for _ in range(2)] == [202, 429]


def sign(lab: Lab, name: str, body: bytes, secret: str = SANDBOX_SECRET_ACCESS_KEY) -> dict[str, str]:
    """The headers of a signed post, made with botocore."""
    request = AWSRequest("POST", f"{lab.url}/{name}/v1/events?b=2&a=%C3%B6", data=body, headers={"X-Mine": "1"})
    SigV4Auth(Credentials(SANDBOX_ACCESS_KEY_ID, secret), "execute-api", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def test_a_signature_is_checked(lab: Lab, name: str) -> None:
    lab.create_api(name, SIGNED)
    path = "/events?b=2&a=%C3%B6"
    signed = sign(lab, name, b"body")

    right = lab.post(name, path, data=b"body", headers=signed)
    other_body = lab.post(name, path, data=b"other", headers=signed)
    other_secret = lab.post(name, path, data=b"body", headers=sign(lab, name, b"body", "guess"))
    expired = lab.post(name, path, data=b"body", headers=signed | {"X-Amz-Date": "20150101T000000Z"})
    unsigned = lab.post(name, path, data=b"body")

    assert right.status_code == 202
    assert right.json()["requestContext"]["identity"]["accessKey"] == SANDBOX_ACCESS_KEY_ID
    assert (unsigned.status_code, unsigned.json()) == (403, {"message": "Missing Authentication Token"})
    for refused in (other_body, other_secret):
        assert refused.status_code == 403
        assert "signature we calculated does not match" in refused.json()["message"]
    assert "Signature expired" in expired.json()["message"]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_apis_keys_and_plans_survive_both_services(lab: Lab, name: str, ending: Ending) -> None:
    api_id = lab.create_api(name, KEYED)
    key = lab.create_key(api_id, throttle={"rateLimit": 50.0, "burstLimit": 10})
    before = lab.client.get_usage_plans(limit=500)["items"]

    for service in (lab.gateway, lab.aws):
        ending.end(service)
    lab.start()

    assert lab.post(name, headers=key).status_code == 202
    assert lab.client.get_usage_plans(limit=500)["items"] == before


def test_a_change_is_served_when_it_is_deployed(lab: Lab, name: str) -> None:
    api_id = lab.create_api(name, KEYED)
    changed = json.dumps(lab.build_document(name, OPEN)).encode()

    lab.client.put_rest_api(restApiId=api_id, mode="overwrite", body=changed)
    before = lab.post(name).status_code
    deployment = lab.client.create_deployment(restApiId=api_id)["id"]
    still = lab.post(name).status_code
    change = [{"op": "replace", "path": "/deploymentId", "value": deployment}]
    lab.client.update_stage(restApiId=api_id, stageName="v1", patchOperations=change)

    assert (before, still, lab.post(name).status_code) == (403, 403, 202)


def test_an_api_is_told_as_it_was_imported(lab: Lab, name: str) -> None:
    api_id = lab.create_api(name, KEYED, **{"x-amazon-apigateway-binary-media-types": ["*/*"]})

    api = lab.client.get_rest_api(restApiId=api_id)
    resources = lab.client.get_resources(restApiId=api_id, embed=["methods"])["items"]
    stage = lab.client.get_stage(restApiId=api_id, stageName="v1")

    assert (api["name"], api["binaryMediaTypes"], api["apiKeySource"]) == (name, ["*/*"], "HEADER")
    assert api_id in [found["id"] for found in lab.client.get_rest_apis(limit=500)["items"]]
    assert [resource["path"] for resource in resources] == ["/", "/events"]
    method = resources[1]["resourceMethods"]["POST"]
    assert (method["apiKeyRequired"], method["methodIntegration"]["type"]) == (True, "AWS_PROXY")
    assert resources[0]["id"] == api["rootResourceId"] == resources[1]["parentId"]
    deployments = lab.client.get_deployments(restApiId=api_id)["items"]
    assert [deployment["id"] for deployment in deployments] == [stage["deploymentId"]]
    assert [found["stageName"] for found in lab.client.get_stages(restApiId=api_id)["item"]] == ["v1"]


def test_what_is_deleted_is_gone(lab: Lab, name: str) -> None:
    api_id = lab.create_api(name, KEYED)
    key = lab.create_key(api_id)
    (plan,) = [plan for plan in lab.client.get_usage_plans(limit=500)["items"] if plan["name"] == f"plan-{api_id}"]
    (plan_key,) = lab.client.get_usage_plan_keys(usagePlanId=plan["id"])["items"]

    lab.client.delete_usage_plan_key(usagePlanId=plan["id"], keyId=plan_key["id"])
    assert lab.post(name, headers=key).status_code == 403
    leave = [{"op": "remove", "path": "/apiStages", "value": f"{api_id}:v1"}]
    with pytest.raises(lab.client.exceptions.BadRequestException):
        lab.client.delete_usage_plan(usagePlanId=plan["id"])
    lab.client.update_usage_plan(usagePlanId=plan["id"], patchOperations=leave)
    lab.client.delete_usage_plan(usagePlanId=plan["id"])
    lab.client.delete_api_key(apiKey=plan_key["id"])
    lab.client.delete_stage(restApiId=api_id, stageName="v1")
    lab.client.delete_rest_api(restApiId=api_id)

    for call, identity in (
        (lab.client.get_usage_plan, {"usagePlanId": plan["id"]}),
        (lab.client.get_api_key, {"apiKey": plan_key["id"]}),
        (lab.client.get_rest_api, {"restApiId": api_id}),
    ):
        with pytest.raises(lab.client.exceptions.NotFoundException):
            call(**identity)


CALLS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("import_rest_api", {"body": b"openapi: 3.0.1"}, "BadRequestException"),
    ("create_rest_api", {"name": ""}, "BadRequestException"),
    ("create_api_key", {"name": "k", "value": "short"}, "BadRequestException"),
    ("create_usage_plan", {"name": "p", "apiStages": [{"apiId": "a", "stage": "s"}]}, "NotFoundException"),
    ("create_usage_plan", {"name": "p", "quota": {"limit": 1, "period": "CENTURY"}}, "BadRequestException"),
    ("create_deployment", {"restApiId": "nothing"}, "NotFoundException"),
    ("get_account", {}, "NotImplementedException"),
)


@pytest.mark.parametrize(("call", "arguments", "code"), CALLS, ids=[f"{c}-{k}" for c, _, k in CALLS])
def test_what_api_gateway_refuses_is_refused_by_its_name(
    lab: Lab, call: str, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(lab.client, call)(**arguments)

    assert refused.value.response["Error"]["Code"] == code


def test_an_api_without_methods_is_not_deployed(lab: Lab, unique_name: str) -> None:
    api_id = lab.client.create_rest_api(name=unique_name)["id"]

    with pytest.raises(lab.client.exceptions.BadRequestException, match="any methods"):
        lab.client.create_deployment(restApiId=api_id)


def test_posts_at_once_are_all_answered_over_kept_connections(lab: Lab, name: str) -> None:
    lab.create_api(name, OPEN)

    def post_many(worker: int) -> list[tuple[int, str]]:
        with requests.Session() as session:
            url = f"{lab.url}/{name}/v1/events"
            answers = [session.post(url, data=f"{worker}/{number}", timeout=60) for number in range(50)]
        return [(answer.status_code, answer.json()["body"]) for answer in answers]

    began_s = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answered = [pair for answers in pool.map(post_many, range(8)) for pair in answers]
    print(f"{len(answered) / (time.monotonic() - began_s):.0f} requests/s")  # noqa: T201 - for who looks

    assert sorted(answered) == sorted((202, f"{w}/{n}") for w in range(8) for n in range(50))


def test_a_permission_to_invoke_is_kept_and_told(lab: Lab, name: str) -> None:
    client = open_client(lab.aws, "lambda")
    permission = {
        "FunctionName": name,
        "StatementId": "gateway",
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc/*/POST/events",
    }

    client.add_permission(**permission)
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.add_permission(**permission)
    (statement,) = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]
    client.remove_permission(FunctionName=name, StatementId="gateway")

    assert (statement["Sid"], statement["Principal"]) == ("gateway", {"Service": "apigateway.amazonaws.com"})
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == permission["SourceArn"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_policy(FunctionName=name)
