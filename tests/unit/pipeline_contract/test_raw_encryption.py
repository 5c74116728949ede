"""Encrypted values: bound to key, place and column, the same each time, and nothing of key or message shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.raw_encryption import (
    HEADER_BYTES,
    KEY_VARIABLE,
    MARK,
    Place,
    decrypt_value,
    derive_keys,
    encrypt_value,
    require_keys,
)
from pipeline_contract.row_judge import compile_judge
from tests.orders import BATCH_ID, build_contract, order_json
from tests.pure_rows import build_messages

KEY, OTHER = "canary-raw-key-" + "0" * 32, "canary-raw-key-" + "1" * 32
KEYS, PLACE = derive_keys(KEY), Place("id-of-orders", 3, 17)
ENCRYPTED, OFF = build_contract(raw={"zone": "encrypted"}), build_contract(raw={"zone": "off"})
BAD = order_json(price="canary-of-the-row")


@given(st.binary(max_size=200), st.text(max_size=10), st.integers(0, 9), st.integers(0, 2**62))
def test_what_was_encrypted_comes_back(value: bytes, topic_id: str, partition: int, offset: int) -> None:
    place = Place(topic_id, partition, offset)

    stored = encrypt_value(KEYS, place, "value", value)

    assert stored == encrypt_value(KEYS, place, "value", value)
    assert decrypt_value(KEYS, place, "value", stored) == value
    assert len(stored) == HEADER_BYTES + 12 + len(value) + 16


def test_the_format_stays_as_it_is() -> None:
    """Changed, it would leave what lies in lakes unreadable."""
    assert encrypt_value(KEYS, PLACE, "value", b"message").hex() == (
        "934d5201acfbc53496c36492e0e8e708772d10c6818c8dd47a2818ec7a092ce991509e8b8157372e767988825ee382"
    )


@pytest.mark.parametrize(
    ("keys", "place", "column", "change", "says"),
    [
        (derive_keys(OTHER), PLACE, "value", bytes, "encrypted with the key of id"),
        (KEYS, PLACE._replace(offset=18), "value", bytes, "changed or moved"),
        (KEYS, PLACE._replace(partition=4), "value", bytes, "changed or moved"),
        (KEYS, PLACE._replace(topic_id="another"), "value", bytes, "changed or moved"),
        (KEYS, PLACE, "key", bytes, "changed or moved"),
        (KEYS, PLACE, "value", lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]), "changed or moved"),
        (KEYS, PLACE, "value", lambda stored: stored[:HEADER_BYTES], "changed or moved"),
        (KEYS, PLACE, "value", lambda _: b'{"id": 1}', "is not encrypted"),
    ],
    ids=["other_key", "offset", "partition", "topic", "column", "changed", "cut", "clear"],
)
def test_what_is_not_in_its_place_is_refused(
    keys: object, place: Place, column: str, change: object, says: str
) -> None:
    stored = encrypt_value(KEYS, PLACE, "value", b"canary of the message")

    with pytest.raises(ConfigurationError, match=says) as refused:
        decrypt_value(keys, place, column, change(stored))  # type: ignore[arg-type, operator]

    assert "canary" not in str(refused.value)


def test_equal_messages_differ_where_their_places_do() -> None:
    stored = {encrypt_value(KEYS, PLACE._replace(offset=n), "value", b"same")[HEADER_BYTES:] for n in range(50)}

    assert len(stored) == len({one[:12] for one in stored}) == 50


@pytest.mark.parametrize("key", [None, "", "short"])
def test_an_encrypted_zone_needs_a_key(key: str | None) -> None:
    with pytest.raises(ConfigurationError, match=KEY_VARIABLE):
        require_keys(ENCRYPTED, key)
    with pytest.raises(ConfigurationError, match=KEY_VARIABLE):
        compile_judge(ENCRYPTED, {}, None, dict, key)
    assert require_keys(build_contract(), key) is None


def test_keys_show_nothing_but_their_id() -> None:
    assert repr(KEYS) == f"RawKeys(id={KEYS.id.hex()})"
    assert not {KEYS.cipher, KEYS.nonce} & {KEY.encode(), KEYS.id}


def test_rejected_rows_have_their_bytes_encrypted_or_not_at_all() -> None:
    sent = build_messages([BAD])

    [hidden] = compile_judge(ENCRYPTED, {}, None, dict, KEY).judge(sent, BATCH_ID).rejected
    [absent] = compile_judge(OFF, {}, None, dict).judge(sent, BATCH_ID).rejected

    place = Place(sent[0].topic_id, sent[0].partition, sent[0].offset)
    assert hidden[3].startswith(MARK)
    assert decrypt_value(KEYS, place, "value", hidden[3]) == BAD
    assert absent[3] is None
