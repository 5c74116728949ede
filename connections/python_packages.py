"""Pinned packages for a Python that need not be this one, put into a folder by uv, and the project's files beside them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from pipeline_contract.contract_file import PIPELINES, load_contract
from pipeline_contract.errors import ConfigurationError, ServiceError

# Installers write into these where from and by whom.
_OF_INSTALLERS = (
    "bin",
    ".lock",
    *(f"*.dist-info/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "uv_cache.json")),
)


@dataclass(frozen=True)
class PythonPlatform:
    """The Python that runs what is packed: its minor version, and its platform in uv's words, None for this machine's."""

    version: str = f"{sys.version_info.major}.{sys.version_info.minor}"
    platform: str | None = None


def install_packages(
    requirements: Sequence[str],
    target: Path,
    constraints: Path,
    python: PythonPlatform,
    variables: Mapping[str, str],
    left_out: Sequence[str] = (),
) -> None:
    """Put pinned packages, as wheels, into a folder; `left_out` are patterns of what does nothing there."""
    command = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(target), "--constraint", str(constraints)]
    command += ["--only-binary", ":all:", "--link-mode", "copy", "--python-version", python.version]
    command += ["--python-platform", python.platform] if python.platform else []
    done = subprocess.run(  # noqa: S603 - the command is ours
        [*command, *requirements], env=dict(variables), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServiceError(
            f"uv cannot install the packages for Python {python.version} on {python.platform or 'this platform'}:"
            f"\n{done.stderr.strip()}\nCheck the network (or its proxy settings) and the version and platform, and run it again"
        )
    for path in [path for pattern in (*_OF_INSTALLERS, *left_out) for path in target.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def list_project_files(project: Path) -> Iterator[Path]:
    """The project's own files that a pipeline reads: all of `conf/`, and the reference tables of its contracts."""
    yield from (path for path in project.glob("conf/**/*") if path.is_file())
    for contract in map(load_contract, sorted((project / PIPELINES).glob("*.toml"))):
        for lookup in contract.lookups:
            place = Path(lookup.file)
            if place.is_absolute() or ".." in place.parts or not (project / place).is_file():
                raise ConfigurationError(
                    f"lookup {lookup.name!r} of {contract.name}: {place} is no file below {project.resolve()}; a package "
                    "can only have what stands in the project's folder"
                )
            yield project / place


def copy_files(source: Path, files: Iterable[Path], target: Path) -> None:
    """Copy files to the same places below another folder."""
    for file in files:
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def list_packed_files(folder: Path) -> list[Path]:
    """What of a folder goes into an archive, always in one order."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())
