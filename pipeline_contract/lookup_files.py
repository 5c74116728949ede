"""The reference tables that a contract's lookups name: small CSV files, checked and read."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract, Lookup

LookupRows = dict[str, list[tuple[str | None, ...]]]


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


def read_lookups(contract: Contract) -> LookupRows:
    """Each lookup's rows by its name."""
    return {lookup.name: read_lookup_rows(contract, lookup) for lookup in contract.lookups}


def read_lookup_rows(contract: Contract, lookup: Lookup) -> list[tuple[str | None, ...]]:
    """The rows of a lookup's file: its key's text, then its columns' text, null where the contract says so.

    A missing file or column, or a key that stands twice (it would multiply rows), is refused with its name.
    """
    where = f"lookup {lookup.name!r} of {contract.name}: {lookup.file}"
    columns = [*lookup.on.values(), *(column.source or column.name for column in lookup.columns)]
    try:
        with Path(lookup.file).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := set(columns) - set(reader.fieldnames or ()):
                raise ConfigurationError(f"{where}: has no column {sorted(missing)}, only {reader.fieldnames}")
            rows = [tuple(row[name] for name in columns) for row in reader]
    except OSError as error:
        raise ConfigurationError(f"{where}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{where}: is not CSV in UTF-8: {error}") from error
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        key = row[: len(lookup.on)]
        if key in seen:
            raise ConfigurationError(f"{where}: the key {key} stands twice; a lookup must find one row at most")
        seen.add(key)
    nulls = contract.source.null_values
    return [tuple(None if value in nulls else value for value in row) for row in rows]
