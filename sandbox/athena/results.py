"""A result as Athena gives it out: every value as text, and all of them as one CSV object. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.athena.types import ResultType

# Where Java begins to write a double with an exponent.
_SMALL, _LARGE = 1e-3, 1e7
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class ResultColumn:
    """One column of a result."""

    name: str
    type: ResultType

    def describe(self) -> dict[str, Any]:
        """Athena's ColumnInfo."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type.name,
            "Precision": self.type.precision,
            "Scale": self.type.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.type.name == "varchar",
        }


@dataclass(frozen=True)
class Result:
    """What a statement answers; `has_header` says that pages and object begin with the names, as those of a SELECT do."""

    columns: tuple[ResultColumn, ...]
    rows: tuple[Row, ...]
    has_header: bool = True

    @property
    def lines(self) -> tuple[Row, ...]:
        """The rows as they are given out."""
        return ((tuple(column.name for column in self.columns),) if self.has_header else ()) + self.rows

    def write_csv(self) -> bytes:
        """The result's object: every value in quotes, a null is nothing."""
        return "".join(",".join(map(_quote, row)) + "\n" for row in self.lines).encode()


def write_rows(rows: Iterable[Sequence[Any]]) -> tuple[Row, ...]:
    """Rows of the engine's values as text."""
    return tuple(tuple(None if value is None else write_value(value) for value in row) for row in rows)


def write_value(value: Any) -> str:  # noqa: PLR0911 - one line for each type
    """One value as Athena writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return _write_double(value)
        case Decimal():
            return f"{value:f}"
        case dt.datetime():
            zone = f" {value.tzname()}" if value.tzinfo else ""
            return value.replace(tzinfo=None).isoformat(" ", "milliseconds") + zone
        case bytes():
            return value.hex(" ")
        case list():
            return "[" + ", ".join("null" if item is None else write_value(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{k}={'null' if v is None else write_value(v)}" for k, v in value.items()) + "}"
        case _:
            return str(value)


def _write_double(value: float) -> str:
    if value != value or abs(value) == float("inf"):  # noqa: PLR0124 - NaN
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value == 0 or _SMALL <= abs(value) < _LARGE:
        text = f"{Decimal(repr(value)):f}"
        return text if "." in text else f"{text}.0"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    power = int(exponent) + len(digits) - 1
    return f"{'-' if sign else ''}{shown[0]}.{shown[1:] or '0'}E{power}"


def _quote(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'
