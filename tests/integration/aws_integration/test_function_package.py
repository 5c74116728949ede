"""The deployment package: built for Lambda's platforms, and run alone, by a Python that sees nothing else, on the sandbox."""

from __future__ import annotations

import os
import shutil
import struct
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from aws_integration.function_deployment import choose_code
from aws_integration.function_package import (
    ARCHIVE,
    MAX_UNPACKED_BYTES,
    Architecture,
    FunctionPackage,
    build_package,
    choose_platform,
)
from connections.functions import invoke_function, open_lambda
from connections.python_packages import PythonPlatform
from connections.settings import FunctionSettings, Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.kafka_event import OWN_PART, EventSlice, encode_event, name_function
from pipeline_contract.row_judge import Message
from tests.integration.kafka_consumer.functions import deploy_function
from tests.integration.kafka_consumer.pipelines import make_pipeline

# e_machine of an ELF file: refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINES: dict[Architecture, int] = {"x86_64": 62, "arm64": 183}


def build(folder: Path, architecture: Architecture, version: str) -> FunctionPackage:
    """A package of this project's contracts, in a folder of the test's own."""
    for part in ("conf", "data"):
        shutil.copytree(part, folder / part)
    shutil.copy("constraints.txt", folder)
    return build_package(folder, choose_platform(version, architecture), os.environ)


def read_machines(package: FunctionPackage) -> set[int]:
    """The processors of the compiled files in a package."""
    with zipfile.ZipFile(package.path) as archive:
        names = [name for name in archive.namelist() if ".so" in Path(name).suffixes]
        heads = [archive.read(name)[:20] for name in names]
    assert len(heads) > 10
    return {struct.unpack("<H", head[18:20])[0] for head in heads if head[:4] == b"\x7fELF"}


def test_the_archive_alone_writes_rows_on_the_sandbox(
    warehouse_settings: Settings, kafka_bootstrap: str, tmp_path: Path, unique_name: str
) -> None:
    """For this Python and, as uv resolves it, this platform, which the sandbox's Lambda runs with nothing installed beside it."""
    project = tmp_path / "project"
    pipeline = make_pipeline(tmp_path, unique_name, warehouse_settings)
    assert kafka_bootstrap
    pipeline.deploy()
    built = build(project, "x86_64" if os.uname().machine == "x86_64" else "arm64", PythonPlatform().version)
    settings = warehouse_settings.model_copy(update={"function": FunctionSettings(timeout_s=60)})

    steps = deploy_function(pipeline, settings, choose_code(pipeline.contract, settings, built.path, project))
    topic = pipeline.contract.topic.name
    value = b'{"_source_file":"f","_source_line":2,"id":"1","at":"2024-01-01 00:00:00","price":"1.25","kind":"a"}'
    messages = (Message(topic, "an id", 1, 7, 1, None, value), Message(topic, "an id", 1, 8, 1, None, b"damaged"))
    event = encode_event([EventSlice(topic, "an id", 1, 7, 9, messages)])
    with closing(open_lambda(settings)) as client:
        answers = [invoke_function(client, name_function(pipeline.name), event) for _ in range(2)]

    assert [step.call for step in steps] == ["put_object", "create_function"]
    assert [answer[OWN_PART]["rows"] for answer in answers] == [
        {"curated": 1, "rejected": 1, "repeated": 0}, {"curated": 0, "rejected": 0, "repeated": 2},
    ]  # fmt: skip
    assert pipeline.read_table("lambda", "curated", '"ID", "_OFFSET"') == [{"ID": 1, "_OFFSET": 7}]
    again = deploy_function(pipeline, settings, choose_code(pipeline.contract, settings, built.path, project))
    assert again == []


@pytest.mark.chaos
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_a_package_for_each_of_lambdas_platforms_holds_what_that_one_can_load(
    tmp_path: Path, architecture: Architecture, version: str
) -> None:
    built = check_package(tmp_path / "one", architecture, version)

    assert build(tmp_path / "other", architecture, version).path.read_bytes() == built.path.read_bytes()


def test_a_package_for_arm_holds_what_arm_can_load(tmp_path: Path) -> None:
    check_package(tmp_path, "arm64", "3.12")


def check_package(folder: Path, architecture: Architecture, version: str) -> FunctionPackage:
    """A package is within Lambda's limits, of one platform, and holds what the handler needs and nothing of the rest."""
    built = build(folder, architecture, version)

    assert built.unpacked_bytes < MAX_UNPACKED_BYTES
    assert read_machines(built) == {MACHINES[architecture]}
    with zipfile.ZipFile(built.path) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert {"conf/pipelines/flights.toml", "data/airlines.csv", "connections/warehouse.py"} <= set(names)
    assert not [name for name in names if name.startswith(("pyarrow/", "pyspark/", "confluent_kafka/", "sandbox/"))]
    assert built.path == folder / ARCHIVE
    return built


def test_a_python_that_lambda_has_not_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"--python-version: found '3.9', allowed: 3.11"):
        choose_platform("3.9", "arm64")
