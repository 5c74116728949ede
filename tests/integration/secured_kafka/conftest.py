"""The secured broker of the tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.secured_kafka.secured_broker import SecuredBroker, run_secured_broker


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """One secured broker for all tests here."""
    with run_secured_broker(tmp_path_factory.mktemp("secured")) as running:
        yield running
