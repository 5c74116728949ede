"""The one type system, with one mapping each to Spark, Snowflake, Glue/Athena and JSON Schema."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")
ALLOWED = "string, integer, bigint, double, decimal(p,s), boolean, date, timestamp"

# Snowflake: docs.snowflake.com/en/sql-reference/data-types-numeric; Athena:
# docs.aws.amazon.com/athena/latest/ug/data-types.html. Times are UTC microseconds without a zone everywhere.
# Spark's own `timestamp` is an instant: Snowflake would show it in the account's time zone (isAdjustedToUTC).
_SPARK = {"integer": "int", "binary": "binary", "timestamp": "timestamp_ntz"}
_SNOWFLAKE = {
    "string": "VARCHAR",
    "integer": "NUMBER(10,0)",
    "bigint": "NUMBER(19,0)",
    "double": "FLOAT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP_NTZ(6)",
    "binary": "BINARY",
    "variant": "VARIANT",
}
# The raw zone's own type, and the staging table's.
_UNDECLARED = ("binary", "variant")
_GLUE = {"integer": "int"}
# The smallest decimal as which Spark's Parquet reader reads every file of a whole number's type (one digit more than a
# bigint has).
_DIGITS = {"integer": (10, 0), "bigint": (20, 0)}
_MAX_DIGITS = 38
_JSON_SCHEMA: dict[str, dict[str, object]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "bigint": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "double": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "binary": {"type": "string", "contentEncoding": "base64"},
}


@dataclass(frozen=True)
class ColumnType:
    """One type of the contract; `precision` and `scale` are set for decimals alone."""

    name: str
    precision: int | None = None
    scale: int | None = None

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.name == "decimal" else self.name

    @property
    def spark(self) -> str:
        """The type's name in a Spark DDL schema."""
        return _SPARK.get(self.name, str(self))

    @property
    def snowflake(self) -> str:
        """The type's name in a Snowflake CREATE TABLE."""
        return f"NUMBER({self.precision},{self.scale})" if self.name == "decimal" else _SNOWFLAKE[self.name]

    @property
    def glue(self) -> str:
        """The type's name in the Glue catalog and in Athena's DDL."""
        return _GLUE.get(self.name, str(self))

    def widens_to(self, other: ColumnType) -> bool:
        """Whether every value of this type is one of `other` too, and files and tables can change to it.

        Spark and Arrow read the old files, and Snowflake lets a NUMBER's precision grow and never its scale:
        docs.snowflake.com/en/sql-reference/sql/alter-table-column
        """
        if self.name not in _DIGITS and self.name != "decimal":
            return False
        precision, scale = _DIGITS.get(self.name, (self.precision, self.scale))
        assert precision is not None  # noqa: S101 - parse_type sets it
        if other.name == "decimal":
            assert other.precision is not None  # noqa: S101
            return self != other and other.scale == scale and other.precision >= precision
        return self.name == "integer" and other.name == "bigint"

    def list_wider(self) -> tuple[str, ...]:
        """The types that this one widens to, as a person writes them."""
        if self.name == "decimal":
            return (
                () if self.precision == _MAX_DIGITS else (f"decimal({self.precision} to {_MAX_DIGITS},{self.scale})",)
            )
        decimals = (f"decimal({_DIGITS[self.name][0]} to {_MAX_DIGITS},0)",) if self.name in _DIGITS else ()
        return ("bigint", *decimals) if self.name == "integer" else decimals

    @property
    def is_json_text(self) -> bool:
        """Whether JSON lines hold a value as text: a reader of JSON numbers may round it, or drop the sign of -0.0."""
        return self.name in ("decimal", "double")

    @property
    def json_schema(self) -> dict[str, object]:
        """The JSON Schema that a value of this type meets; a decimal travels as text, so that no digit is lost."""
        if self.name == "decimal":
            assert self.precision is not None  # noqa: S101 - parse_type sets both
            assert self.scale is not None  # noqa: S101
            digits = rf"^-?\d{{1,{self.precision - self.scale}}}" if self.precision > self.scale else "^-?0?"
            fraction = rf"(\.\d{{1,{self.scale}}})?$" if self.scale else "$"
            return {"type": "string", "pattern": digits + fraction}
        return dict(_JSON_SCHEMA[self.name])


STRING = ColumnType("string")
INTEGER = ColumnType("integer")
BIGINT = ColumnType("bigint")
TIMESTAMP = ColumnType("timestamp")
BINARY = ColumnType("binary")
VARIANT = ColumnType("variant")
BOOLEAN = ColumnType("boolean")


def parse_type(text: str) -> ColumnType:
    """Read a type as a contract writes it, or raise `ValueError` that lists what is allowed.

    `binary` and `variant` are types of our own tables and cannot be declared.
    """
    if match := _DECIMAL.fullmatch(text):
        precision, scale = int(match[1]), int(match[2])
        if not 1 <= precision <= _MAX_DIGITS or scale > precision:
            raise ValueError(f"a decimal has 1 to 38 digits, of which at most all are decimals; allowed: {ALLOWED}")
        return ColumnType("decimal", precision, scale)
    if text in _SNOWFLAKE and text not in _UNDECLARED:
        return ColumnType(text)
    raise ValueError(f"allowed: {ALLOWED}")
