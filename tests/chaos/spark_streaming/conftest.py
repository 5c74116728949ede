"""The job, again and again."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def quick_jvms(class_archive: None) -> None:
    """All tests of this folder start Spark with the archive of its classes."""
