"""What `make setup` says before anything else, where Python or Java is missing or of another version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

TOOLS = ("bash", "sed", "head", "cat")


class Case(NamedTuple):
    java: str | None
    python: bool
    status: int
    words: tuple[str, ...]


CASES = {
    "both there": Case("17.0.9", True, 0, ()),
    "Java 21": Case("21", True, 0, ()),
    "Java 11": Case("11.0.2", True, 2, ("Java 17 or 21", "11.0.2", "openjdk-17", "JAVA_HOME")),
    "Java 8": Case("1.8.0_392", True, 2, ("Java 17 or 21", "1.8.0_392")),
    "no Java": Case(None, True, 2, ("Java 17 or 21", "openjdk-17")),
    "old Python": Case("17", False, 2, ("Python 3.11 or later", "Python 3.8.1", "python3.12")),
}


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_prerequisites(case: Case, tmp_path: Path) -> None:
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(next(p for d in os.get_exec_path() if (p := Path(d) / tool).exists()))
    if case.java:
        write_program(tmp_path / "java", f"#!/bin/sh\necho 'openjdk version \"{case.java}\"' >&2\n")
    if case.python:
        (tmp_path / "python3").symlink_to(sys.executable)
    else:
        write_program(tmp_path / "python3", '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1 || exit 1\n')

    answer = subprocess.run(
        [str(tmp_path / "bash"), ".ci/prerequisites"],
        env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert answer.returncode == case.status, answer.stderr
    assert all(word in answer.stderr for word in case.words), answer.stderr
    assert bool(answer.stdout) == (case.status == 0)
