"""What becomes of the messages' bytes: kept as they are, encrypted, or not kept at all. DataFrame in, DataFrame out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.errors import PublishConflict
from pipeline_contract.model import Contract
from pipeline_contract.raw_encryption import (
    HEADER_BYTES,
    KEY_VARIABLE,
    MARK,
    NONCE_BYTES,
    RawKeys,
    derive_keys,
    require_keys,
)
from spark_streaming.protect import pad_key

_KEYS = _CIPHER, _INNER, _OUTER = "_raw_cipher", "_raw_nonce_inner", "_raw_nonce_outer"
_BYTES = ("key", "value")
_DAMAGE = re.compile(r"raw (?:key|value) of .*?(?:was encrypted with another key|was changed or moved)")


@dataclass(frozen=True)
class RawZone:
    """A contract's raw zone; `keys` are those of what is staged, `kept` whether it is published and rejected rows have bytes."""

    spark: SparkSession
    keys: RawKeys | None = field(repr=False)
    kept: bool

    def seal_messages(self, raw: DataFrame) -> DataFrame:
        """Raw rows as they are staged: encrypted unless the zone is a clear one."""
        return raw if self.keys is None else self._seal(raw, self.keys, _BYTES)

    def open_messages(self, raw: DataFrame) -> DataFrame:
        """Raw rows as they were received; those of the time before the zone was encrypted stand there as they are.

        What was encrypted with another key, moved or changed ends the job with the row's place.
        """
        if self.keys is None:
            return raw
        keyed, header = self._add_keys(raw, self.keys), self.keys.header
        opened = {name: _open(F.col(name), name, header) for name in _BYTES}
        return keyed.withColumns(opened).select(*raw.columns)

    def seal_rejected(self, rejected: DataFrame) -> DataFrame:
        """Rejected rows with their bytes as the raw zone has them: as they are, encrypted, or none."""
        if not self.kept:
            return rejected.withColumn("value", F.lit(None).cast("binary")).select(*rejected.columns)
        return rejected if self.keys is None else self._seal(rejected, self.keys, ("value",))

    def _seal(self, rows: DataFrame, keys: RawKeys, names: tuple[str, ...]) -> DataFrame:
        sealed = {name: _seal(F.col(name), name, keys.header) for name in names}
        return self._add_keys(rows, keys).withColumns(sealed).select(*rows.columns)

    def _add_keys(self, rows: DataFrame, keys: RawKeys) -> DataFrame:
        """The rows with the keys beside them, from a one-row table: as literals they would stand in every plan."""
        row = tuple(bytearray(part) for part in (keys.cipher, *pad_key(keys.nonce)))
        table = self.spark.createDataFrame([row], ", ".join(f"{name} binary" for name in _KEYS))
        return rows.crossJoin(F.broadcast(table))


def open_raw_zone(spark: SparkSession, contract: Contract, key: str | None) -> RawZone:
    """The raw zone of a contract; `ConfigurationError` where its key is missing.

    Without a raw zone a batch's messages are staged all the same, with a key that this process forgets.
    """
    if contract.raw.zone == "off":
        return RawZone(spark, derive_keys(secrets.token_hex(32)), kept=False)
    return RawZone(spark, require_keys(contract, key), kept=True)


@contextmanager
def explain_damage(pipeline: str) -> Iterator[None]:
    """A value of the raw zone that cannot be read ends the block with `PublishConflict` in place of Spark's stack."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if found := _DAMAGE.search(str(error)):
            raise PublishConflict(
                f"{pipeline}: {found[0]}; nothing was changed. Is {KEY_VARIABLE} the key that the pipeline began with? If so, "
                "the object was altered: restore it, or take the rows from the topic: --source kafka"
            ) from None
        raise


def _describe_place(name: str) -> Column:
    return F.concat_ws("/", "_topic_id", "_partition", "_offset", F.lit(name)).cast("binary")


def _seal(value: Column, name: str, header: bytes) -> Column:
    place, zero = _describe_place(name), F.lit(b"\0")
    inner = F.unhex(F.sha2(F.concat(F.col(_INNER), place, zero, value), 256))
    nonce = F.substring(F.unhex(F.sha2(F.concat(F.col(_OUTER), inner), 256)), 1, NONCE_BYTES)
    sealed = F.aes_encrypt(value, F.col(_CIPHER), F.lit("GCM"), F.lit("DEFAULT"), nonce, place)
    return F.concat(F.lit(header), sealed)


def _open(stored: Column, name: str, header: bytes) -> Column:
    place, begin = _describe_place(name), F.substring(stored, 1, HEADER_BYTES)
    sealed = F.substring(stored, HEADER_BYTES + 1, 2**31 - 1)
    opened = F.try_aes_decrypt(sealed, F.col(_CIPHER), F.lit("GCM"), F.lit("DEFAULT"), place)
    where = F.concat(F.lit(f"raw {name} of "), F.concat_ws(" ", "_topic", "_partition", "_offset"))
    other = F.raise_error(F.concat(where, F.lit(" was encrypted with another key")))
    changed = F.raise_error(
        F.concat(where, F.lit(" is not what was encrypted for this place: it was changed or moved"))
    )
    return (
        F.when(begin == F.lit(header), F.coalesce(opened, changed.cast("binary")))
        .when(F.substring(stored, 1, len(MARK)) == F.lit(MARK), other.cast("binary"))
        .otherwise(stored)
    )
