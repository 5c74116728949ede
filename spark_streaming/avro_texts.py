"""Avro values as text columns, each value decoded once by Spark's own module with the schema that wrote it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql import types as T  # noqa: N812
from pyspark.sql.avro.functions import from_avro

from pipeline_contract.avro_values import FRAME_BYTES, MAGIC

# Behind each body, and read as its schema's last field: whatever a body has too much or too little moves it. No part of
# it at its begin is also one at its end, so that no bytes before it can stand for it.
_END = bytes(range(0xF1, 0xF9))
_PLAIN = (T.StringType, T.ByteType, T.ShortType, T.IntegerType, T.LongType, T.BooleanType, T.DateType,
          T.TimestampNTZType, T.DoubleType)  # fmt: skip
# A decimal with more decimals than this may be cast to text with an exponent.
_PLAIN_DECIMALS = 6


@dataclass(frozen=True)
class Shape:
    """One schema: the column in which its rows are decoded, the schema with its end's mark, and its record in Spark."""

    name: str
    schema: str
    record: T.StructType


def read_shapes(frame: DataFrame, schemas: Mapping[int, str]) -> dict[int, Shape]:
    """The schemas that Spark can read, by their ids; rows that were written with another one cannot be decoded."""
    framed = {number: _frame_schema(schema) for number, schema in sorted(schemas.items())}
    found = {number: (schema, _read_record(frame, schema)) for number, schema in framed.items()}
    return {number: Shape(f"_avro_{number}", schema, record) for number, (schema, record) in found.items() if record}


def decode_avro(shapes: Mapping[int, Shape]) -> Column:
    """A struct with a field for each shape, for a generator to compute once a row: null but for the schema of its value."""
    value = F.col("value")
    has_frame = (F.octet_length(value) >= FRAME_BYTES) & (F.substring(value, 1, 1) == F.lit(bytes([MAGIC])))
    number = F.conv(F.hex(F.substring(value, 2, FRAME_BYTES - 1)), 16, 10).cast("bigint")
    body = F.concat(F.expr(f"substring(value, {FRAME_BYTES + 1})"), F.lit(_END))
    return F.struct(
        *(
            from_avro(F.when(has_frame & (number == wanted), body), shape.schema, {"mode": "PERMISSIVE"}).alias(
                shape.name
            )
            for wanted, shape in shapes.items()
        )
    )


def avro_text(shapes: Iterable[Shape], field: str) -> Column:
    """The text of a field, by whichever schema wrote the row; null where that schema has no such field."""
    texts = (
        F.when(is_whole(shape), _show(F.col(shape.name)["value"][field], shape.record[field].dataType))
        for shape in shapes
        if field in shape.record.names
    )
    return F.coalesce(F.lit(None).cast("string"), *texts)


def find_unknown_fields(shapes: Iterable[Shape], known: Collection[str]) -> Column:
    """A map of the texts of the fields that are not known, null where the row's schema has none."""
    unknown = {shape: [field for field in shape.record if field.name not in known] for shape in shapes}
    maps = (
        F.when(
            is_whole(shape),
            F.create_map(
                *(
                    part
                    for f in fields
                    for part in (F.lit(f.name), _show(F.col(shape.name)["value"][f.name], f.dataType))
                )
            ),
        )
        for shape, fields in unknown.items()
        if fields
    )
    return F.coalesce(F.lit(None).cast("map<string, string>"), *maps)


def find_missing_columns(shapes: Iterable[Shape], columns: Iterable[str]) -> Column:
    """The columns that the row's schema has no field for, null where it has all."""
    wanted = list(columns)
    missing = {shape: [name for name in wanted if name not in shape.record.names] for shape in shapes}
    lists = (F.when(is_whole(shape), F.array(*map(F.lit, names))) for shape, names in missing.items() if names)
    return F.coalesce(F.lit(None).cast("array<string>"), *lists)


def is_any_whole(shapes: Iterable[Shape]) -> Column:
    """Whether one of the schemas has decoded the row."""
    return reduce(Column.__or__, map(is_whole, shapes), F.lit(False))


def is_whole(shape: Shape) -> Column:
    """Whether this schema has decoded the row, to the end of its bytes, and all bytes that stand for text are UTF-8."""
    # Avro's reader takes any bytes for a string too.
    texts = [field.name for field in shape.record if isinstance(field.dataType, T.BinaryType | T.StringType)]
    valid = (F.is_valid_utf8(F.col(shape.name)["value"][name].cast("string")) for name in texts)
    ended = F.coalesce(F.col(shape.name)["end"] == F.lit(_END), F.lit(False))
    return reduce(Column.__and__, (F.coalesce(part, F.lit(True)) for part in valid), ended)


def _frame_schema(schema: str) -> str:
    """The schema with the end's mark behind it; the outer record has no namespace, so that inner names stay as they are."""
    end = {"type": "fixed", "name": "MillraceEnd", "size": len(_END)}
    fields = [{"name": "value", "type": json.loads(schema)}, {"name": "end", "type": end}]
    return json.dumps({"type": "record", "name": "MillraceFramed", "fields": fields})


def _read_record(frame: DataFrame, framed: str) -> T.StructType | None:
    """The columns that Spark makes of a schema's record; None for a schema that Spark does not read, or that is no record."""
    try:
        whole = frame.select(from_avro(F.col("value"), framed).alias("framed")).schema["framed"].dataType
    except (PySparkException, Py4JJavaError):  # the module's own error has no class in Python
        return None
    record = whole["value"].dataType if isinstance(whole, T.StructType) else None
    return record if isinstance(record, T.StructType) else None


def _show(value: Column, kind: T.DataType) -> Column:
    """A value as the text from which the contract's casts read it back exactly; what has no such text is JSON."""
    if isinstance(kind, _PLAIN) or (isinstance(kind, T.DecimalType) and kind.scale <= _PLAIN_DECIMALS):
        return value.cast("string")
    if isinstance(kind, T.DecimalType):
        digits = "9" * max(kind.precision - kind.scale - 1, 0)
        return F.trim(F.to_char(value, F.lit(f"MI{digits}0D{'9' * kind.scale}")))
    if isinstance(kind, T.FloatType):
        return value.cast("double").cast("string")
    if isinstance(kind, T.TimestampType):
        return value.cast("timestamp_ntz").cast("string")
    return value.cast("string") if isinstance(kind, T.BinaryType) else F.to_json(F.struct(value.alias("value")))
