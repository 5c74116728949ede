"""APIs, stages, keys and plans as API Gateway's API tells them, pure: docs.aws.amazon.com/apigateway/latest/api."""

from __future__ import annotations

from typing import Any

from sandbox.api_gateway.apis import Api, ApiKey, Deployment, Stage, UsagePlan
from sandbox.api_gateway.proxy_event import name_resource


def describe_api(api: Api) -> dict[str, Any]:
    """RestApi."""
    return {
        "id": api.id,
        "name": api.name,
        "description": api.description,
        "createdDate": api.created_s,
        "apiKeySource": "HEADER",
        "binaryMediaTypes": list(api.definition.binary_media_types),
        "endpointConfiguration": {"types": ["REGIONAL"]},
        "rootResourceId": name_resource(api.id, "/"),
    }


def describe_resources(api: Api) -> list[dict[str, Any]]:
    """Resource, for every path and those above it."""
    paths = {"/"}
    for route in api.definition.routes:
        parts = route.path.strip("/").split("/")
        paths |= {"/" + "/".join(parts[: count + 1]) for count in range(len(parts))}
    return [_describe_resource(api, path) for path in sorted(paths)]


def describe_deployment(deployment: Deployment) -> dict[str, Any]:
    """Deployment."""
    return {"id": deployment.id, "description": deployment.description, "createdDate": deployment.created_s}


def describe_stage(stage: Stage) -> dict[str, Any]:
    """Stage."""
    limits = {"throttlingRateLimit": stage.rate_limit, "throttlingBurstLimit": stage.burst_limit}
    asked = {name: limit for name, limit in limits.items() if limit is not None}
    return {
        "stageName": stage.name,
        "deploymentId": stage.deployment_id,
        "description": stage.description,
        "variables": stage.variables,
        "createdDate": stage.created_s,
        "methodSettings": {"*/*": asked} if asked else {},
        **({"accessLogSettings": stage.access_log} if stage.access_log else {}),
    }


def describe_key(key: ApiKey) -> dict[str, Any]:
    """ApiKey, without its value."""
    return {
        "id": key.id,
        "name": key.name,
        "description": key.description,
        "enabled": key.enabled,
        "createdDate": key.created_s,
        "stageKeys": [],
    }


def describe_plan(plan: UsagePlan) -> dict[str, Any]:
    """UsagePlan."""
    described: dict[str, Any] = {
        "id": plan.id,
        "name": plan.name,
        "description": plan.description,
        "apiStages": [{"apiId": api_id, "stage": stage} for api_id, stage in plan.stages],
    }
    if plan.throttle is not None:
        described["throttle"] = plan.throttle.model_dump(exclude_none=True)
    if plan.quota is not None:
        described["quota"] = plan.quota.model_dump()
    return described


def describe_plan_key(key: ApiKey) -> dict[str, Any]:
    """UsagePlanKey."""
    return {"id": key.id, "type": "API_KEY", "value": key.value, "name": key.name}


def _describe_resource(api: Api, path: str) -> dict[str, Any]:
    parent, _, part = path.rpartition("/")
    methods = {
        route.method: {
            "httpMethod": route.method,
            "authorizationType": route.authorization,
            "apiKeyRequired": route.api_key_required,
            "methodIntegration": {
                "type": "AWS_PROXY",
                "httpMethod": "POST",
                "uri": route.integration["uri"],
                "timeoutInMillis": int(route.timeout_s * 1000),
            },
        }
        for route in api.definition.routes
        if route.path == path
    }
    described: dict[str, Any] = {"id": name_resource(api.id, path), "path": path}
    if path != "/":
        described |= {"parentId": name_resource(api.id, parent or "/"), "pathPart": part}
    return described | ({"resourceMethods": methods} if methods else {})
