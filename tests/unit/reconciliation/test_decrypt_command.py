"""The command that opens one encrypted value."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from pipeline_contract.raw_encryption import Place, derive_keys, encrypt_value
from reconciliation.__main__ import app

KEY, OTHER = "canary-raw-key-" + "0" * 32, "canary-raw-key-" + "1" * 32
MESSAGE = b'{"mail": "\xff"}'
STORED = encrypt_value(derive_keys(KEY), Place("id", 1, 2), "value", MESSAGE).hex()
PLACE = ["--topic-id", "id", "--partition", "1", "--offset", "2"]


def decrypt(stored: str, key: str | None, *place: str, given: str | None = None) -> tuple[int, bytes, str]:
    """Exit code, standard output and error."""
    variables = {"MILLRACE_SPARK__RAW_KEY": key}
    result = CliRunner().invoke(app, ["decrypt", stored, *(place or PLACE)], env=variables, input=given)
    return result.exit_code, result.stdout_bytes, result.stderr


def test_who_has_the_key_reads_the_message() -> None:
    assert decrypt(STORED.upper(), KEY)[:2] == (0, MESSAGE)
    assert decrypt("-", KEY, given=f"{STORED}\n")[:2] == (0, MESSAGE)


@pytest.mark.parametrize(
    ("stored", "key", "place", "says"),
    [
        (STORED, None, PLACE, "MILLRACE_SPARK__RAW_KEY"),
        (STORED, OTHER, PLACE, "encrypted with the key of id"),
        (STORED, KEY, [*PLACE[:-1], "3"], "changed or moved"),
        ("no digits", KEY, PLACE, "not hexadecimal"),
        ("00", KEY, PLACE, "is not encrypted"),
    ],
    ids=["no_key", "other_key", "other_row", "text", "clear"],
)
def test_another_is_told_why_not(stored: str, key: str | None, place: list[str], says: str) -> None:
    code, out, error = decrypt(stored, key, *place)

    assert (code, out) == (2, b"")
    assert says in " ".join(error.split())
    assert "canary" not in error
