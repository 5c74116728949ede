"""The events way on the sandbox: bucket, table, stream, secret, function and API, by plain calls.

On AWS the stack `events` makes the same parts, from the same descriptions.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aws_integration.api_access import find_api
from aws_integration.event_plan import TIME_TO_LIVE, describe_api_body, describe_ids_table, describe_stream
from aws_integration.plan import Step
from aws_integration.shared_names import name_api_secret
from connections.aws_clients import explain_refusal, open_apigateway, open_dynamodb, open_firehose, open_secrets
from connections.functions import open_lambda
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.event_api import STAGE
from pipeline_contract.event_layout import name_api, name_api_function, name_error_bucket, name_ids, name_stream
from pipeline_contract.event_model import EventContract

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient


class Site(NamedTuple):
    """The clients that a deployment needs."""

    s3: S3Client
    tables: DynamoDBClient
    streams: FirehoseClient
    secrets: SecretsManagerClient
    gateway: APIGatewayClient
    functions: LambdaClient


class Found(NamedTuple):
    """What is there already; `stream` is its destination, `api` its id and the fingerprint of what was deployed."""

    has_bucket: bool
    has_table: bool
    stream: Mapping[str, Any] | None
    has_secret: bool
    api: tuple[str, str] | None


def open_api_site(settings: Settings) -> Site:
    """The clients; nothing is asked yet."""
    of = settings.s3
    return Site(
        open_s3(of), open_dynamodb(of), open_firehose(of), open_secrets(of), open_apigateway(of), open_lambda(settings)
    )


def find_parts(site: Site, contract: EventContract, settings: Settings) -> Found:
    """What there is of the way."""
    name = contract.name
    with explain_refusal(f"look for the parts of {name}"):
        buckets = {bucket["Name"] for bucket in site.s3.list_buckets()["Buckets"]}
        has_table = name_ids(name) in site.tables.list_tables()["TableNames"]
        listed = site.secrets.list_secrets()["SecretList"]
        has_secret = name_api_secret(name) in {secret["Name"] for secret in listed}
        stream = None
        if name_stream(name) in site.streams.list_delivery_streams()["DeliveryStreamNames"]:
            told = site.streams.describe_delivery_stream(DeliveryStreamName=name_stream(name))
            stream = told["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
        api = find_api(site.gateway, contract)
        deployed = (api, read_fingerprint(site.gateway, api)) if api else None
    return Found(name_error_bucket(settings.s3.bucket) in buckets, has_table, stream, has_secret, deployed)


def read_fingerprint(gateway: APIGatewayClient, api: str) -> str:
    """What was deployed to the stage, as it says itself; empty where nothing was, or not to the end."""
    stages = {stage["stageName"]: stage for stage in gateway.get_stages(restApiId=api)["item"]}
    return stages[STAGE].get("description", "") if STAGE in stages else ""


def plan_parts(contract: EventContract, settings: Settings, found: Found) -> list[Step]:
    """The steps that bring all but the function about; none for what is as it should be. Pure."""
    steps = []
    bucket = name_error_bucket(settings.s3.bucket)
    if not found.has_bucket:
        steps.append(Step("s3", "create", f"bucket {bucket} for refused events", "create_bucket", {"Bucket": bucket}))
    if not found.has_table:
        table = describe_ids_table(contract)
        steps.append(Step("dynamodb", "create", f"table {table['TableName']} of accepted ids", "create_table", table))
    if not found.has_secret:
        request = {"Name": name_api_secret(contract.name)}
        what = f"secret {request['Name']} with a random key for senders' addresses"
        steps.append(Step("secretsmanager", "create", what, "create_secret", request))
    return [*steps, *_plan_stream(contract, settings, found.stream), *_plan_api(contract, settings, found.api)]


def change_parts(
    site: Site, contract: EventContract, settings: Settings, steps: Sequence[Step], say: Callable[[Step], None]
) -> None:
    """Carry the steps out in order."""
    for step in steps:
        with explain_refusal(f"{step.action} {step.what}"):
            _ACTIONS[step.service](site, contract, settings, step)
        say(step)


def _plan_stream(contract: EventContract, settings: Settings, found: Mapping[str, Any] | None) -> list[Step]:
    name, wanted = name_stream(contract.name), describe_stream(contract, settings)
    what = f"stream {name} into s3://{settings.s3.bucket}/{wanted['Prefix']}"
    if found is None:
        request = {
            "DeliveryStreamName": name,
            "DeliveryStreamType": "DirectPut",
            "ExtendedS3DestinationConfiguration": wanted,
        }
        return [Step("firehose", "create", what, "create_delivery_stream", request)]
    if all(found.get(key) == value for key, value in wanted.items()):
        return []
    request = {"DeliveryStreamName": name, "ExtendedS3DestinationUpdate": wanted}
    return [Step("firehose", "update", what, "update_destination", request)]


def _plan_api(contract: EventContract, settings: Settings, found: tuple[str, str] | None) -> list[Step]:
    body = json.dumps(describe_api_body(contract, settings))
    what = f"API {name_api(contract.name)}, POST {contract.api.path}, at most {contract.api.rate_per_s} requests/s"
    if found is None:
        return [Step("apigateway", "create", what, "import_rest_api", {"body": body})]
    if found[1] == take_fingerprint(contract, body):
        return []
    return [Step("apigateway", "update", what, "put_rest_api", {"restApiId": found[0], "body": body})]


def take_fingerprint(contract: EventContract, body: str) -> str:
    """What a deployment is called by, so that the next one knows whether anything has changed."""
    limits = f"{contract.api.rate_per_s}/{contract.api.burst}"
    return hashlib.sha256(f"{body} {limits}".encode()).hexdigest()[:16]


def _make_bucket(site: Site, _contract: EventContract, _settings: Settings, step: Step) -> None:
    site.s3.create_bucket(**step.request)


def _make_table(site: Site, _contract: EventContract, _settings: Settings, step: Step) -> None:
    name = step.request["TableName"]
    site.tables.create_table(**step.request)
    site.tables.get_waiter("table_exists").wait(TableName=name)
    site.tables.update_time_to_live(TableName=name, TimeToLiveSpecification=TIME_TO_LIVE)  # type: ignore[arg-type]


def _make_secret(site: Site, _contract: EventContract, _settings: Settings, step: Step) -> None:
    key = json.dumps({"protect_key": secrets.token_urlsafe(32)})
    site.secrets.create_secret(**step.request, SecretString=key)


def _make_stream(site: Site, _contract: EventContract, _settings: Settings, step: Step) -> None:
    if step.action == "create":
        site.streams.create_delivery_stream(**step.request)
        return
    name = step.request["DeliveryStreamName"]
    told = site.streams.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    site.streams.update_destination(
        **step.request,
        CurrentDeliveryStreamVersionId=told["VersionId"],
        DestinationId=told["Destinations"][0]["DestinationId"],
    )


def _make_api(site: Site, contract: EventContract, settings: Settings, step: Step) -> None:
    """The API's description, a deployment of it, and for an API with a key the key and its usage plan."""
    body = step.request["body"]
    if step.action == "create":
        api = site.gateway.import_rest_api(body=body.encode())["id"]
    else:
        api = site.gateway.put_rest_api(restApiId=step.request["restApiId"], mode="overwrite", body=body.encode())["id"]
    _allow_calls(site, contract, settings, api)
    # A usage plan needs the stage, and the fingerprint stands for all of it.
    site.gateway.create_deployment(restApiId=api, stageName=STAGE)
    if contract.api.authorisation == "api-key":
        _make_key(site.gateway, contract, api)
    site.gateway.create_deployment(restApiId=api, stageName=STAGE, stageDescription=take_fingerprint(contract, body))


def _allow_calls(site: Site, contract: EventContract, settings: Settings, api: str) -> None:
    """Let this API, and no other, call the function."""
    source = f"arn:aws:execute-api:{settings.s3.region}:{settings.aws.account_id}:{api}/*/POST{contract.api.path}"
    function = name_api_function(contract.name)
    try:
        site.functions.add_permission(
            FunctionName=function,
            StatementId=f"api-{api}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=source,
        )
    except site.functions.exceptions.ResourceConflictException:
        return  # it is there from the deployment before


def _make_key(gateway: APIGatewayClient, contract: EventContract, api: str) -> None:
    name = name_api(contract.name)
    keys = {key["name"]: key["id"] for key in gateway.get_api_keys(nameQuery=name)["items"]}
    key = keys.get(name) or gateway.create_api_key(name=name, enabled=True)["id"]
    for plan in gateway.get_usage_plans()["items"]:
        if plan["name"] == name:
            for stage in plan.get("apiStages", []):
                operation = {"op": "remove", "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}
                gateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=[operation])  # type: ignore[list-item]
            gateway.delete_usage_plan(usagePlanId=plan["id"])
    throttle: Any = {"rateLimit": float(contract.api.rate_per_s), "burstLimit": contract.api.burst}
    stages: Any = [{"apiId": api, "stage": STAGE}]
    made = gateway.create_usage_plan(name=name, throttle=throttle, apiStages=stages)
    gateway.create_usage_plan_key(usagePlanId=made["id"], keyId=key, keyType="API_KEY")


_ACTIONS: dict[str, Callable[[Site, EventContract, Settings, Step], None]] = {
    "s3": _make_bucket,
    "dynamodb": _make_table,
    "secretsmanager": _make_secret,
    "firehose": _make_stream,
    "apigateway": _make_api,
}
