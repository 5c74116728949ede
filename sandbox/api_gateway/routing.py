"""Finds the method that a request is for, pure: docs.aws.amazon.com/apigateway/latest/developerguide/how-to-create-api."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from sandbox.api_gateway.apis import Account, Api, Definition, Route, Stage


class Target(NamedTuple):
    """A deployed stage, and the rest of the path below it, as it was sent."""

    api: Api
    stage: Stage
    definition: Definition
    path: str


class Match(NamedTuple):
    """A route and the values of its path's parameters."""

    route: Route
    parameters: dict[str, str]


def find_target(account: Account, raw_path: str) -> Target | None:
    """The stage that a path such as `/<api>/<stage>/events` names; an API goes by its id or its name."""
    _, name, stage_name, *rest = [*raw_path.split("/", 3), "", ""]
    wanted = unquote(name)
    api = account.apis.get(wanted) or next((api for api in account.apis.values() if api.name == wanted), None)
    stage = api.stages.get(unquote(stage_name)) if api is not None else None
    if api is None or stage is None:
        return None
    return Target(api, stage, api.deployments[stage.deployment_id].definition, f"/{rest[0]}")


def match_route(routes: Sequence[Route], method: str, raw_path: str) -> Match | None:
    """The route of a request: plain parts go before `{name}`, those before `{name+}`, and a method before ANY."""
    found = [
        (_rank(route), Match(route, parameters))
        for route in routes
        if route.method in (method, "ANY") and (parameters := _match_path(route.path, raw_path)) is not None
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _match_path(template: str, raw_path: str) -> dict[str, str] | None:
    wanted, sent = _split(template), _split(raw_path)
    parameters: dict[str, str] = {}
    for position, part in enumerate(wanted):
        if part.endswith("+}") and len(sent) > position:
            return parameters | {part[1:-2]: unquote("/".join(sent[position:]))}
        if position >= len(sent):
            return None
        if part.startswith("{"):
            parameters[part[1:-1]] = unquote(sent[position])
        elif part != unquote(sent[position]):
            return None
    return parameters if len(wanted) == len(sent) else None


def _rank(route: Route) -> tuple[list[int], bool]:
    kinds = [2 if part.endswith("+}") else int(part.startswith("{")) for part in _split(route.path)]
    return kinds, route.method == "ANY"


def _split(path: str) -> list[str]:
    trimmed = path.strip("/")
    return trimmed.split("/") if trimmed else []
