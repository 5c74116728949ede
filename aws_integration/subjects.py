"""What a command is about: a pipeline or a set of events, whichever goes by a name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline_contract.contract_file import find_contract, list_contracts, load_contract, read_toml
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_contract_file import find_event_contract, list_event_contracts, load_event_contract
from pipeline_contract.event_model import EventContract
from pipeline_contract.model import Contract

SubjectArgument = Annotated[
    str, typer.Argument(help="A pipeline's name, or that of a set of events, or its contract file.", show_default=False)
]


def load_subject(name: str) -> Contract | EventContract:
    """The contract of a pipeline or of a set of events; `ConfigurationError` for a name that neither has."""
    if name.endswith(".toml"):
        path = Path(name)
        return load_event_contract(path) if "type" in read_toml(path) else load_contract(path)
    if name in list_contracts():
        return load_contract(find_contract(name))
    if name in list_event_contracts():
        return load_event_contract(find_event_contract(name))
    raise refuse_names([name], list_contracts(), list_event_contracts())


def refuse_names(names: list[str], pipelines: list[str], events: list[str]) -> ConfigurationError:
    """The error for names that neither a pipeline nor a set of events has."""
    known = f"pipelines: {', '.join(pipelines) or 'none'}; events: {', '.join(events) or 'none'}"
    return ConfigurationError(f"no pipeline and no events {', '.join(map(repr, names))} (known {known})")
