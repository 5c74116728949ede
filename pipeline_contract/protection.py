"""Personal data without Spark: hashed, masked or dropped, as the Spark job does it."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable
from typing import Any

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Column, Contract
from pipeline_contract.sql_values import show_value

Protect = Callable[[Any], Any]


def needs_key(contract: Contract) -> bool:
    """Say whether a contract hashes a column, and so needs the key."""
    return any(column.protect == "hash" for column in contract.columns)


def compile_protection(contract: Contract, column: Column, key: str | None) -> Protect | None:
    """What a column's values become, nulls aside; None for one that stays as it is. `ConfigurationError` without the key."""
    if column.protect == "mask":
        return mask_text
    if column.protect != "hash":
        return None
    if not key:
        raise ConfigurationError(
            f'{contract.name}: column {column.name!r} has protect = "hash"; set its key in the environment variable '
            "MILLRACE_SPARK__PROTECT_KEY"
        )
    keyed = hmac.new(key.encode(), digestmod=hashlib.sha256)

    def hash_value(value: Any) -> str:
        digest = keyed.copy()
        digest.update(show_value(value).encode())
        return digest.hexdigest()

    return hash_value


def mask_text(text: str) -> str:
    """The text with its letters as x and its digits as n, of every script."""
    return "".join(_mask_character(character) for character in text)


def _mask_character(character: str) -> str:
    match unicodedata.category(character)[0]:
        case "L" | "M":
            return "x"
        case "N":
            return "n"
    return character
