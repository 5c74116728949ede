"""Which Java is found, and what a user without a fitting one is told."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline_contract.errors import ConfigurationError
from sandbox.java import find_java, parse_java_major


class VersionCase(NamedTuple):
    name: str
    printed: str
    major: int | None


@pytest.mark.parametrize(
    "case",
    [
        VersionCase("17", 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        VersionCase("21 without update", 'openjdk version "21" 2023-09-19', 21),
        VersionCase("8", 'java version "1.8.0_392"', 8),
        VersionCase("early access", 'openjdk version "25-ea" 2025-09-16', 25),
        VersionCase("warning first", 'Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "17.0.1"', 17),
        VersionCase("nothing", "command not found", None),
    ],
    ids=lambda case: case.name,
)
def test_the_major_version_is_read(case: VersionCase) -> None:
    assert parse_java_major(case.printed) == case.major


def install_fake_java(home: Path, script: str) -> None:
    """A `java` that is a shell script."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)


def test_java_home_comes_first(tmp_path: Path) -> None:
    install_fake_java(tmp_path, "echo 'openjdk version \"21.0.1\"' >&2")
    found = find_java(str(tmp_path))
    assert (found.executable, found.major) == (tmp_path / "bin" / "java", 21)


class MisfitCase(NamedTuple):
    name: str
    script: str
    said: str


@pytest.mark.parametrize(
    "case",
    [
        MisfitCase("too old", "echo 'java version \"1.8.0_392\"' >&2", "is Java 8; 17 or 21 is needed"),
        MisfitCase("no version", "echo hello", "printed no version: 'hello'"),
    ],
    ids=lambda case: case.name,
)
def test_a_java_that_does_not_fit_is_named_with_the_way_out(tmp_path: Path, case: MisfitCase) -> None:
    install_fake_java(tmp_path, case.script)
    with pytest.raises(ConfigurationError) as refused:
        find_java(str(tmp_path))
    assert case.said in str(refused.value)
    assert "openjdk-17" in str(refused.value)


def test_a_wrong_java_home_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"JAVA_HOME is .*does not exist.*openjdk-17"):
        find_java(str(tmp_path / "nowhere"))


def test_without_any_java_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"no `java` on the PATH.*openjdk-17"):
        find_java(None)
