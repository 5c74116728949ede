"""The contract of a set of events that an API takes in; read one with `pipeline_contract.event_contract_file`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pipeline_contract.model import (
    API_PATH,
    FIELD_PATH,
    Duration,
    Name,
    Part,
    Switch,
    Type,
    Warehouse,
    WholeNumber,
)

# Lambda takes 6 MB a request, of which base64 leaves three quarters for the body:
# docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_BODY_KB = 4_096
# Firehose takes so many records a call: docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
MAX_EVENTS = 500


class Api(Part):
    """Where events are posted, by whom, and how much at once; `remember` is how long an event's id is known again."""

    path: Annotated[str, StringConstraints(pattern=API_PATH, max_length=100)] = "/events"
    authorisation: Literal["api-key", "iam"] = "api-key"
    max_body_kb: WholeNumber = Field(default=1024, ge=1, le=MAX_BODY_KB)
    max_events: WholeNumber = Field(default=MAX_EVENTS, ge=1, le=MAX_EVENTS)
    max_depth: WholeNumber = Field(default=16, ge=2, le=100)
    rate_per_s: WholeNumber = Field(default=500, ge=1, le=10_000)
    burst: WholeNumber = Field(default=1000, ge=1, le=5_000)
    remember: Duration = timedelta(days=1)

    @property
    def max_body_bytes(self) -> int:
        """The largest body that is read."""
        return self.max_body_kb * 1024


class Delivery(Part):
    """When Firehose writes an object: at so many MB or seconds; `by_type` gives each type of event a prefix of its own.

    Bounds: docs.aws.amazon.com/firehose/latest/dev/limits.html; dynamic partitioning needs 64 MB at least.
    """

    buffer_mb: WholeNumber = Field(default=5, ge=1, le=128)
    buffer_s: WholeNumber = Field(default=60, ge=0, le=900)
    by_type: Switch = False


class PayloadField(Part):
    """A value inside the payload that the view shows as a column; a decimal travels as text."""

    name: Name
    path: Annotated[str, StringConstraints(pattern=FIELD_PATH, max_length=200)]
    type: Type
    required: Switch = False
    description: str = ""

    @property
    def steps(self) -> tuple[str, ...]:
        """The names that lead to it from the payload's top."""
        return tuple(self.path.split("."))


class EventType(Part):
    """One type of event, and what its payload must hold; other values in it are kept as they are."""

    name: Name
    description: str = ""
    fields: tuple[PayloadField, ...] = Field(default=(), alias="field")


class EventContract(Part):
    """One set of events, from the body that is posted to the view over the staging table."""

    name: Name
    version: WholeNumber = Field(ge=1)
    description: str = ""
    api: Api = Api()
    delivery: Delivery = Delivery()
    types: tuple[EventType, ...] = Field(alias="type", min_length=1)
    warehouse: Warehouse

    @property
    def view_fields(self) -> dict[str, PayloadField]:
        """The columns of the view that come from the payload, by name, in the order in which they first stand."""
        fields: dict[str, PayloadField] = {}
        for field in (field for kind in self.types for field in kind.fields):
            fields.setdefault(field.name, field)
        return fields
