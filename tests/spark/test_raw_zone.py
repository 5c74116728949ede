"""The raw zone in Spark: encrypted as the judge without Spark does it, read back, and no key in any plan."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.errors import PublishConflict
from pipeline_contract.model import Contract
from pipeline_contract.outputs import RAW_COLUMNS
from pipeline_contract.passport import PASSPORT
from pipeline_contract.raw_encryption import MARK, Place, decrypt_value, derive_keys, encrypt_value
from spark_streaming.curate import judge_rows, select_rejected
from spark_streaming.raw_zone import RawZone, explain_damage, open_raw_zone
from tests.orders import TOPIC_IDS, build_contract, order_json
from tests.spark.builders import build_messages, raw_of

KEY, OTHER = "canary-raw-key-" + "0" * 32, "canary-raw-key-" + "1" * 32
ENCRYPTED, OFF, CLEAR = (build_contract(raw={"zone": zone}) for zone in ("encrypted", "off", "clear"))
VALUES = [order_json(), b"", None, b"\xff" * 300, "ø 東京".encode(), order_json(price="canary-of-the-row")]
TOPIC_ID = TOPIC_IDS["orders"]


def seal(spark: SparkSession, contract: Contract, key: str | None = KEY) -> tuple[RawZone, DataFrame]:
    zone = open_raw_zone(spark, contract, key)
    return zone, zone.seal_messages(raw_of(spark, contract, build_messages(VALUES)))


def list_values(rows: DataFrame) -> list[bytes | None]:
    return [None if row["value"] is None else bytes(row["value"]) for row in rows.orderBy("_offset").collect()]


def test_spark_and_python_write_the_same_bytes(spark_session: SparkSession) -> None:
    keys = derive_keys(KEY)

    _, sealed = seal(spark_session, ENCRYPTED)

    assert list_values(sealed) == [
        None if value is None else encrypt_value(keys, Place(TOPIC_ID, 0, offset), "value", value)
        for offset, value in enumerate(VALUES)
    ]
    kafka_keys = {
        decrypt_value(keys, Place(TOPIC_ID, 0, r["_offset"]), "key", bytes(r["key"])) for r in sealed.collect()
    }
    assert kafka_keys == {b"1"}
    assert sealed.columns == [*RAW_COLUMNS, *PASSPORT]


def test_sealed_messages_are_read_back_beside_those_from_before(spark_session: SparkSession) -> None:
    zone, sealed = seal(spark_session, ENCRYPTED)
    clear = raw_of(spark_session, CLEAR, build_messages(VALUES))

    mixed = sealed.where("_offset % 2 = 0").union(clear.where("_offset % 2 = 1"))

    assert list_values(zone.open_messages(mixed)) == VALUES
    assert list_values(zone.open_messages(clear)) == VALUES


@pytest.mark.parametrize(
    ("key", "changed", "says"),
    [
        (
            OTHER,
            "_offset",
            "orders 0 0 was encrypted with another key; nothing was changed. Is MILLRACE_SPARK__RAW_KEY",
        ),
        (KEY, "_offset + 1", "orders 0 1 is not what was encrypted"),
    ],
    ids=["other_key", "moved"],
)
def test_what_was_not_encrypted_for_its_place_stops_the_job(
    spark_session: SparkSession, key: str, changed: str, says: str
) -> None:
    _, sealed = seal(spark_session, ENCRYPTED)
    zone = open_raw_zone(spark_session, ENCRYPTED, key)

    with pytest.raises(PublishConflict, match=says) as stopped, explain_damage("orders"):
        zone.open_messages(sealed.limit(1).withColumn("_offset", F.expr(changed))).collect()

    assert "canary" not in str(stopped.value)


def test_no_plan_shows_a_key(spark_session: SparkSession) -> None:
    keys = derive_keys(KEY)
    zone, sealed = seal(spark_session, ENCRYPTED)
    opened = zone.open_messages(sealed)
    opened.collect()

    plans = "".join(frame._jdf.queryExecution().toString() for frame in (sealed, opened)).lower()

    secrets = [
        part for key in (keys.cipher, keys.nonce) for part in (key.hex(), key.decode("latin-1").lower(), str(list(key)))
    ]
    assert "aes" in plans
    assert not [secret for secret in (KEY.lower(), *secrets) if secret[:16] in plans]


@pytest.mark.parametrize("contract", [ENCRYPTED, OFF, CLEAR], ids=lambda c: c.raw.zone)
def test_rejected_rows_follow_the_raw_zone(spark_session: SparkSession, contract: Contract) -> None:
    zone, sealed = seal(spark_session, contract)
    judged = judge_rows(zone.open_messages(sealed), contract, {})

    [*_, row] = zone.seal_rejected(select_rejected(judged, contract)).orderBy("_offset").collect()

    place = Place(TOPIC_ID, 0, row["_offset"])
    expected = {
        "clear": VALUES[-1],
        "off": None,
        "encrypted": encrypt_value(derive_keys(KEY), place, "value", VALUES[-1] or b""),
    }
    assert row["reason"] == "type:price"
    assert (row["value"] and bytes(row["value"])) == expected[contract.raw.zone]


def test_without_a_raw_zone_messages_are_staged_with_a_key_that_is_forgotten(spark_session: SparkSession) -> None:
    first, second = (seal(spark_session, OFF, None) for _ in range(2))

    staged = [list_values(sealed) for _, sealed in (first, second)]

    assert all(value is None or value.startswith(MARK) for values in staged for value in values)
    assert staged[0][0] != staged[1][0]
    assert list_values(first[0].open_messages(first[1])) == VALUES
