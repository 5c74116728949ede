"""What the contract's policy makes of a message whose fields are not its columns: reasons, and the error that stops."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from pipeline_contract.errors import SchemaDrift
from pipeline_contract.message import message_fields
from pipeline_contract.model import Contract
from pipeline_contract.row_decoding import Oddity
from pipeline_contract.row_reasons import SHOWN_CHARACTERS, Reason, make_reason

UNKNOWN, MISSING = "unknown:", "missing:"
_QUOTED = re.compile('"(?:[^"]|"")*"')


class DriftPlace(NamedTuple):
    """The message that stops a stream, and the reason why; the first one is the least."""

    topic: str
    partition: int
    offset: int
    reason: str


def failing_reasons(contract: Contract) -> tuple[str, ...]:
    """The begins of the reasons that stop the stream by the contract's policies."""
    policies = {UNKNOWN: contract.drift.unknown_columns, MISSING: contract.drift.missing_columns}
    return tuple(prefix for prefix, policy in policies.items() if policy == "fail")


def find_drift_reasons(contract: Contract, oddity: Oddity) -> list[Reason]:
    """A reason for each field or column that the contract's policy does not take."""
    reasons = []
    if contract.drift.unknown_columns != "add":
        # What is personal may have come under another name.
        hides = any(column.protect for column in contract.columns)
        for name, text in (oddity.unknown or {}).items():
            short = name[:SHOWN_CHARACTERS]
            reasons.append(make_reason(f"{UNKNOWN}{short}", short, None if hides else text))
    if contract.drift.missing_columns != "add":
        reasons += [make_reason(f"{MISSING}{name}", name) for name in oddity.missing]
    return reasons


def find_csv_drift(contract: Contract, line: str, shown: str | None) -> Reason | None:
    """The reason for a line that does not parse, where its number of fields is what the policy stops at.

    `shown` is what may be shown of the line.
    """
    known: Sequence[str] = message_fields(contract)
    fields = _QUOTED.sub("", line).count(",") + 1
    if contract.drift.unknown_columns == "fail" and fields > len(known):
        return make_reason(f"{UNKNOWN}column {len(contract.columns) + 1}", None, shown)
    if contract.drift.missing_columns == "fail" and fields < len(known):
        return make_reason(f"{MISSING}{known[fields]}", known[fields])
    return None


def make_drift_error(reader: str, place: DriftPlace) -> SchemaDrift:
    """The error that stops the stream; `reader` is who reads it, such as `flights/ingest`."""
    unknown = place.reason.startswith(UNKNOWN)
    key = "unknown_columns" if unknown else "missing_columns"
    column = place.reason.removeprefix(UNKNOWN if unknown else MISSING)
    remedy = (
        f'add {column!r} to the contract or to drift.ignored_columns, or set drift.{key} to "reject" or "add"'
        if unknown
        else f'take {column!r} out of the contract, or set drift.{key} to "add" or "reject"'
    )
    return SchemaDrift(
        f"{reader}: topic {place.topic!r} partition {place.partition} offset {place.offset}: "
        f'{"unknown" if unknown else "missing"} column {column!r}, and the contract has drift.{key} = "fail". Nothing of '
        f"this batch was published: {remedy}, raise the version, and start again; it goes on where it stopped"
    )
