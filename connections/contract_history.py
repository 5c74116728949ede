"""The contracts that a pipeline has run with: one object a version in the ledger, written once."""

from __future__ import annotations

from connections.ledger_objects import LedgerObjects
from pipeline_contract.contract_file import hash_contract
from pipeline_contract.evolution import Change, check_evolution
from pipeline_contract.layout import contract_key, contracts_prefix
from pipeline_contract.manifest import ContractRecord
from pipeline_contract.model import Contract


def read_contracts(objects: LedgerObjects, pipeline: str) -> list[Contract]:
    """Every contract that the pipeline has run with, one a version, in order."""
    keys = sorted(objects.list_keys(contracts_prefix(pipeline)))
    return [objects.parse(key, ContractRecord).contract for key in keys]


def adopt_contract(objects: LedgerObjects, contract: Contract) -> list[Change]:
    """Record a contract as the newest that its pipeline runs with, and return what has changed since the one before.

    Raises `ContractChanged`, with nothing written, where it may not follow that one. Of two drivers that come with
    different contracts of one version, one is recorded; the other is judged by it.
    """
    while True:
        history = read_contracts(objects, contract.name)
        changes = check_evolution(history, contract)
        if history and history[-1].version == contract.version:
            return changes
        record = ContractRecord(version=contract.version, contract_hash=hash_contract(contract), contract=contract)
        if objects.put_once(contract_key(contract.name, contract.version), record):
            return changes
