"""The topic as Spark reads it: options, and the raw frame with each row's passport."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name that every Spark code base uses

from pipeline_contract.message import known_fields, message_fields
from pipeline_contract.model import Contract
from pipeline_contract.outputs import RAW_COLUMNS
from pipeline_contract.passport import PASSPORT, SOURCE_FILE, SOURCE_LINE
from spark_streaming.avro_texts import (
    avro_text,
    decode_avro,
    find_missing_columns,
    find_unknown_fields,
    is_any_whole,
    read_shapes,
)
from spark_streaming.cast import cast_text
from spark_streaming.drift import MISSING_COLUMNS, UNKNOWN_FIELDS
from spark_streaming.json_values import parse_json
from spark_streaming.offsets import Offsets, write_offsets

CORRUPT = "_corrupt"
# The parser behind from_csv meets a line of more fields with an exception, which would stop the stream.
_MAX_CSV_FIELDS = 200_000
# Not as many fields as the shortest row has: stands for a value that no parser should see.
_UNREADABLE = "unreadable"
NO_SCHEMAS: Mapping[int, str] = MappingProxyType({})


def read_topics(
    spark: SparkSession, client_options: Mapping[str, str], starts: Offsets, max_offsets_per_trigger: int
) -> DataFrame:
    """An unstarted stream of committed messages of the topics that `starts` names; a gap in the offsets stops it."""
    options = {
        **client_options,
        "subscribe": ",".join(sorted(starts)),
        "startingOffsets": write_offsets(starts),
        "failOnDataLoss": "true",
        "kafka.isolation.level": "read_committed",
        "maxOffsetsPerTrigger": str(max_offsets_per_trigger),
    }
    return spark.readStream.format("kafka").options(**options).load()


def select_raw(
    messages: DataFrame,
    contract: Contract,
    topic_ids: Mapping[str, str],
    batch_id: Column,
    schemas: Mapping[int, str] = NO_SCHEMAS,
) -> DataFrame:
    """The raw zone's columns: the message as received, with its passport; nothing is dropped, whatever the bytes are.

    A message of the producer's rejected rows has its source in the envelope, and no event time.
    """
    of_producer = F.col("topic") == contract.topic.rejected
    text = F.col("value").cast("string")
    envelope = F.from_json(text, "source_file string, source_line bigint")
    ids = F.create_map(*[F.lit(part) for pair in topic_ids.items() for part in pair])
    parsed = add_texts(messages, contract, schemas)
    return parsed.select(
        "key",
        "value",
        F.col("timestamp").cast("timestamp_ntz").alias("_kafka_timestamp"),
        F.when(of_producer, envelope["source_file"]).otherwise(F.col(text_name(SOURCE_FILE))).alias(SOURCE_FILE),
        F.when(of_producer, envelope["source_line"])
        .otherwise(F.col(text_name(SOURCE_LINE)).try_cast("bigint"))
        .alias(SOURCE_LINE),
        F.col("topic").alias("_topic"),
        ids[F.col("topic")].alias("_topic_id"),
        F.col("partition").alias("_partition"),
        F.col("offset").alias("_offset"),
        F.when(~of_producer, _event_time(contract)).alias("_event_time"),
        batch_id.alias("_batch_id"),
    ).select(*RAW_COLUMNS, *PASSPORT)


def text_name(field: str) -> str:
    """The name of a field's text, as a column beside those of the message: a contract's column may be called `value`."""
    return f"_text_{field}"


def add_texts(frame: DataFrame, contract: Contract, schemas: Mapping[int, str] = NO_SCHEMAS) -> DataFrame:
    """The frame with each field of the message in `value` as a text column, with what drifted, and `_corrupt`.

    `_corrupt` is null if the value parses; none at all, an empty one, or more than one row in a value do not.
    """
    names = [text_name(field) for field in message_fields(contract)]
    text = F.col("value").cast("string")
    if contract.topic.value_format == "json":
        return add_fields(frame, parse_json(contract, text), [*names, UNKNOWN_FIELDS, MISSING_COLUMNS, CORRUPT])
    if contract.topic.value_format == "avro":
        return _add_avro_texts(frame, contract, schemas)
    # CSV has no names that could be unknown or missing: a line of more or fewer fields does not parse.
    none = {UNKNOWN_FIELDS: "map<string, string>", MISSING_COLUMNS: "array<string>"}
    parsed = add_fields(frame, _parse_csv(contract, text), [*names, CORRUPT])
    return parsed.withColumns({name: F.lit(None).cast(kind) for name, kind in none.items()})


def _add_avro_texts(frame: DataFrame, contract: Contract, schemas: Mapping[int, str]) -> DataFrame:
    shapes = read_shapes(frame, schemas)
    columns = [shape.name for shape in shapes.values()]
    decoded = add_fields(frame, decode_avro(shapes), columns) if shapes else frame
    texts = {text_name(name): avro_text(shapes.values(), name) for name in message_fields(contract)}
    drift = {
        UNKNOWN_FIELDS: find_unknown_fields(shapes.values(), known_fields(contract)),
        MISSING_COLUMNS: find_missing_columns(shapes.values(), [column.name for column in contract.columns]),
    }
    corrupt = F.when(~is_any_whole(shapes.values()), F.lit(_UNREADABLE))
    return decoded.withColumns(texts | drift | {CORRUPT: corrupt}).drop(*columns)


def _parse_csv(contract: Contract, text: Column) -> Column:
    schema = ", ".join(f"`{name}` string" for name in (*message_fields(contract), CORRUPT))
    options = {
        "mode": "PERMISSIVE",
        "columnNameOfCorruptRecord": CORRUPT,
        "quote": '"',
        "escape": '"',
        "maxCharsPerColumn": "-1",
        "maxColumns": str(_MAX_CSV_FIELDS),
    }
    commas = F.length(text) - F.length(F.replace(text, F.lit(",")))
    few = (F.octet_length(text) < _MAX_CSV_FIELDS) | (commas < _MAX_CSV_FIELDS)
    readable = F.when((F.octet_length(text) > 0) & few, text).otherwise(F.lit(_UNREADABLE))
    return F.from_csv(readable, schema, options)


def add_fields(frame: DataFrame, struct: Column, names: Iterable[str]) -> DataFrame:
    """The frame with a struct's fields as columns of these names, computed once a row.

    A generator is the one barrier that the optimiser respects: through a projection it copies the expression to each
    place that uses a field, and a value would be parsed as often as it has columns.
    """
    return frame.select("*", F.inline(F.array(struct)).alias(*names))


def _event_time(contract: Contract) -> Column:
    if contract.event_time is None:
        return F.col("timestamp").cast("timestamp_ntz")
    column = next(c for c in contract.columns if c.name == contract.event_time.column)
    return cast_text(F.col(text_name(column.name)), column.type, column.format).cast("timestamp_ntz")
