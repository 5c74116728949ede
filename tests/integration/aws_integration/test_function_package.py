"""The deployment packages: built for Lambda's platforms, and run alone, by a Python that sees nothing else, on the sandbox."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zipfile
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from aws_integration.event_plan import describe_api_function, describe_ids_table, describe_stream
from aws_integration.function_deployment import (
    change_function,
    choose_code,
    find_function,
    open_function_site,
    plan_function,
)
from aws_integration.function_package import (
    EVENTS,
    HANDLERS,
    KAFKA,
    MAX_UNPACKED_BYTES,
    Architecture,
    FunctionPackage,
    Recipe,
    build_package,
    choose_platform,
)
from connections.aws_clients import open_dynamodb, open_firehose
from connections.functions import invoke_function, open_lambda
from connections.python_packages import PythonPlatform
from connections.s3 import open_s3
from connections.settings import FunctionSettings, Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_contract_file import load_event_contract
from pipeline_contract.event_layout import name_error_bucket, name_stream, receipts_prefix, refused_prefix
from pipeline_contract.event_model import EventContract
from pipeline_contract.kafka_event import OWN_PART, EventSlice, encode_event, name_function
from pipeline_contract.row_judge import Message
from tests.integration.kafka_consumer.functions import deploy_function
from tests.integration.kafka_consumer.pipelines import make_pipeline
from tests.unit.pipeline_contract.event_cases import good_event

# e_machine of an ELF file: refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINES: dict[Architecture, int] = {"x86_64": 62, "arm64": 183}


# What a package has of the project's own files, and what of the rest it has not.
CONTENTS: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "kafka": ({"conf/pipelines/flights.toml", "data/airlines.csv", "connections/warehouse.py"}, ()),
    "events": (
        {"conf/events/events.toml", "conf/environments/aws.toml", "boto3/__init__.py"},
        ("snowflake/", "fastavro/", "orjson/", "conf/pipelines/", "data/", f"{HANDLERS}/kafka_lambda_handler.py"),
    ),
}
FOREIGN = ("pyarrow/", "pyspark/", "confluent_kafka/", "sandbox/")
RECIPES = pytest.mark.parametrize("recipe", [KAFKA, EVENTS], ids=lambda recipe: recipe.name)


def build(recipe: Recipe, folder: Path, architecture: Architecture, version: str) -> FunctionPackage:
    """A package of this project's contracts, in a folder of the test's own."""
    for part in ("conf", "data"):
        shutil.copytree(part, folder / part, dirs_exist_ok=True)
    shutil.copy("constraints.txt", folder)
    return build_package(recipe, folder, choose_platform(version, architecture), os.environ)


def name_machine() -> Architecture:
    """This machine's processor as Lambda names it."""
    return "x86_64" if os.uname().machine == "x86_64" else "arm64"


def read_machines(package: FunctionPackage) -> set[int]:
    """The processors of the compiled files in a package."""
    with zipfile.ZipFile(package.path) as archive:
        names = [name for name in archive.namelist() if ".so" in Path(name).suffixes]
        heads = [archive.read(name)[:20] for name in names]
    assert len(heads) > 2
    return {struct.unpack("<H", head[18:20])[0] for head in heads if head[:4] == b"\x7fELF"}


def test_the_archive_alone_writes_rows_on_the_sandbox(
    warehouse_settings: Settings, kafka_bootstrap: str, tmp_path: Path, unique_name: str
) -> None:
    """For this Python and, as uv resolves it, this platform, which the sandbox's Lambda runs with nothing installed beside it."""
    project = tmp_path / "project"
    pipeline = make_pipeline(tmp_path, unique_name, warehouse_settings)
    assert kafka_bootstrap
    pipeline.deploy()
    built = build(KAFKA, project, name_machine(), PythonPlatform().version)
    function = name_function(pipeline.name)
    settings = warehouse_settings.model_copy(update={"function": FunctionSettings(timeout_s=60)})

    steps = deploy_function(pipeline, settings, choose_code(function, KAFKA, settings, built.path, project))
    topic = pipeline.contract.topic.name
    value = b'{"_source_file":"f","_source_line":2,"id":"1","at":"2024-01-01 00:00:00","price":"1.25","kind":"a"}'
    messages = (Message(topic, "an id", 1, 7, 1, None, value), Message(topic, "an id", 1, 8, 1, None, b"damaged"))
    event = encode_event([EventSlice(topic, "an id", 1, 7, 9, messages)])
    with closing(open_lambda(settings)) as client:
        answers = [invoke_function(client, function, event) for _ in range(2)]

    assert [step.call for step in steps] == ["put_object", "create_function"]
    assert [answer[OWN_PART]["rows"] for answer in answers] == [
        {"curated": 1, "rejected": 1, "repeated": 0}, {"curated": 0, "rejected": 0, "repeated": 2},
    ]  # fmt: skip
    assert pipeline.read_table("lambda", "curated", '"ID", "_OFFSET"') == [{"ID": 1, "_OFFSET": 7}]
    again = deploy_function(pipeline, settings, choose_code(function, KAFKA, settings, built.path, project))
    assert again == []


def test_the_archive_alone_takes_events_on_the_sandbox(
    session_settings: Settings, s3_endpoint: str, unique_bucket: str, tmp_path: Path, unique_name: str
) -> None:
    """Its Python has neither this project nor boto3; stores and stream are those that the stack would make."""
    assert s3_endpoint
    project = tmp_path / "project"
    text = Path("conf/events/events.toml").read_text(encoding="utf-8")
    contract_file = project / "conf/events" / f"{unique_name}.toml"
    contract_file.parent.mkdir(parents=True)
    contract_file.write_text(text.replace('name = "events"', f'name = "{unique_name}"', 1), encoding="utf-8")
    settings = session_settings.model_copy(
        update={
            "environment": "local",
            "s3": session_settings.s3.model_copy(update={"bucket": unique_bucket}),
            "function": FunctionSettings(timeout_s=60),
        }
    )
    contract = load_event_contract(contract_file)
    make_stores(contract, settings)
    built = build(EVENTS, project, name_machine(), PythonPlatform().version)
    wanted = describe_api_function(unique_name, contract, settings)
    function = wanted["FunctionName"]

    code, site = choose_code(function, EVENTS, settings, built.path, project), open_function_site(settings)
    steps = plan_function(wanted, code, "python3.11", "x86_64", find_function(site, function, code))
    change_function(site, steps, code, lambda _: None)
    posted = [good_event(1), good_event(2), good_event(3, type="unknown")]
    with closing(open_lambda(settings)) as client:
        answers = [invoke_function(client, function, encode_request(f"r-{n}", posted)) for n in range(2)]

    told = [json.loads(answer["body"]) for answer in answers]
    assert [answer["statusCode"] for answer in answers] == [207, 207]
    assert [[event["status"] for event in body["events"]] for body in told] == [
        ["accepted", "accepted", "refused"], ["repeated", "repeated", "refused"],
    ]  # fmt: skip
    s3 = open_s3(settings.s3)
    for bucket, prefix in (
        (unique_bucket, receipts_prefix(unique_name)),
        (f"{unique_bucket}-errors", refused_prefix(unique_name)),
    ):
        assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 2


def make_stores(contract: EventContract, settings: Settings) -> None:
    """The table, the stream and the bucket of errors."""
    open_dynamodb(settings.s3).create_table(**describe_ids_table(contract))
    open_firehose(settings.s3).create_delivery_stream(
        DeliveryStreamName=name_stream(contract.name),
        ExtendedS3DestinationConfiguration=cast("Any", describe_stream(contract, settings)),
    )
    open_s3(settings.s3).create_bucket(Bucket=name_error_bucket(settings.s3.bucket))


def encode_request(request_id: str, events: list[dict[str, Any]]) -> bytes:
    """A request as API Gateway hands it to a function."""
    context = {"requestId": request_id, "requestTimeEpoch": 1_760_000_000_000, "identity": {"sourceIp": "192.0.2.1"}}
    body = b64encode(json.dumps(events).encode()).decode()
    return json.dumps({"requestContext": context, "body": body, "isBase64Encoded": True}).encode()


@pytest.mark.parametrize(("recipe", "other"), [(KAFKA, EVENTS), (EVENTS, KAFKA)], ids=["kafka", "events"])
def test_the_package_of_another_function_is_refused(
    session_settings: Settings, tmp_path: Path, recipe: Recipe, other: Recipe
) -> None:
    archive = tmp_path / "other.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(other.handler_path, "")

    with pytest.raises(ConfigurationError, match=f"package {recipe.name}`"):
        choose_code("f", recipe, session_settings, archive, tmp_path)


@pytest.mark.chaos
@RECIPES
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_a_package_for_each_of_lambdas_platforms_holds_what_that_one_can_load(
    tmp_path: Path, recipe: Recipe, architecture: Architecture, version: str
) -> None:
    built = check_package(recipe, tmp_path / "one", architecture, version)

    assert build(recipe, tmp_path / "other", architecture, version).path.read_bytes() == built.path.read_bytes()


@RECIPES
def test_a_package_for_arm_holds_what_arm_can_load(tmp_path: Path, recipe: Recipe) -> None:
    check_package(recipe, tmp_path, "arm64", "3.12")


def check_package(recipe: Recipe, folder: Path, architecture: Architecture, version: str) -> FunctionPackage:
    """A package is within Lambda's limits, of one platform, and holds what the handler needs and nothing of the rest."""
    built = build(recipe, folder, architecture, version)
    needed, foreign = CONTENTS[recipe.name]

    assert built.unpacked_bytes < MAX_UNPACKED_BYTES
    assert read_machines(built) == {MACHINES[architecture]}
    with zipfile.ZipFile(built.path) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert needed | {recipe.handler_path} <= set(names)
    assert not [name for name in names if name.startswith((*FOREIGN, *foreign))]
    assert built.path == folder / recipe.archive
    return built


def test_a_python_that_lambda_has_not_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"--python-version: found '3.9', allowed: 3.11"):
        choose_platform("3.9", "arm64")
