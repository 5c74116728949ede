"""What a cluster needs of this project, in one archive: the job, the packages that it imports, contracts, reference data.

The archive unpacks to a folder with `bin/python`, which starts the node's own Python with all of that on its path. The
same input gives the same bytes. pyspark is left out: the cluster's Spark brings its own.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from pipeline_contract.contract_file import PIPELINES, load_contract
from pipeline_contract.errors import ConfigurationError, ServiceError
from spark_streaming.targets import PACKAGE, PACKAGE_FOLDER

PROJECT = Path(__file__).parents[1]
ROOMS = ("pipeline_contract", "connections", "spark_streaming")
# What these rooms import; `constraints.txt` has the versions.
REQUIREMENTS = (
    "boto3",
    "confluent-kafka",
    "deltalake",
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
# Installers write into these where from and by whom; headers, tests and services of a library do nothing on a cluster.
_LEFT_OUT = (
    "bin",
    ".lock",
    *(f"*.dist-info/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "uv_cache.json")),
    *(f"pyarrow/{name}" for name in ("include", "includes", "src", "tests", "*_flight*")),
)
_LAUNCHER = """#!/bin/sh
# The node's own Python {version}, with the packages of this archive and its project folder.
home=$(cd "$(dirname "$0")/.." && pwd)
export MILLRACE_HOME="${{MILLRACE_HOME:-$home}}"
export PYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}$home/lib"
exec "${{MILLRACE_PYTHON:-python{version}}}" "$@"
"""


@dataclass(frozen=True)
class PythonPlatform:
    """The Python of the cluster's nodes: its minor version, and its platform in uv's words, None for this machine's."""

    version: str = f"{sys.version_info.major}.{sys.version_info.minor}"
    platform: str | None = None


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
    install_requirements(folder / "lib", project / "constraints.txt", python, variables)
    for room in ROOMS:
        copy_files(PROJECT, PROJECT.glob(f"{room}/**/*.py"), folder / "lib")
    copy_files(project, list_project_files(project), folder)
    write_launcher(folder, python)
    return pack_folder(folder, project / PACKAGE)


def install_requirements(target: Path, constraints: Path, python: PythonPlatform, variables: Mapping[str, str]) -> None:
    """Put the pinned packages, as wheels, into a folder for a Python that need not be this one."""
    command = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(target), "--constraint", str(constraints)]
    command += ["--only-binary", ":all:", "--link-mode", "copy", "--python-version", python.version]
    command += ["--python-platform", python.platform] if python.platform else []
    done = subprocess.run(  # noqa: S603 - the command is ours
        [*command, *REQUIREMENTS], env=dict(variables), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServiceError(
            f"uv cannot install the cluster's packages for Python {python.version} on {python.platform or 'this platform'}:"
            f"\n{done.stderr.strip()}\nCheck the network (or its proxy settings) and the version and platform, and run it again"
        )
    for path in [path for pattern in _LEFT_OUT for path in target.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def write_launcher(folder: Path, python: PythonPlatform) -> Path:
    """Write what stands in the archive as its Python."""
    launcher = folder / "bin" / "python"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(_LAUNCHER.format(version=python.version))
    launcher.chmod(0o755)
    return launcher


def list_project_files(project: Path) -> Iterator[Path]:
    """The project's own files that the job reads: all of `conf/`, and the reference tables of its contracts."""
    yield from (path for path in project.glob("conf/**/*") if path.is_file())
    for contract in map(load_contract, sorted((project / PIPELINES).glob("*.toml"))):
        for lookup in contract.lookups:
            place = Path(lookup.file)
            if place.is_absolute() or ".." in place.parts or not (project / place).is_file():
                raise ConfigurationError(
                    f"lookup {lookup.name!r} of {contract.name}: {place} is no file below {project.resolve()}; a cluster "
                    "can only have what stands in the project's folder"
                )
            yield project / place


def copy_files(source: Path, files: Iterator[Path], target: Path) -> None:
    """Copy files to the same places below another folder."""
    for file in files:
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def pack_folder(folder: Path, archive: Path) -> ClusterPackage:
    """Pack a folder's files in order, without times and owners, so that the same files give the same bytes."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files = sorted(found, key=lambda path: path.relative_to(folder).as_posix())
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
