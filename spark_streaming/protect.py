"""Personal data: hashed, masked or dropped before a row is written anywhere but the raw zone."""

from __future__ import annotations

import hashlib
from typing import Literal

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from pipeline_contract.protection import needs_key

KEY_COLUMNS = _INNER, _OUTER = "_protect_inner", "_protect_outer"
_BLOCK_BYTES = 64


def add_key(rows: DataFrame, spark: SparkSession, contract: Contract, key: str | None) -> DataFrame:
    """The rows with the two padded keys of HMAC beside them, where the contract hashes a column.

    They come from a one-row table: as literals they would stand in every plan and on the job's web page.
    """
    if not needs_key(contract):
        return rows
    if not key:
        raise ConfigurationError(
            f'{contract.name}: a column has protect = "hash"; set its key in the environment variable '
            "MILLRACE_SPARK__PROTECT_KEY"
        )
    inner, outer = pad_key(key.encode())
    table = spark.createDataFrame([(bytearray(inner), bytearray(outer))], f"{_INNER} binary, {_OUTER} binary")
    return rows.crossJoin(F.broadcast(table))


def pad_key(key: bytes) -> tuple[bytes, bytes]:
    """The inner and the outer key of HMAC-SHA256 (RFC 2104, section 2)."""
    short = hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key
    block = short.ljust(_BLOCK_BYTES, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def protect_column(name: str, protection: Literal["hash", "mask", "drop"] | None) -> Column:
    """A column after its protection: 64 hexadecimal digits, text with letters as x and digits as n, or as it is."""
    value = F.col(name)
    if protection == "hash":
        inner = F.sha2(F.concat(F.col(_INNER), value.cast("string").cast("binary")), 256)
        return F.sha2(F.concat(F.col(_OUTER), F.unhex(inner)), 256).alias(name)
    if protection == "mask":
        # Spark's own mask() shows letters that have no case, such as those of Chinese or Arabic.
        return F.regexp_replace(F.regexp_replace(value, r"[\p{L}\p{M}]", "x"), r"\p{N}", "n").alias(name)
    return value
