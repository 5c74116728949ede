"""A demonstration that was run with KEEP=1, and its sandbox, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.demo.runbook import MAKE, Ended, Runbook


@pytest.fixture(scope="session")
def runbook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runbook]:
    """Commands against a sandbox of this session's own, which is reset at the end."""
    runbook = Runbook(tmp_path_factory.mktemp("demo") / "state")
    yield runbook
    runbook.run("python", "-m", "sandbox", "reset", "--quiet")
    for process in runbook.find_processes():
        process.kill()


@pytest.fixture(scope="session")
def demonstration(runbook: Runbook) -> Ended:
    """`make demo PIPELINE=readings KEEP=1`, run once; its sandbox is up."""
    return runbook.run(*MAKE, "demo", "PIPELINE=readings", "KEEP=1")


@pytest.fixture(scope="session", autouse=True)
def quick_jvms(class_archive: None) -> None:
    """All tests of this folder start Spark with the archive of its classes."""
