"""The emulated schema registry, asked by the client that producer and job use, and by plain calls; its state over a kill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import psutil
import pytest
import requests

from connections.schema_registry import SchemaRegistry
from connections.settings import KafkaSettings
from pipeline_contract.errors import ConfigurationError, ServiceError
from sandbox.processes import find_free_port, read_record
from sandbox.registry.service import describe_registry
from sandbox.services import Service, start_service, stop_service, wait_until_ready
from sandbox.stack import PROJECT


def schema(*names: str) -> str:
    """A record of texts."""
    return json.dumps({"type": "record", "name": "r", "fields": [{"name": name, "type": "string"} for name in names]})


@pytest.fixture(scope="module")
def own_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A registry that these tests may kill."""
    service = describe_registry("127.0.0.1", find_free_port(), tmp_path_factory.mktemp("state"), PROJECT)
    start_service(service)
    try:
        wait_until_ready(service)
        yield service
    finally:
        stop_service(service)


def open_registry(service: Service) -> SchemaRegistry:
    """A client that has asked nothing yet."""
    return SchemaRegistry(KafkaSettings(schema_registry_url=f"http://{service.address}"))


def test_versions_are_kept_over_a_kill_and_a_schema_has_one_id(own_registry: Service) -> None:
    registry = open_registry(own_registry)

    first, second = registry.register("a-value", schema("x")), registry.register("a-value", schema("x", "y"))
    assert registry.register("a-value", schema("x")) == first
    assert registry.register("b/ö-value", schema("x")) == first
    before = registry.read_schemas("a-value")
    record = read_record(own_registry.record_path)
    assert record is not None
    psutil.Process(record.pid).kill()
    stop_service(own_registry)
    with pytest.raises(ServiceError, match=f"schema registry at http://{own_registry.address}: GET /subjects"):
        open_registry(own_registry).read_schemas("a-value")
    start_service(own_registry)
    wait_until_ready(own_registry)

    assert before == {first: schema("x"), second: schema("x", "y")}
    assert open_registry(own_registry).read_schemas("a-value") == before
    assert open_registry(own_registry).read_schemas("b/ö-value") == {first: schema("x")}
    assert open_registry(own_registry).read_schemas("nothing-value") == {}
    assert registry.register("a-value", schema("z")) not in before


def test_writers_at_once_each_have_their_own_id(own_registry: Service) -> None:
    schemas = [schema(f"c{number}") for number in range(30)]

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda text: open_registry(own_registry).register("many-value", text), schemas * 2))

    assert ids[:30] == ids[30:]
    assert open_registry(own_registry).read_schemas("many-value") == dict(zip(ids, schemas, strict=False))


class Call(NamedTuple):
    id: str
    method: str
    path: str
    body: dict[str, Any] | None
    status: int
    answer: dict[str, Any]


CALLS = (
    Call("latest", "GET", "/subjects/s-value/versions/latest", None, 200, {"version": 1, "subject": "s-value"}),
    Call("one-version", "GET", "/subjects/s-value/versions/1", None, 200, {"schema": schema("s")}),
    Call("no-version", "GET", "/subjects/s-value/versions/9", None, 404, {"error_code": 40402}),
    Call("no-subject", "GET", "/subjects/none/versions/1", None, 404, {"error_code": 40401}),
    Call("no-id", "GET", "/schemas/ids/999999", None, 404, {"error_code": 40403}),
    Call("no-schema", "POST", "/subjects/s-value/versions", {"schema": "{}"}, 422, {"error_code": 42201}),
    Call("protobuf", "POST", "/subjects/s-value/versions", {"schema": "x", "schemaType": "PROTOBUF"}, 422,
         {"error_code": 42201}),
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_the_calls_of_confluents_registry(own_registry: Service, call: Call) -> None:
    number = open_registry(own_registry).register("s-value", schema("s"))
    url = f"http://{own_registry.address}"

    answer = requests.request(call.method, url + call.path, json=call.body, timeout=10)

    assert answer.status_code == call.status
    assert call.answer.items() <= answer.json().items()
    assert requests.get(f"{url}/schemas/ids/{number}", timeout=10).json() == {"schema": schema("s")}
    assert "s-value" in requests.get(f"{url}/subjects", timeout=10).json()


def test_a_schema_that_is_refused_is_told_with_the_registrys_words(own_registry: Service) -> None:
    with pytest.raises(ServiceError, match=r"422 .*Invalid schema"):
        open_registry(own_registry).register("s-value", '{"type": "nothing"}')


def test_without_an_address_the_setting_is_named() -> None:
    with pytest.raises(ConfigurationError, match="MILLRACE_KAFKA__SCHEMA_REGISTRY_URL"):
        SchemaRegistry(KafkaSettings())


def test_a_password_is_never_shown() -> None:
    settings = KafkaSettings(
        schema_registry_url=f"http://127.0.0.1:{find_free_port()}",
        schema_registry_username="me",
        schema_registry_password="hush",
    )
    with pytest.raises(ServiceError) as raised:
        SchemaRegistry(settings).read_schemas("a-value")

    assert "hush" not in f"{raised.value} {settings!r}"
