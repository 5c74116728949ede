"""A data set by its name, however its rows come: from the topic of a pipeline, or posted to the API of events."""

from __future__ import annotations

from pathlib import Path

from pipeline_contract.contract_file import EVENTS, PIPELINES, list_contracts, load_contract, read_toml
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_contract_file import list_event_contracts, load_event_contract
from pipeline_contract.event_model import EventContract
from pipeline_contract.model import Contract

DataSet = Contract | EventContract


def load_data_set(name: str) -> DataSet:
    """The contract of a data set, by its name or its contract file's path; an unknown name tells those there are."""
    if name.endswith(".toml"):
        path = Path(name)
        return load_event_contract(path) if "type" in read_toml(path) else load_contract(path)
    for folder, load in ((PIPELINES, load_contract), (EVENTS, load_event_contract)):
        path = folder / f"{name}.toml"
        if path.is_file():
            return load(path)
    raise refuse_names([name], list_contracts(), list_event_contracts())


def refuse_names(names: list[str], pipelines: list[str], events: list[str]) -> ConfigurationError:
    """The error for names that neither a pipeline nor a set of events has."""
    known = f"pipelines: {', '.join(pipelines) or 'none'}; events: {', '.join(events) or 'none'}"
    return ConfigurationError(f"no pipeline and no events {', '.join(map(repr, names))} (known {known})")
