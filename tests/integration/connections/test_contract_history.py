"""The contracts that a pipeline has run with, on a real (emulated) S3: one a version, whoever comes first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from connections.contract_history import adopt_contract, read_contracts
from connections.ledger_objects import LedgerObjects
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ContractChanged
from pipeline_contract.model import Column, Contract

FLIGHTS = load_contract(find_contract("flights", Path("conf/pipelines")))


@pytest.fixture
def objects(unique_bucket: str, session_settings: Settings) -> LedgerObjects:
    return LedgerObjects(open_s3(session_settings.s3), unique_bucket)


def add_column(contract: Contract, version: int, name: str) -> Contract:
    """The contract's next version, with one nullable column more."""
    column = Column.model_validate({"name": name, "type": "string"})
    return contract.model_copy(update={"version": version, "columns": (*contract.columns, column)})


def test_every_version_is_kept_as_it_was_first_run_with(objects: LedgerObjects) -> None:
    second = add_column(FLIGHTS, 2, "gate")

    assert adopt_contract(objects, FLIGHTS) == []
    assert adopt_contract(objects, FLIGHTS) == []
    assert [change.key for change in adopt_contract(objects, second)] == ["version", "column 'gate'"]
    assert [change.key for change in adopt_contract(objects, second.model_copy(update={"description": "x"}))] == [
        "description"
    ]

    assert read_contracts(objects, "flights") == [FLIGHTS, second]


def test_a_refused_contract_leaves_the_history_as_it_is(objects: LedgerObjects) -> None:
    adopt_contract(objects, FLIGHTS)
    moved = FLIGHTS.model_copy(update={"version": 2, "topic": FLIGHTS.topic.model_copy(update={"partitions": 8})})

    with pytest.raises(ContractChanged, match=r"topic\.partitions: 8, was 4"):
        adopt_contract(objects, moved)

    assert read_contracts(objects, "flights") == [FLIGHTS]


def test_of_two_drivers_with_different_contracts_of_one_version_one_is_told(objects: LedgerObjects) -> None:
    adopt_contract(objects, FLIGHTS)
    contracts = [add_column(FLIGHTS, 2, name) for name in ("gate", "terminal")]
    together = Barrier(2)

    def adopt(contract: Contract) -> str:
        together.wait()
        try:
            adopt_contract(objects, contract)
        except ContractChanged as error:
            return str(error)
        return "adopted"

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(adopt, contracts))

    assert outcomes.count("adopted") == 1
    assert "Write version = 3" in next(outcome for outcome in outcomes if outcome != "adopted")
    assert read_contracts(objects, "flights") == [FLIGHTS, contracts[outcomes.index("adopted")]]
