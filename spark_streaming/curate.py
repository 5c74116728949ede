"""Raw rows to curated and rejected ones: typed, looked up, derived, checked, protected. DataFrame in, DataFrame out."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract import model
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, UNKNOWN_COLUMN, curated_columns
from pipeline_contract.passport import PASSPORT
from spark_streaming.cast import cast_text
from spark_streaming.drift import csv_drift_reason, drift_reasons, write_unknown_fields
from spark_streaming.protect import KEY_COLUMNS, protect_column
from spark_streaming.reasons import make_reason
from spark_streaming.source import CORRUPT, NO_SCHEMAS, add_fields, add_texts, text_name

# The message's bytes: a contract's column may be called `value`.
_VALUE = "_value"


def judge_rows(
    raw: DataFrame,
    contract: Contract,
    references: Mapping[str, DataFrame],
    schemas: Mapping[int, str] = NO_SCHEMAS,
) -> DataFrame:
    """Every raw row with the curated columns, not yet protected, and `reasons`: empty for a valid row.

    `references` holds each lookup's table by the lookup's name, as `reference.read_reference` gives it; `schemas` holds
    those of Avro values by their ids.
    """
    text = F.col(_VALUE).cast("string")
    parsed = add_texts(raw, contract, schemas).withColumnRenamed("value", _VALUE)
    types = F.struct(*(cast_text(_cleaned(contract, c), c.type, c.format) for c in contract.columns))
    typed = add_fields(parsed, types, [c.name for c in contract.columns])
    joined = _join_lookups(typed, contract, references)
    for derived in contract.derived:
        joined = joined.withColumn(derived.name, F.expr(derived.expression).try_cast(derived.type.spark))
    if UNKNOWN_COLUMN in curated_columns(contract):
        joined = joined.withColumn(UNKNOWN_COLUMN, write_unknown_fields())
    own_reasons = F.array_compact(F.array(*_type_reasons(contract), *_rule_reasons(contract)))
    reasons = (
        F.when(F.col("_topic") == contract.topic.rejected, F.array(_producer_reason(text)))
        .when(~_is_readable(contract, text), F.array(make_reason("decode:utf8", None, None)))
        .when(F.col(CORRUPT).isNotNull(), F.array(_corrupt_reason(contract, text)))
        .otherwise(F.concat(drift_reasons(contract), own_reasons))
    )
    names = [c.name for c in contract.columns] + [n for n in curated_columns(contract) if n not in typed.columns]
    keys = [name for name in KEY_COLUMNS if name in raw.columns]
    return joined.select(_VALUE, *names, *PASSPORT, *keys, reasons.alias("reasons"))


def select_curated(judged: DataFrame, contract: Contract) -> DataFrame:
    """The valid rows, protected, in the order of the curated output's columns."""
    protection = {c.name: c.protect for c in contract.columns if c.protect}
    columns = [protect_column(name, protection.get(name)) for name in curated_columns(contract)]
    return judged.where(F.size("reasons") == 0).select(*columns, *PASSPORT)


def select_rejected(judged: DataFrame, contract: Contract) -> DataFrame:
    """The rows that failed, with every reason and their own bytes.

    Of a row that the producer rejected without its bytes (beyond the size limit), the message itself, which holds hash,
    length and place in the file.
    """
    failed = judged.where(F.size("reasons") > 0)
    first = F.col("reasons")[0]["reason"]
    of_producer = F.col("_topic") == contract.topic.rejected
    encoded = F.get_json_object(F.col(_VALUE).cast("string"), "$.raw_base64")
    raw_bytes = F.coalesce(F.try_to_binary(encoded, F.lit("base64")), _VALUE)
    return failed.select(
        F.when(of_producer, "producer").when(first.startswith("rule:"), "rules").otherwise("decode").alias("stage"),
        first.alias("reason"),
        F.to_json("reasons").alias("reasons"),
        F.when(of_producer, raw_bytes).otherwise(F.col(_VALUE)).alias("value"),
        *PASSPORT,
    ).select(*REJECTED_COLUMNS, *PASSPORT)


def _is_readable(contract: Contract, text: Column) -> Column:
    """Whether the value's bytes are UTF-8, which those of Avro need not be."""
    return F.lit(True) if contract.topic.value_format == "avro" else F.is_valid_utf8(text)


def _cleaned(contract: Contract, column: model.Column) -> Column:
    text = F.col(text_name(column.name))
    return F.when(~text.isin(*contract.source.null_values), text) if contract.source.null_values else text


def _join_lookups(rows: DataFrame, contract: Contract, references: Mapping[str, DataFrame]) -> DataFrame:
    for lookup in contract.lookups:
        table = references[lookup.name]
        on = [rows[name].cast("string") == table[f"_{lookup.name}_{number}"] for number, name in enumerate(lookup.on)]
        keys = [f"_{lookup.name}_{number}" for number in range(len(lookup.on))]
        rows = rows.join(F.broadcast(table), on, "left").drop(*keys)
    return rows


def _type_reasons(contract: Contract) -> list[Column]:
    reasons = []
    for c in contract.columns:
        text, value = _cleaned(contract, c), F.col(c.name)
        shown = None if c.protect else text
        wrong = F.when(text.isNotNull() & value.isNull(), make_reason(f"type:{c.name}", c.name, shown))
        if not c.nullable:
            wrong = wrong.when(text.isNull(), make_reason(f"null:{c.name}", c.name, None))
        reasons.append(wrong)
    return reasons


def _rule_reasons(contract: Contract) -> list[Column]:
    return [F.when(~F.expr(rule.expression), make_reason(f"rule:{rule.name}", None, None)) for rule in contract.rules]


def _producer_reason(text: Column) -> Column:
    envelope = F.from_json(text, "reason string, detail string")
    return make_reason(
        F.concat(F.lit("producer:"), F.coalesce(envelope["reason"], F.lit("unknown"))), None, envelope["detail"]
    )


def _corrupt_reason(contract: Contract, text: Column) -> Column:
    is_hidden = contract.topic.value_format == "avro" or any(column.protect for column in contract.columns)
    shown = None if is_hidden else text
    corrupt = make_reason(f"decode:{contract.topic.value_format}", None, shown)
    return (
        F.coalesce(csv_drift_reason(contract, text, shown), corrupt)
        if contract.topic.value_format == "csv"
        else corrupt
    )
