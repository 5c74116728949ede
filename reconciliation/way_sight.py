"""What a way without Spark shows of itself, whether it ends in tables or in objects."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from reconciliation.accounts import Reading
from reconciliation.findings import Finding
from reconciliation.row_keys import make_zone


@dataclass(frozen=True)
class EndRows:
    """The rows of one kind at the end of a way: all columns, and as `place` the object of each, null in a table.

    `name` is what findings call it; `odd_columns` are those whose values are not of the contract's type any more.
    """

    name: str
    rows: pa.Table
    odd_columns: tuple[str, ...] = ()

    @property
    def zone(self) -> pa.Table:
        """Passport, place and keys of the rows."""
        return make_zone(self.rows)


@dataclass(frozen=True)
class WaySight:
    """The rows at a way's end, and how far it says it has come; what is wrong with its own books as findings."""

    curated: EndRows
    rejected: EndRows
    reading: Reading
    findings: tuple[Finding, ...] = ()
    trouble: str | None = None
