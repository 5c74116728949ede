"""What the project and other packages offer under one name, found by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points


def list_extensions(group: str, built_in: Mapping[str, str]) -> dict[str, EntryPoint]:
    """Everything of a group by name, none of it imported; another package cannot take the place of a built-in one.

    Source: packaging.python.org/en/latest/specifications/entry-points
    """
    own = {name: EntryPoint(name, target, group) for name, target in built_in.items()}
    return {point.name: point for point in entry_points(group=group)} | own
