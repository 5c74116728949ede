"""Sets of events for tests: the shipped contract under another name, with a schema of its own."""

from __future__ import annotations

from pathlib import Path

from pipeline_contract.contract_file import EVENTS
from pipeline_contract.event_contract_file import load_event_contract
from pipeline_contract.event_model import EventContract


def write_event_contract(folder: Path, name: str) -> Path:
    """The file of a set of events that no other test uses."""
    text = (EVENTS / "events.toml").read_text(encoding="utf-8")
    text = text.replace('name = "events"', f'name = "{name}"', 1).replace('schema = "EVENTS"', f'schema = "{name}"', 1)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def make_event_contract(folder: Path, name: str) -> EventContract:
    """Such a set of events."""
    return load_event_contract(write_event_contract(folder, name))
