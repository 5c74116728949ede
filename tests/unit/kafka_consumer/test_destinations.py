"""Destinations are found by name, built-in ones and those of other packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from connections.settings import Settings
from kafka_consumer.destination import BUILT_IN, list_destinations, open_destination
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.ways import name_group, name_way

CONTRACT = load_contract(find_contract("readings"))


def test_every_built_in_destination_can_be_loaded() -> None:
    assert all(callable(list_destinations()[name].load()) for name in BUILT_IN)


def test_an_unknown_destination_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"--to: found 'nowhere', allowed: .*snowflake"):
        open_destination("nowhere", CONTRACT, Settings())


def test_another_package_adds_a_destination_and_takes_no_built_in_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere.py").write_text("def open_it(contract, settings):\n    return [contract.name]\n")
    metadata = tmp_path / "elsewhere-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1\n")
    points = "[millrace.destinations]\nelsewhere = elsewhere:open_it\nsnowflake = elsewhere:open_it\n"
    (metadata / "entry_points.txt").write_text(points)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    opened: object = open_destination("elsewhere", CONTRACT, Settings())
    assert opened == ["readings"]
    assert list_destinations()["snowflake"].value == BUILT_IN["snowflake"]


@pytest.mark.parametrize(
    ("destination", "way"), [("snowflake", "direct"), ("s3", "s3"), ("lambda", "lambda"), ("x", "x")]
)
def test_each_way_has_a_group_of_its_own(destination: str, way: str) -> None:
    assert name_group("flights", name_way(destination)) == f"millrace-flights-{way}"
