"""The reference tables that a contract's lookups name: are they there, and have they the columns?"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from pipeline_contract.model import Contract, Lookup


def find_lookup_problems(contract: Contract, root: Path) -> list[str]:
    """What is wrong with the lookups' files, which stand relative to the project's folder `root`."""
    return [problem for lookup in contract.lookups for problem in _check_lookup(lookup, root)]


def _check_lookup(lookup: Lookup, root: Path) -> Iterator[str]:
    where, path = f"lookup {lookup.name!r}", root / lookup.file
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except OSError as error:
        yield f"{where}.file: {path} cannot be read: {error.strerror}"
        return
    except (UnicodeDecodeError, csv.Error) as error:
        yield f"{where}.file: {path} is not CSV in UTF-8: {error}"
        return
    wanted = [("on", name) for name in lookup.on.values()]
    wanted += [("columns", column.source or column.name) for column in lookup.columns]
    for key, name in wanted:
        if name not in header:
            yield f"{where}.{key}: {path} has no column {name!r}; it has: {', '.join(header) or 'no header at all'}"
