"""The calls that make and tell APIs: docs.aws.amazon.com/apigateway/latest/api/API_Operations.html."""

from __future__ import annotations

import random
import re
import string
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sandbox.api_gateway.apis import Account, Api, Deployment, Stage
from sandbox.api_gateway.definitions import merge_definitions, parse_document, read_definition
from sandbox.api_gateway.descriptions import describe_api, describe_deployment, describe_resources, describe_stage
from sandbox.api_gateway.patches import patch_stage
from sandbox.aws.refusals import CallRefused

STAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Call(NamedTuple):
    """One request: the ids in its path, its query, and its body, raw and as JSON."""

    ids: tuple[str, ...]
    query: dict[str, str]
    body: bytes
    asked: dict[str, Any]


class Result(NamedTuple):
    """A status, what is told, and the account as it is from now on; None where it has not changed."""

    status: int
    told: dict[str, Any]
    account: Account | None = None


Answer = Callable[[Account, Call], Result]


def list_api_calls() -> dict[tuple[str, str], Answer]:
    """The calls about APIs, deployments and stages, by method and pattern of the path."""
    return {
        ("POST", "/restapis"): create_api,
        ("GET", "/restapis"): lambda account, _: list_items(describe_api(api) for api in account.apis.values()),
        ("GET", "/restapis/*"): lambda account, call: Result(200, describe_api(find_api(account, call.ids[0]))),
        ("PUT", "/restapis/*"): put_api,
        ("DELETE", "/restapis/*"): delete_api,
        ("GET", "/restapis/*/resources"): lambda account, call: list_items(
            describe_resources(find_api(account, call.ids[0]))
        ),
        ("POST", "/restapis/*/deployments"): create_deployment,
        ("GET", "/restapis/*/deployments"): lambda account, call: list_items(
            describe_deployment(found) for found in find_api(account, call.ids[0]).deployments.values()
        ),
        ("POST", "/restapis/*/stages"): create_stage,
        ("GET", "/restapis/*/stages"): lambda account, call: Result(
            200, {"item": [describe_stage(stage) for stage in find_api(account, call.ids[0]).stages.values()]}
        ),
        ("GET", "/restapis/*/stages/*"): lambda account, call: Result(200, describe_stage(find_stage(account, call))),
        ("PATCH", "/restapis/*/stages/*"): update_stage,
        ("DELETE", "/restapis/*/stages/*"): delete_stage,
    }


def create_api(account: Account, call: Call) -> Result:
    """ImportRestApi with mode=import, CreateRestApi without."""
    api = Api(id=draw_id(), name=call.asked.get("name", ""), created_s=time.time())
    if call.query.get("mode") == "import":
        document = parse_document(call.body)
        information = document.get("info", {})
        words = {"name": information.get("title", ""), "description": information.get("description", "")}
        api = api.model_copy(update={**words, "definition": read_definition(document)})
    elif "description" in call.asked:
        api = api.model_copy(update={"description": call.asked["description"]})
    if not api.name:
        raise CallRefused("BadRequestException", "an API needs a name")
    return Result(201, describe_api(api), _with_api(account, api))


def put_api(account: Account, call: Call) -> Result:
    """PutRestApi: the new definition in the place of the old one, or merged into it; stages keep what was deployed."""
    api = find_api(account, call.ids[0])
    document = parse_document(call.body)
    definition = read_definition(document)
    if call.query.get("mode", "merge") == "merge":
        definition = merge_definitions(api.definition, definition)
    information = document.get("info", {})
    words = {"name": information.get("title", api.name), "description": information.get("description", api.description)}
    changed = api.model_copy(update={**words, "definition": definition})
    return Result(200, describe_api(changed), _with_api(account, changed))


def delete_api(account: Account, call: Call) -> Result:
    """DeleteRestApi; plans lose its stages."""
    gone = find_api(account, call.ids[0]).id
    apis = {name: api for name, api in account.apis.items() if name != gone}
    plans = {
        name: plan.model_copy(update={"stages": tuple(stage for stage in plan.stages if stage[0] != gone)})
        for name, plan in account.plans.items()
    }
    return Result(202, {}, account.model_copy(update={"apis": apis, "plans": plans}))


def create_deployment(account: Account, call: Call) -> Result:
    """CreateDeployment; with a stage's name, that stage answers with it from now on."""
    api = find_api(account, call.ids[0])
    if not api.definition.routes:
        raise CallRefused("BadRequestException", "The REST API doesn't contain any methods")
    deployment = Deployment(
        id=draw_id(6),
        created_s=time.time(),
        description=call.asked.get("description", ""),
        definition=api.definition,
    )
    changed = api.model_copy(update={"deployments": {**api.deployments, deployment.id: deployment}})
    name = call.asked.get("stageName")
    if name:
        known = api.stages.get(name)
        variables = call.asked.get("variables", known.variables if known else {})
        stage = known or _build_stage(name, deployment.id)
        description = call.asked.get("stageDescription", stage.description)
        stage = stage.model_copy(
            update={"deployment_id": deployment.id, "variables": variables, "description": description}
        )
        changed = _with_stage(changed, stage)
    return Result(201, describe_deployment(deployment), _with_api(account, changed))


def create_stage(account: Account, call: Call) -> Result:
    """CreateStage."""
    api = find_api(account, call.ids[0])
    name, deployment_id = call.asked["stageName"], call.asked["deploymentId"]
    if name in api.stages:
        raise CallRefused("ConflictException", "Stage already exists")
    if deployment_id not in api.deployments:
        raise CallRefused("BadRequestException", "Invalid deployment identifier specified")
    words = {"description": call.asked.get("description", ""), "variables": call.asked.get("variables", {})}
    stage = _build_stage(name, deployment_id).model_copy(update=words)
    return Result(201, describe_stage(stage), _with_api(account, _with_stage(api, stage)))


def update_stage(account: Account, call: Call) -> Result:
    """UpdateStage."""
    api = find_api(account, call.ids[0])
    stage = patch_stage(find_stage(account, call), call.asked.get("patchOperations", []))
    if stage.deployment_id not in api.deployments:
        raise CallRefused("BadRequestException", "Invalid deployment identifier specified")
    return Result(200, describe_stage(stage), _with_api(account, _with_stage(api, stage)))


def delete_stage(account: Account, call: Call) -> Result:
    """DeleteStage."""
    api, gone = find_api(account, call.ids[0]), find_stage(account, call).name
    stages = {name: stage for name, stage in api.stages.items() if name != gone}
    return Result(202, {}, _with_api(account, api.model_copy(update={"stages": stages})))


def find_api(account: Account, api_id: str) -> Api:
    """An API by its id."""
    api = account.apis.get(api_id)
    if api is None:
        raise CallRefused("NotFoundException", "Invalid API identifier specified")
    return api


def find_stage(account: Account, call: Call) -> Stage:
    """The stage that a path names."""
    stage = find_api(account, call.ids[0]).stages.get(call.ids[1])
    if stage is None:
        raise CallRefused("NotFoundException", "Invalid stage identifier specified")
    return stage


def list_items(items: Any) -> Result:
    """A page that holds everything."""
    return Result(200, {"item": list(items)})


def draw_id(length: int = 10) -> str:
    """An id as API Gateway draws them."""
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=length))


def _build_stage(name: str, deployment_id: str) -> Stage:
    if not STAGE_NAME.fullmatch(name):
        raise CallRefused("BadRequestException", "Stage name only allows a-zA-Z0-9_-")
    return Stage(name=name, deployment_id=deployment_id, created_s=time.time())


def _with_api(account: Account, api: Api) -> Account:
    return account.model_copy(update={"apis": {**account.apis, api.id: api}})


def _with_stage(api: Api, stage: Stage) -> Api:
    return api.model_copy(update={"stages": {**api.stages, stage.name: stage}})
