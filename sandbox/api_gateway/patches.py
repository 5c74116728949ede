"""Patch operations of stages, plans and keys, pure: docs.aws.amazon.com/apigateway/latest/api/patch-operations.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.api_gateway.apis import ApiKey, Stage, UsagePlan
from sandbox.aws.refusals import CallRefused

Operation = Mapping[str, str]


def patch_stage(stage: Stage, operations: Sequence[Operation]) -> Stage:
    """A stage with another deployment, variables, access log or limits."""
    changes = stage.model_dump()
    for operation in operations:
        path, value = operation["path"], operation.get("value", "")
        if path == "/deploymentId":
            changes["deployment_id"] = value
        elif path == "/description":
            changes["description"] = value
        elif path.startswith("/variables/"):
            _change_entry(changes["variables"], path.removeprefix("/variables/"), operation)
        elif path == "/accessLogSettings" and operation["op"] == "remove":
            changes["access_log"] = {}
        elif path.startswith("/accessLogSettings/"):
            _change_entry(changes["access_log"], path.removeprefix("/accessLogSettings/"), operation)
        elif path == "/*/*/throttling/rateLimit":
            changes["rate_limit"] = value
        elif path == "/*/*/throttling/burstLimit":
            changes["burst_limit"] = value
        else:
            raise _refuse(operation)
    return Stage.model_validate(changes)


def patch_plan(plan: UsagePlan, operations: Sequence[Operation]) -> UsagePlan:
    """A plan with other stages, limits or words."""
    changes = plan.model_dump()
    for operation in operations:
        section, _, name = operation["path"].lstrip("/").partition("/")
        value = operation.get("value", "")
        if section in ("throttle", "quota") and operation["op"] == "remove" and not name:
            changes[section] = None
        elif section in ("throttle", "quota") and name:
            changes[section] = {**(changes[section] or {}), name: value}
        elif section in ("name", "description"):
            changes[section] = value
        elif operation["path"] == "/apiStages":
            api_id, _, stage = value.partition(":")
            others = [known for known in changes["stages"] if tuple(known) != (api_id, stage)]
            changes["stages"] = others + ([(api_id, stage)] if operation["op"] == "add" else [])
        else:
            raise _refuse(operation)
    return UsagePlan.model_validate(changes)


def patch_key(key: ApiKey, operations: Sequence[Operation]) -> ApiKey:
    """A key with other words, enabled or not."""
    changes = key.model_dump()
    for operation in operations:
        name = operation["path"].lstrip("/")
        if name not in ("name", "description", "enabled"):
            raise _refuse(operation)
        changes[name] = operation.get("value", "")
    return ApiKey.model_validate(changes)


def _change_entry(entries: dict[str, Any], name: str, operation: Operation) -> None:
    if operation["op"] == "remove":
        entries.pop(name, None)
    else:
        entries[name] = operation.get("value", "")


def _refuse(operation: Operation) -> CallRefused:
    text = f"Invalid patch path '{operation['path']}' specified for op '{operation['op']}', or not emulated"
    return CallRefused("BadRequestException", text)
