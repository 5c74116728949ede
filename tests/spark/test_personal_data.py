"""Personal data in Spark: hashed, masked, dropped; the key stands in no plan."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from pipeline_contract.errors import ConfigurationError, SchemaDrift
from pipeline_contract.message import encode_csv
from pipeline_contract.model import Contract
from pipeline_contract.row_judge import Message, RowJudge, compile_judge
from spark_streaming.curate import judge_rows, select_curated, select_rejected
from spark_streaming.protect import add_key, pad_key
from tests.orders import ORDER, build_contract, build_csv_contract, order_columns, order_json
from tests.spark.builders import build_messages, raw_of

SHORT, LONG = "canary-key-of-the-tests", "canary-key-beyond-a-block-" * 4
PROTECTED = order_columns(
    {"name": "mail", "type": "string", "protect": "hash"},
    {"name": "phone", "type": "bigint", "protect": "hash"},
    {"name": "person", "type": "string", "protect": "mask"},
    {"name": "birthday", "type": "date", "protect": "drop"},
)
VALUES = [
    order_json(mail="ola@example.no", phone=" 0047 ", person="Kari Ø. 東京 12é", birthday="1990-01-01"),
    order_json(mail="ø" * 200, phone="7", person="😀-_@", birthday=None),
    order_json(),
    order_json(mail="a@b", phone="secret-phone", birthday="secret-day"),
    order_json(person="secret-person")[:-1],
]


def judge(spark: SparkSession, contract: Contract, key: str) -> DataFrame:
    return judge_rows(add_key(raw_of(spark, contract, build_messages(VALUES)), spark, contract, key), contract, {})


def hash_text(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("key", [SHORT, LONG, "x" * 64, "x" * 65], ids=["short", "long", "one_block", "one_more"])
def test_a_padded_key_gives_hmac(key: str) -> None:
    inner, outer = pad_key(key.encode())

    digest = hashlib.sha256(outer + hashlib.sha256(inner + b"text").digest()).hexdigest()

    assert digest == hash_text(key, "text")


@pytest.mark.parametrize("key", [SHORT, LONG], ids=["short", "long"])
def test_curated_rows_hold_hashes_and_masks_of_personal_data(spark_session: SparkSession, key: str) -> None:
    contract = build_contract(column=PROTECTED)

    rows = select_curated(judge(spark_session, contract, key), contract).orderBy("_offset").collect()

    assert "birthday" not in rows[0].asDict()
    assert [(row["mail"], row["phone"], row["person"]) for row in rows] == [
        (hash_text(key, "ola@example.no"), hash_text(key, "47"), "xxxx x. xx nnx"),
        (hash_text(key, "ø" * 200), hash_text(key, "7"), "😀-_@"),
        (None, None, None),
    ]


def test_reasons_show_nothing_of_personal_data(spark_session: SparkSession) -> None:
    contract = build_contract(column=PROTECTED)

    rows = select_rejected(judge(spark_session, contract, SHORT), contract).orderBy("_offset").collect()

    found: list[list[dict[str, Any]]] = [json.loads(row["reasons"]) for row in rows]
    assert [[reason["reason"] for reason in reasons] for reasons in found] == [
        ["type:phone", "type:birthday"],
        ["decode:json"],
    ]
    assert "secret" not in str(found)


@pytest.mark.parametrize("policy", ["unknown_columns", "missing_columns"])
def test_a_csv_line_of_other_fields_is_not_shown(spark_session: SparkSession, policy: str) -> None:
    contract = build_csv_contract(column=PROTECTED, drift={policy: "fail"})
    lines = [encode_csv((*ORDER.values(), "secret", "1", "secret", "2", *more), "f", 1) for more in ((), ("secret",))]
    lines.append(encode_csv(("1", "secret"), "f", 1))
    raw = raw_of(spark_session, contract, build_messages(lines))
    keyed = add_key(raw, spark_session, contract, SHORT)

    by_spark = select_rejected(judge_rows(keyed, contract, {}), contract).orderBy("_offset").collect()
    judge_without = compile_judge(contract, {}, SHORT, dict)

    assert len(by_spark) == 3
    assert "secret" not in "".join(row["reasons"] for row in by_spark)
    for number, line in enumerate(lines):
        message = Message("orders", "id", 0, number, 0, None, line)
        said = judge_message(judge_without, message)
        assert "secret" not in said
        assert said == by_spark[number]["reasons"] or policy in said


def judge_message(judge: RowJudge, message: Message) -> str:
    """The reasons of one message, or the words of the error that it stops the consumer with."""
    try:
        return str(judge.judge([message], "b").rejected[0][2])
    except SchemaDrift as error:
        return str(error)


def test_the_key_stands_in_no_plan(spark_session: SparkSession) -> None:
    contract = build_contract(column=PROTECTED)
    curated = select_curated(judge(spark_session, contract, SHORT), contract)

    plans = curated._jdf.queryExecution().toString()

    pads = [part.decode("latin-1") for part in pad_key(SHORT.encode())]
    hexadecimal = [part.hex() for part in pad_key(SHORT.encode())]
    assert "sha2" in plans
    assert not [secret for secret in (SHORT, *pads, *hexadecimal) if secret[:20].lower() in plans.lower()]


def test_a_hash_without_a_key_is_refused(spark_session: SparkSession) -> None:
    contract = build_contract(column=PROTECTED)

    with pytest.raises(ConfigurationError, match="MILLRACE_SPARK__PROTECT_KEY"):
        judge(spark_session, contract, "")
    raw = raw_of(spark_session, build_contract(), [])
    assert add_key(raw, spark_session, build_contract(), None) is raw
