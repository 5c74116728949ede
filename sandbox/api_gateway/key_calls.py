"""The calls about API keys and usage plans: docs.aws.amazon.com/apigateway/latest/api/API_Operations.html."""

from __future__ import annotations

import secrets
import string
import time

from sandbox.api_gateway.apis import Account, ApiKey, UsagePlan
from sandbox.api_gateway.calls import Answer, Call, Result, draw_id, find_api, list_items
from sandbox.api_gateway.descriptions import describe_key, describe_plan, describe_plan_key
from sandbox.api_gateway.patches import patch_key, patch_plan
from sandbox.aws.refusals import CallRefused

MIN_VALUE_CHARACTERS = 20
DRAWN_CHARACTERS = 40


def list_key_calls() -> dict[tuple[str, str], Answer]:
    """The calls about keys and plans, by method and pattern of the path."""
    return {
        ("POST", "/apikeys"): create_key,
        ("GET", "/apikeys"): list_keys,
        ("GET", "/apikeys/*"): lambda account, call: Result(
            200, _tell_key(find_key(account, call.ids[0]), call, "includeValue")
        ),
        ("PATCH", "/apikeys/*"): update_key,
        ("DELETE", "/apikeys/*"): delete_key,
        ("POST", "/usageplans"): create_plan,
        ("GET", "/usageplans"): list_plans,
        ("GET", "/usageplans/*"): lambda account, call: Result(200, describe_plan(find_plan(account, call.ids[0]))),
        ("PATCH", "/usageplans/*"): update_plan,
        ("DELETE", "/usageplans/*"): delete_plan,
        ("POST", "/usageplans/*/keys"): create_plan_key,
        ("GET", "/usageplans/*/keys"): lambda account, call: list_items(
            describe_plan_key(account.keys[key]) for key in find_plan(account, call.ids[0]).keys
        ),
        ("DELETE", "/usageplans/*/keys/*"): delete_plan_key,
    }


def create_key(account: Account, call: Call) -> Result:
    """CreateApiKey; a value is drawn where none is given."""
    letters = string.ascii_letters + string.digits
    value = call.asked.get("value") or "".join(secrets.choice(letters) for _ in range(DRAWN_CHARACTERS))
    if len(value) < MIN_VALUE_CHARACTERS:
        raise CallRefused("BadRequestException", f"API Key value should be at least {MIN_VALUE_CHARACTERS} characters")
    if any(key.value == value for key in account.keys.values()):
        raise CallRefused("ConflictException", "API Key already exists")
    key = ApiKey(
        id=draw_id(),
        name=call.asked.get("name", ""),
        value=value,
        enabled=call.asked.get("enabled", False),
        description=call.asked.get("description", ""),
        created_s=time.time(),
    )
    return Result(201, {**describe_key(key), "value": value}, _with_key(account, key))


def list_keys(account: Account, call: Call) -> Result:
    """GetApiKeys."""
    prefix = call.query.get("name", "")
    return list_items(
        _tell_key(key, call, "includeValues") for key in account.keys.values() if key.name.startswith(prefix)
    )


def update_key(account: Account, call: Call) -> Result:
    """UpdateApiKey."""
    key = patch_key(find_key(account, call.ids[0]), call.asked.get("patchOperations", []))
    return Result(200, describe_key(key), _with_key(account, key))


def delete_key(account: Account, call: Call) -> Result:
    """DeleteApiKey; plans lose it."""
    gone = find_key(account, call.ids[0]).id
    keys = {name: key for name, key in account.keys.items() if name != gone}
    plans = {
        name: plan.model_copy(update={"keys": tuple(key for key in plan.keys if key != gone)})
        for name, plan in account.plans.items()
    }
    return Result(202, {}, account.model_copy(update={"keys": keys, "plans": plans}))


def create_plan(account: Account, call: Call) -> Result:
    """CreateUsagePlan."""
    stages = [(stage["apiId"], stage["stage"]) for stage in call.asked.get("apiStages", [])]
    plan = UsagePlan.model_validate(
        {
            "id": draw_id(6),
            "name": call.asked["name"],
            "description": call.asked.get("description", ""),
            "stages": stages,
            "throttle": call.asked.get("throttle"),
            "quota": call.asked.get("quota"),
        }
    )
    return Result(201, describe_plan(plan), _with_plan(account, plan))


def list_plans(account: Account, call: Call) -> Result:
    """GetUsagePlans, all of them or a key's."""
    key = call.query.get("keyId")
    return list_items(describe_plan(plan) for plan in account.plans.values() if key is None or key in plan.keys)


def update_plan(account: Account, call: Call) -> Result:
    """UpdateUsagePlan."""
    plan = patch_plan(find_plan(account, call.ids[0]), call.asked.get("patchOperations", []))
    return Result(200, describe_plan(plan), _with_plan(account, plan))


def delete_plan(account: Account, call: Call) -> Result:
    """DeleteUsagePlan, which API Gateway refuses while it has stages."""
    plan = find_plan(account, call.ids[0])
    if plan.stages:
        text = "Cannot delete usage plan when it has associated API stages"
        raise CallRefused("BadRequestException", text)
    plans = {name: other for name, other in account.plans.items() if name != plan.id}
    return Result(202, {}, account.model_copy(update={"plans": plans}))


def create_plan_key(account: Account, call: Call) -> Result:
    """CreateUsagePlanKey."""
    plan, key = find_plan(account, call.ids[0]), find_key(account, call.asked["keyId"])
    if key.id in plan.keys:
        raise CallRefused("ConflictException", "Usage Plan Key already exists")
    changed = plan.model_copy(update={"keys": (*plan.keys, key.id)})
    return Result(201, describe_plan_key(key), _with_plan(account, changed))


def delete_plan_key(account: Account, call: Call) -> Result:
    """DeleteUsagePlanKey."""
    plan = find_plan(account, call.ids[0])
    if call.ids[1] not in plan.keys:
        raise CallRefused("NotFoundException", "Invalid Usage Plan Key identifier specified")
    changed = plan.model_copy(update={"keys": tuple(key for key in plan.keys if key != call.ids[1])})
    return Result(202, {}, _with_plan(account, changed))


def find_key(account: Account, key_id: str) -> ApiKey:
    """A key by its id."""
    key = account.keys.get(key_id)
    if key is None:
        raise CallRefused("NotFoundException", "Invalid API Key identifier specified")
    return key


def find_plan(account: Account, plan_id: str) -> UsagePlan:
    """A plan by its id."""
    plan = account.plans.get(plan_id)
    if plan is None:
        raise CallRefused("NotFoundException", "Invalid Usage Plan identifier specified")
    return plan


def _tell_key(key: ApiKey, call: Call, parameter: str) -> dict[str, object]:
    value = {"value": key.value} if call.query.get(parameter) == "true" else {}
    return {**describe_key(key), **value}


def _with_key(account: Account, key: ApiKey) -> Account:
    return account.model_copy(update={"keys": {**account.keys, key.id: key}})


def _with_plan(account: Account, plan: UsagePlan) -> Account:
    for api_id, stage in plan.stages:
        if stage not in find_api(account, api_id).stages:
            raise CallRefused("BadRequestException", f"API Stage not found: {api_id}:{stage}")
    return account.model_copy(update={"plans": {**account.plans, plan.id: plan}})
