"""What the file readers hand on: the rows of one staged file, and the rows that could not be read."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

ROW_NUMBER = "METADATA$FILE_ROW_NUMBER"


class RowError(NamedTuple):
    """One row that cannot be loaded: its number in the file (from 1), the reason, and where in the row it lies."""

    row_number: int
    message: str
    column_name: str | None = None
    character: int | None = None


class StagedRows(NamedTuple):
    """The readable rows of a text file as columns C1…Cn and the row number; `errors` lists the others."""

    table: pa.Table
    errors: list[RowError]


def name_column(number: int) -> str:
    """Return the name under which `$number` is found in StagedRows."""
    return f"C{number}"
