"""The deployment packages: one zip for each handler with all that it imports, contracts and reference data included.

The same input gives the same bytes.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from connections.python_packages import (
    PythonPlatform,
    copy_files,
    install_packages,
    list_packed_files,
    list_project_files,
)
from connections.settings import ENVIRONMENTS
from pipeline_contract.contract_file import EVENTS as EVENT_CONTRACTS
from pipeline_contract.errors import ConfigurationError

Architecture = Literal["x86_64", "arm64"]

PROJECT = Path(__file__).parents[1]
MODULES = ("pipeline_contract/**/*.py", "connections/**/*.py", "aws_integration/__init__.py")
HANDLERS = "aws_integration/lambda_handlers"
# What every handler imports; `constraints.txt` has the versions.
REQUIREMENTS = ("aws-lambda-powertools", "aws-xray-sdk", "pydantic", "pydantic-settings", "sqlglot", "tenacity")
# docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_UNPACKED_BYTES = 250 * 1024 * 1024
# docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html: with Python 3.12 the C library became that of Amazon Linux 2023.
RUNTIMES = {"3.11": "manylinux2014", "3.12": "manylinux_2_28", "3.13": "manylinux_2_28", "3.14": "manylinux_2_28"}
_MACHINES: dict[Architecture, str] = {"x86_64": "x86_64", "arm64": "aarch64"}
# The first moment that a zip can name.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Recipe:
    """What goes into one handler's package: modules of `lambda_handlers`, packages, and files of the project's folder."""

    name: str
    handler_module: str
    modules: tuple[str, ...]
    requirements: tuple[str, ...]
    list_files: Callable[[Path], Iterator[Path]]

    @property
    def handler(self) -> str:
        """The handler as Lambda is told it."""
        return f"{self.handler_path.removesuffix('.py').replace('/', '.')}.handle"

    @property
    def handler_path(self) -> str:
        """The handler's file in the package."""
        return f"{HANDLERS}/{self.handler_module}.py"

    @property
    def folder(self) -> Path:
        """What the package unpacks to, in the project's folder."""
        return Path(f"dist/millrace-{self.name}")

    @property
    def archive(self) -> Path:
        """The package, in the project's folder."""
        return Path(f"dist/millrace-{self.name}.zip")


def list_event_files(project: Path) -> Iterator[Path]:
    """The project's own files that the API's handler reads: settings, and the contracts of events."""
    for folder in (ENVIRONMENTS, EVENT_CONTRACTS):
        yield from (project / folder).glob("*.toml")


# pyarrow and librdkafka are left out: rows go in by INSERT, and Lambda reads Kafka.
KAFKA = Recipe(
    "kafka",
    "kafka_lambda_handler",
    ("event_writer", "row_writer", "secrets", "warehouse_session"),
    (*REQUIREMENTS, "fastavro", "orjson", "requests", "snowflake-connector-python"),
    list_project_files,
)
# Lambda has a boto3 of its own, which need not fit the botocore that the SDK for traces brings.
EVENTS = Recipe(
    "events",
    "api_gateway_lambda_handler",
    ("event_ids", "event_intake", "event_stream", "secrets"),
    (*REQUIREMENTS, "boto3", "jsonschema"),
    list_event_files,
)


@dataclass(frozen=True)
class FunctionPackage:
    """A package that was built: its path and bytes, and the number and bytes of the files in it."""

    path: Path
    bytes: int
    files: int
    unpacked_bytes: int


def choose_platform(version: str, architecture: Architecture) -> PythonPlatform:
    """Lambda's Python of this version; `ConfigurationError` where Lambda, or this project, has none."""
    if version not in RUNTIMES:
        raise ConfigurationError(f"--python-version: found {version!r}, allowed: {', '.join(RUNTIMES)}")
    return PythonPlatform(version, f"{_MACHINES[architecture]}-{RUNTIMES[version]}")


def build_package(
    recipe: Recipe, project: Path, python: PythonPlatform, variables: Mapping[str, str]
) -> FunctionPackage:
    """Build the zip and, beside it, the folder that it unpacks to, below `project`; both are replaced as a whole."""
    folder = project / recipe.folder
    shutil.rmtree(folder, ignore_errors=True)
    install_packages(recipe.requirements, folder, project / "constraints.txt", python, variables)
    handlers = (f"{HANDLERS}/{module}.py" for module in ("__init__", recipe.handler_module, *recipe.modules))
    for pattern in (*MODULES, *handlers):
        copy_files(PROJECT, PROJECT.glob(pattern), folder)
    copy_files(project, recipe.list_files(project), folder)
    package = pack_folder(folder, project / recipe.archive)
    if package.unpacked_bytes > MAX_UNPACKED_BYTES:
        raise ConfigurationError(
            f"{package.path} unpacks to {package.unpacked_bytes / 2**20:.0f} MB, but Lambda takes "
            f"{MAX_UNPACKED_BYTES / 2**20:.0f} MB at most: make the reference tables of the contracts smaller"
        )
    return package


def pack_folder(folder: Path, archive: Path) -> FunctionPackage:
    """Pack a folder's files in order, without times and owners, so that the same files give the same bytes."""
    files = list_packed_files(folder)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for path in files:
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _NO_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            # Lambda's own user reads them.
            member.external_attr = 0o644 << 16
            packed.writestr(member, path.read_bytes())
    return FunctionPackage(archive, archive.stat().st_size, len(files), sum(path.stat().st_size for path in files))
