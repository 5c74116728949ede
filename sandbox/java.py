"""Finds a Java that Kafka and Spark can run on."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline_contract.errors import ConfigurationError

SUPPORTED_MAJORS = (17, 21)
VERSION_LINE = re.compile(r'version "(?P<first>\d+)(?:\.(?P<second>\d+))?')
HOW_TO_INSTALL = (
    "Install Java 17 or 21 (Debian/Ubuntu: `sudo apt-get install openjdk-17-jre-headless`; "
    "macOS: `brew install openjdk@17`; or https://adoptium.net) and set JAVA_HOME to it, or put `java` on the PATH."
)


@dataclass(frozen=True)
class Java:
    """A Java that was found and fits."""

    executable: Path
    major: int


def parse_java_major(version_output: str) -> int | None:
    """The major version in what `java -version` prints, or None when there is none; `1.8.0` counts as 8."""
    match = VERSION_LINE.search(version_output)
    if match is None:
        return None
    first = int(match["first"])
    return int(match["second"]) if first == 1 and match["second"] else first


def locate_java(java_home: str | None) -> Path:
    """The `java` of JAVA_HOME when that is set, else the one on the PATH; raises `ConfigurationError` without one."""
    if java_home:
        executable = Path(java_home).expanduser() / "bin" / "java"
        if executable.is_file():
            return executable
        raise ConfigurationError(f"JAVA_HOME is {java_home}, but {executable} does not exist. {HOW_TO_INSTALL}")
    on_path = shutil.which("java")
    if on_path is None:
        raise ConfigurationError(f"no `java` on the PATH, and JAVA_HOME is not set. {HOW_TO_INSTALL}")
    return Path(on_path)


def find_java(java_home: str | None) -> Java:
    """Find a Java 17 or 21, or raise `ConfigurationError` saying what was found instead and how to install one."""
    executable = locate_java(java_home)
    try:
        answer = subprocess.run([executable, "-version"], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"{executable} cannot be run: {error}. {HOW_TO_INSTALL}") from error
    printed = answer.stderr + answer.stdout
    major = parse_java_major(printed)
    if major is None:
        raise ConfigurationError(f"{executable} -version printed no version: {printed.strip()!r}. {HOW_TO_INSTALL}")
    if major not in SUPPORTED_MAJORS:
        raise ConfigurationError(f"{executable} is Java {major}; 17 or 21 is needed. {HOW_TO_INSTALL}")
    return Java(executable, major)
