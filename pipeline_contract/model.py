"""The contract as a frozen, validated model; read one with `pipeline_contract.contract_file.load_contract`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, Strict, StringConstraints

from pipeline_contract.column_types import STRING, ColumnType, parse_type
from pipeline_contract.durations import parse_duration, write_duration

NAME = r"^[a-z][a-z0-9_]*$"
WAREHOUSE_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
TOPIC_NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"
API_PATH = r"^/[a-z0-9-]+(/[a-z0-9-]+)*$"
FIELD_PATH = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
# What the patterns say, for people.
PATTERNS = {
    NAME: "lower-case letters, digits and _, beginning with a letter",
    WAREHOUSE_NAME: "letters, digits and _, not beginning with a digit",
    TOPIC_NAME: "letters, digits, '.', '_' and '-', not beginning with a dot",
    API_PATH: "a path such as /events: lower-case letters, digits, - and /",
    FIELD_PATH: "names joined by dots, such as order.id",
}

Name = Annotated[str, StringConstraints(pattern=NAME, max_length=120)]
WarehouseName = Annotated[str, StringConstraints(pattern=WAREHOUSE_NAME, max_length=200)]
# Kafka allows 249 characters; the topics of progress and rejected rows add an ending.
TopicName = Annotated[str, StringConstraints(pattern=TOPIC_NAME, max_length=230)]
# Numbers and switches are what they are in TOML: a text such as "1" is refused, not read.
WholeNumber = Annotated[int, Strict()]
Switch = Annotated[bool, Strict()]
OneCharacter = Annotated[str, StringConstraints(min_length=1, max_length=1)]
Expression = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
LakeFormat = Literal["parquet", "csv", "json", "delta"]


def _to_type(value: Any) -> ColumnType:
    return value if isinstance(value, ColumnType) else parse_type(str(value))


def _to_duration(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else parse_duration(str(value))


Type = Annotated[ColumnType, BeforeValidator(_to_type), PlainSerializer(str)]
Duration = Annotated[timedelta, BeforeValidator(_to_duration), PlainSerializer(write_duration)]


class Part(BaseModel):
    """A piece of the contract: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Csv(Part):
    """The dialect of a CSV source, in the standard terms."""

    delimiter: OneCharacter = ","
    quote: OneCharacter = '"'
    escape: OneCharacter | None = None
    double_quote: Switch = True
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"


class Source(Part):
    """What the producer reads."""

    format: Literal["csv", "jsonl"] = "csv"
    null_values: tuple[str, ...] = ("",)
    csv: Csv = Csv()


class Topic(Part):
    """The Kafka topic; `key` names the columns whose values make the message key and so the partition."""

    name: TopicName
    partitions: WholeNumber = Field(default=1, ge=1, le=10_000)
    key: tuple[Name, ...] = Field(min_length=1)
    retention: Duration = timedelta(days=7)
    max_message_bytes: WholeNumber = Field(default=1_048_576, ge=1024, le=100_000_000)
    value_format: Literal["json", "csv", "avro"] = "json"

    @property
    def rejected(self) -> str:
        """The topic of the rows that the producer could not parse or send."""
        return f"{self.name}.rejected"

    @property
    def progress(self) -> str:
        """The small compacted topic of the producer's progress, one key for each source."""
        return f"{self.name}.progress"


class EventTime(Part):
    """Which column says when a row happened, and how late a row may be for the aggregates."""

    column: Name
    watermark: Duration = timedelta(hours=1)


class Column(Part):
    """A column of the source; `source` is its name in the header where that differs."""

    name: Name
    type: Type
    nullable: Switch = True
    source: Annotated[str, StringConstraints(min_length=1)] | None = None
    format: str | None = None
    protect: Literal["hash", "mask", "drop"] | None = None
    description: str = ""

    @property
    def header(self) -> str:
        """The column's name in the source's header."""
        return self.source or self.name

    @property
    def output_type(self) -> ColumnType:
        """The type after protection: a hashed or masked value is text."""
        return STRING if self.protect in ("hash", "mask") else self.type


class Derived(Part):
    """A column computed from those before it."""

    name: Name
    type: Type
    expression: Expression
    description: str = ""


class LookupColumn(Part):
    """A column that a lookup adds; `from` is its name in the reference table where that differs."""

    name: Name
    type: Type = STRING
    source: str | None = Field(default=None, alias="from")


class Lookup(Part):
    """A reference table joined on equal text: `on` maps a column of the row to one of the table."""

    name: Name
    file: str
    on: dict[Name, str] = Field(min_length=1)
    columns: tuple[LookupColumn, ...] = Field(min_length=1)


class Rule(Part):
    """A condition that a valid row meets; a null answer passes, as in an SQL CHECK."""

    name: Name
    expression: Expression
    description: str = ""


class Dedupe(Part):
    """The columns that make a row unique, and within what time."""

    key: tuple[Name, ...] = Field(min_length=1)
    within: Duration = timedelta(days=1)


class Drift(Part):
    """What becomes of a message whose fields are not the contract's columns."""

    unknown_columns: Literal["reject", "fail", "add"] = "reject"
    missing_columns: Literal["add", "reject", "fail"] = "add"
    ignored_columns: tuple[str, ...] = ()


class Raw(Part):
    """What is kept of the messages as they were received, by the raw zone and by the rejected rows of every way."""

    zone: Literal["clear", "encrypted", "off"] = "clear"


class Lake(Part):
    """How curated rows lie on S3; `partition_by` maps a path segment's name to an expression."""

    format: LakeFormat = "parquet"
    partition_by: dict[Name, Expression] = Field(default_factory=dict)
    target_file_mb: WholeNumber = Field(default=128, ge=1, le=5000)

    @property
    def target_file_bytes(self) -> int:
        """The size that a file is to have."""
        return self.target_file_mb * 1_000_000


class Measure(Part):
    """One figure of an aggregate."""

    name: Name
    type: Type
    expression: Expression


class Aggregate(Part):
    """Figures of the rows of a window of event time, grouped by columns.

    A tumbling window has a length, `window`; a sliding one begins every `slide` as well; a session goes on until no row
    has come for `gap`.
    """

    name: Name
    window: Duration | None = None
    slide: Duration | None = None
    gap: Duration | None = None
    group_by: tuple[Name, ...] = ()
    measures: tuple[Measure, ...] = Field(min_length=1)

    @property
    def grid(self) -> tuple[timedelta, timedelta] | None:
        """The length of the windows, and how far each begins after the one before; None for sessions, which lie on none."""
        return None if self.window is None else (self.window, self.slide or self.window)


class Warehouse(Part):
    """The names in Snowflake; they are quoted in upper case, so that a query may write them in any."""

    database: WarehouseName = "MILLRACE"
    schema_: WarehouseName = Field(alias="schema")
    table: WarehouseName


class Contract(Part):
    """One data set, from the source's header to the warehouse's tables."""

    name: Name
    version: WholeNumber = Field(ge=1)
    description: str = ""
    source: Source = Source()
    topic: Topic
    event_time: EventTime | None = None
    columns: tuple[Column, ...] = Field(alias="column", min_length=1)
    derived: tuple[Derived, ...] = ()
    lookups: tuple[Lookup, ...] = Field(default=(), alias="lookup")
    rules: tuple[Rule, ...] = Field(default=(), alias="rule")
    dedupe: Dedupe | None = None
    drift: Drift = Drift()
    raw: Raw = Raw()
    lake: Lake = Lake()
    aggregates: tuple[Aggregate, ...] = Field(default=(), alias="aggregate")
    warehouse: Warehouse

    @property
    def headers(self) -> tuple[str, ...]:
        """The header that a source must have, in order."""
        return tuple(column.header for column in self.columns)
