"""Values whose fields are not those of the contract, and what the contract's policy makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.message import message_fields
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST
from pipeline_contract.schema_drift import MISSING, UNKNOWN, DriftPlace, failing_reasons, make_drift_error
from spark_streaming.reasons import REASON, make_reason, shorten_name

# Columns beside the texts of a value: a map of the fields that the contract does not know, and the names of its
# columns that the value has no field for; both are null for a value that has just the contract's fields.
UNKNOWN_FIELDS, MISSING_COLUMNS = "_unknown_fields", "_missing_columns"


def drift_reasons(contract: Contract) -> Column:
    """An array with a reason for each field or column that the contract's policy does not take."""
    reasons = []
    if contract.drift.unknown_columns != "add":
        reasons.append(F.transform(F.map_keys(UNKNOWN_FIELDS), lambda name: _unknown_reason(contract, name)))
    if contract.drift.missing_columns != "add":
        reasons.append(
            F.transform(MISSING_COLUMNS, lambda name: make_reason(F.concat(F.lit(MISSING), name), name, None))
        )
    none = F.array().cast(f"array<{REASON}>")
    return F.concat(none, *(F.coalesce(listed, none) for listed in reasons))


def csv_drift_reason(contract: Contract, text: Column, shown: Column | None) -> Column:
    """The reason for a CSV value that does not parse, where its number of fields is what the policy stops at; or null.

    `shown` is what may be shown of the value.
    """
    known = message_fields(contract)
    unquoted = F.regexp_replace(text, r'"([^"]|"")*"', "")
    fields = F.length(unquoted) - F.length(F.replace(unquoted, F.lit(","))) + 1
    surplus = make_reason(F.lit(f"{UNKNOWN}column {len(contract.columns) + 1}"), None, shown)
    absent = F.get(F.array(*map(F.lit, known)), fields)
    return F.when(F.lit(contract.drift.unknown_columns == "fail") & (fields > len(known)), surplus).when(
        F.lit(contract.drift.missing_columns == "fail") & (fields < len(known)),
        make_reason(F.concat(F.lit(MISSING), absent), absent, None),
    )


def write_unknown_fields() -> Column:
    """The fields that the contract does not know as a JSON object of texts; null without any."""
    return F.to_json(UNKNOWN_FIELDS)


def observe_drift(judged: DataFrame, contract: Contract) -> tuple[DataFrame, Callable[[], None]]:
    """The frame, and a check to make once it has been written: it raises `SchemaDrift` where the policy says fail."""
    failing = list(failing_reasons(contract))
    if not failing:
        return judged, lambda: None
    names = F.filter(F.transform("reasons", lambda r: r["reason"]), lambda name: _begins_with(name, failing))
    place = F.struct("_topic", "_partition", "_offset", F.get(names, F.lit(0)).alias("reason"))
    observation = Observation()
    # As text: a struct among the figures does not come back as one.
    first = F.to_json(F.min(F.when(F.size(names) > 0, place))).alias("first")
    return judged.observe(observation, first), lambda: _check_drift(contract, observation)


def _unknown_reason(contract: Contract, name: Column) -> Column:
    # What is personal may have come under another name.
    protects = any(column.protect for column in contract.columns)
    found = None if protects else F.col(UNKNOWN_FIELDS)[name]
    short = shorten_name(name)
    return make_reason(F.concat(F.lit(UNKNOWN), short), short, found)


def _begins_with(name: Column, prefixes: list[str]) -> Column:
    return F.substring(name, 1, len(UNKNOWN)).isin(prefixes)


def _check_drift(contract: Contract, observation: Observation) -> None:
    found = observation.get["first"]
    if found is not None:
        first = json.loads(found)
        place = DriftPlace(first["_topic"], first["_partition"], first["_offset"], first["reason"])
        raise make_drift_error(f"{contract.name}/{INGEST}", place)
