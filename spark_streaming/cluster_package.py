"""What a cluster needs of this project, in one archive: the job, the packages that it imports, contracts, reference data.

The archive unpacks to a folder with `bin/python`, which starts the node's own Python with all of that on its path. The
same input gives the same bytes. pyspark is left out: the cluster's Spark brings its own.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connections.python_packages import (
    PythonPlatform,
    copy_files,
    install_packages,
    list_packed_files,
    list_project_files,
)
from spark_streaming.targets import PACKAGE, PACKAGE_FOLDER

PROJECT = Path(__file__).parents[1]
ROOMS = ("pipeline_contract", "connections", "spark_streaming")
# What these rooms import; `constraints.txt` has the versions.
REQUIREMENTS = (
    "aws-msk-iam-sasl-signer-python",
    "boto3",
    "confluent-kafka",
    "deltalake",
    "fastavro",
    "jsonschema",
    "orjson",
    "prometheus-client",
    "pyarrow",
    "pydantic",
    "pydantic-settings",
    "rich",
    "snowflake-connector-python",
    "sqlglot",
    "tenacity",
    "typer",
)
# Headers, tests and services of a library do nothing on a cluster.
_LEFT_OUT = tuple(f"pyarrow/{name}" for name in ("include", "includes", "src", "tests", "*_flight*"))
_LAUNCHER = """#!/bin/sh
# The node's own Python {version}, with the packages of this archive and its project folder.
home=$(cd "$(dirname "$0")/.." && pwd)
export MILLRACE_HOME="${{MILLRACE_HOME:-$home}}"
export PYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}$home/lib"
exec "${{MILLRACE_PYTHON:-python{version}}}" "$@"
"""


@dataclass(frozen=True)
class ClusterPackage:
    """An archive that was built: its path and bytes, and the number and bytes of the files in it."""

    path: Path
    bytes: int
    files: int
    unpacked_bytes: int


def build_package(project: Path, python: PythonPlatform, variables: Mapping[str, str]) -> ClusterPackage:
    """Build the archive and, beside it, the folder that it unpacks to, below `project`; both are replaced as a whole."""
    folder = project / PACKAGE_FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    install_packages(REQUIREMENTS, folder / "lib", project / "constraints.txt", python, variables, _LEFT_OUT)
    for room in ROOMS:
        copy_files(PROJECT, PROJECT.glob(f"{room}/**/*.py"), folder / "lib")
    copy_files(project, list_project_files(project), folder)
    write_launcher(folder, python)
    return pack_folder(folder, project / PACKAGE)


def write_launcher(folder: Path, python: PythonPlatform) -> Path:
    """Write what stands in the archive as its Python."""
    launcher = folder / "bin" / "python"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(_LAUNCHER.format(version=python.version))
    launcher.chmod(0o755)
    return launcher


def pack_folder(folder: Path, archive: Path) -> ClusterPackage:
    """Pack a folder's files in order, without times and owners, so that the same files give the same bytes."""
    files = list_packed_files(folder)
    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in files:
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            member.mode = 0o755 if path.parent.name == "bin" else 0o644
            with path.open("rb") as content:
                tar.addfile(member, content)
    return ClusterPackage(archive, archive.stat().st_size, len(files), sum(path.stat().st_size for path in files))
