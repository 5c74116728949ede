"""A project's folder beside this one, with the archive for clusters built in it."""

from __future__ import annotations

import os
from pathlib import Path

from connections.python_packages import PythonPlatform
from spark_streaming.cluster_package import build_package


def build_project(folder: Path) -> Path:
    """A project's folder with this project's contracts and reference tables, and the archive built."""
    for name in ("conf", "data"):
        for path in (path for path in Path(name).rglob("*") if path.is_file()):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(path.read_bytes())
    (folder / "constraints.txt").write_bytes(Path("constraints.txt").read_bytes())
    build_package(folder, PythonPlatform(), os.environ)
    return folder
