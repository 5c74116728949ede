"""Packs moto's Glue catalog, its crawlers, Athena's workgroups and the secrets, and brings them back."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Literal

from moto.athena.models import WorkGroup, athena_backends
from moto.glue.models import FakeCrawler, glue_backends
from moto.secretsmanager.models import secretsmanager_backends

Service = Literal["athena", "glue", "secretsmanager"]
Place = tuple[Service, str]
# moto's models refer to the whole of their region.
_OWNER = {"athena": "athena_backend", "glue": "backend"}


def pack_catalogs(account_id: str) -> Iterator[tuple[Place, bytes]]:
    """What each region holds now, by service and region."""
    for region in list(glue_backends[account_id]):
        glue = glue_backends[account_id][region]
        crawlers = {name: _strip(crawler, "glue") for name, crawler in glue.crawlers.items()}
        yield ("glue", region), _pack({"databases": dict(glue.databases), "crawlers": crawlers})
    for region in list(athena_backends[account_id]):
        groups = athena_backends[account_id][region].work_groups
        yield ("athena", region), _pack({name: _strip(group, "athena") for name, group in groups.items()})
    for region in list(secretsmanager_backends[account_id]):
        yield ("secretsmanager", region), _pack(dict(secretsmanager_backends[account_id][region].secrets.items()))


def restore_catalog(account_id: str, place: Place, packed: bytes) -> None:
    """Bring back what was packed of one region."""
    service, region = place
    content = pickle.loads(packed)  # noqa: S301 - from the user's own state folder alone
    if service == "glue":
        glue = glue_backends[account_id][region]
        glue.databases = OrderedDict(content["databases"])
        glue.crawlers = OrderedDict(
            (name, _build(FakeCrawler, parts, "glue", glue)) for name, parts in content["crawlers"].items()
        )
    elif service == "secretsmanager":
        secretsmanager_backends[account_id][region].secrets.update(content)
    else:
        athena = athena_backends[account_id][region]
        athena.work_groups = {name: _build(WorkGroup, parts, "athena", athena) for name, parts in content.items()}


def _strip(model: Any, service: Service) -> dict[str, Any]:
    return {name: value for name, value in vars(model).items() if name != _OWNER[service]}


def _build(kind: type[Any], parts: dict[str, Any], service: Service, owner: object) -> Any:
    model = object.__new__(kind)
    vars(model).update(parts, **{_OWNER[service]: owner})
    return model


def _pack(value: object) -> bytes:
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
