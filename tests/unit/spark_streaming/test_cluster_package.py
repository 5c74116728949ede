"""The archive for clusters: what goes into it, how it starts Python, and that its bytes depend on nothing else."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
import tarfile
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from connections.python_packages import PythonPlatform, list_project_files
from pipeline_contract.errors import ConfigurationError
from spark_streaming.cluster_package import REQUIREMENTS, ROOMS, pack_folder, write_launcher
from spark_streaming.job import execute

# Brought by the cluster's Spark.
OF_SPARK = {"pyspark", "py4j"}
LOOKUP = """
[[lookup]]
name = "places"
file = "{file}"
on = {{ name = "code" }}
columns = [{{ name = "place" }}]
"""


def list_installed(names: tuple[str, ...]) -> set[str]:
    """The distributions of these names with all that they require."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needed = map(Requirement, distribution(name).requires or ())
            waiting += [
                canonicalize_name(r.name) for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})
            ]
    return found


def list_imports(path: Path) -> set[str]:
    """The top-level packages that a module imports when it runs: not those for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    nodes = [node for node in ast.walk(tree) if id(node) not in typing_only]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.split(".")[0] for name in names}


def test_every_package_that_the_job_imports_is_in_the_archive() -> None:
    imported = {name for room in ROOMS for path in Path(room).rglob("*.py") for name in list_imports(path)}
    others = imported - set(sys.stdlib_module_names) - set(ROOMS) - OF_SPARK - {"uv"}

    distributions = packages_distributions()

    missing = {
        name
        for name in others
        if not {canonicalize_name(d) for d in distributions[name]} & list_installed(REQUIREMENTS)
    }
    assert not missing


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    sums = []
    for name in ("one", "other"):
        folder = tmp_path / name
        files = {"lib/b.py": "b", "lib/a.py": "a", "bin/python": "sh", "lib/__pycache__/a.pyc": name}
        for place, text in sorted(files.items(), reverse=name == "other"):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(text)
            os.utime(folder / place, (len(name), len(name)))
        packed = pack_folder(folder, tmp_path / f"{name}.tar.gz")
        sums.append(hashlib.sha256(packed.path.read_bytes()).hexdigest())

    assert sums[0] == sums[1]
    assert (packed.files, packed.unpacked_bytes) == (3, 4)
    with tarfile.open(packed.path) as archive:
        assert archive.getnames() == ["bin/python", "lib/a.py", "lib/b.py"]


def test_the_launcher_starts_the_nodes_python_with_the_archives_packages_behind_its_own(tmp_path: Path) -> None:
    launcher = write_launcher(tmp_path / "environment", PythonPlatform())
    (tmp_path / "environment" / "lib").mkdir()
    (tmp_path / "environment" / "lib" / "of_the_archive.py").touch()
    program = "import of_the_archive, os, sys; print(sys.path[1:3], os.environ['MILLRACE_HOME'])"
    variables = {"PATH": "/usr/bin:/bin", "MILLRACE_PYTHON": sys.executable, "PYTHONPATH": "/of/spark"}

    # From another folder, by a path that is relative, as Spark starts it.
    ran = subprocess.run(
        ["environment/bin/python", "-c", program],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )

    home = str(launcher.parents[1])
    assert ran.stdout.strip() == f"{['/of/spark', home + '/lib']} {home}"


def test_contracts_and_their_reference_tables_go_along(tmp_path: Path) -> None:
    write_contract(tmp_path, "data/places.csv")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "places.csv").write_text("code,place\n")
    (tmp_path / "data" / "other.csv").touch()

    found = {path.relative_to(tmp_path).as_posix() for path in list_project_files(tmp_path)}

    assert found == {"conf/pipelines/readings.toml", "data/places.csv"}


@pytest.mark.parametrize(
    "file", ["data/places.csv", "../places.csv", "/etc/hosts"], ids=["missing", "above", "absolute"]
)
def test_a_reference_table_that_cannot_go_along_is_named(tmp_path: Path, file: str) -> None:
    write_contract(tmp_path / "project", file)
    (tmp_path / "places.csv").write_text("code,place\n")

    with pytest.raises(ConfigurationError, match=f"'places' of readings: {file}"):
        list(list_project_files(tmp_path / "project"))


def write_contract(project: Path, lookup_file: str) -> None:
    """A project's folder with one contract, which looks up in a file."""
    pipelines = project / "conf" / "pipelines"
    pipelines.mkdir(parents=True)
    text = Path("conf/pipelines/readings.toml").read_text(encoding="utf-8")
    (pipelines / "readings.toml").write_text(text + LOOKUP.format(file=lookup_file))


def test_the_job_reads_contracts_and_settings_from_the_folder_that_millrace_home_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf" / "environments").mkdir(parents=True)
    (tmp_path / "conf" / "environments" / "of_the_archive.toml").touch()
    monkeypatch.chdir(Path.cwd())  # the job changes it for good: this sets it back
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))

    code = execute("flights", "moon", lambda _: None, quiet=True)

    assert code == 2
    assert "known: of_the_archive" in capsys.readouterr().out
