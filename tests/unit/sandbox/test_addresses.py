"""The sandbox serves this machine only, at the addresses that the settings name."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pipeline_contract.errors import ConfigurationError
from sandbox.kafka import choose_properties
from sandbox.stack import read_address


class AddressCase(NamedTuple):
    name: str
    url: str
    address: tuple[str, int] | None


CASES = [
    AddressCase("kafka", "//127.0.0.1:19092", ("127.0.0.1", 19092)),
    AddressCase("http", "http://127.0.0.1:15000", ("127.0.0.1", 15000)),
    AddressCase("localhost", "//localhost:1", ("127.0.0.1", 1)),
    AddressCase("other machine", "//192.168.1.5:19092", None),
    AddressCase("every interface", "//0.0.0.0:19092", None),
    AddressCase("name", "//broker:9092", None),
    AddressCase("no port", "//127.0.0.1", None),
    AddressCase("two brokers", "//127.0.0.1:1,127.0.0.1:2", None),
    AddressCase("nothing", "", None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_one_loopback_address_is_served(case: AddressCase) -> None:
    if case.address is not None:
        assert read_address("some.setting", case.url) == case.address
        return
    with pytest.raises(ConfigurationError, match=r"some\.setting"):
        read_address("some.setting", case.url)


def test_the_broker_listens_on_its_address_and_makes_no_topic_by_itself() -> None:
    properties = choose_properties("127.0.0.1", 19092, 4711)
    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:4711"
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:4711"
    assert properties["auto.create.topics.enable"] == "false"
    assert properties["transaction.state.log.replication.factor"] == "1"
    assert not properties["log.dirs"].startswith("/")
