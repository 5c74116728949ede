"""What pydantic finds wrong, said in plain words: what was found, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from pipeline_contract.model import PATTERNS

_WORDS = {
    "string_type": "text in quotes",
    "int_type": "a whole number, without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": "a list in [ ]",
    "dict_type": "a table of keys and values",
    "model_type": "a table of keys and values",
    "model_attributes_type": "a table of keys and values",
}
_BOUNDS = {
    "greater_than_equal": "a whole number, at least {ge}",
    "less_than_equal": "a whole number, at most {le}",
    "string_too_long": "at most {max_length} character(s)",
    "string_too_short": "at least {min_length} character(s)",
    "too_short": "at least {min_length} of them",
}
MAX_FOUND_LENGTH = 60


def describe_problem(location: tuple[str | int, ...], problem: Mapping[str, Any]) -> str:
    """One line for one problem of pydantic's list: the key, what was found, what is allowed."""
    where = dot_location(location)
    if problem["type"] == "missing":
        return f"{where}: missing; it is required"
    return f"{where}: found {shorten(problem['input'])}, {_allow(problem)}"


def describe_unknown_key(location: tuple[str | int, ...], model: type[BaseModel] | None) -> str:
    """One line for a key that the contract does not know; `model` is the part in which it stands."""
    allowed = sorted(list_keys(model)) if model else []
    near = get_close_matches(str(location[-1]), allowed, n=1)
    hint = f", did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(allowed)}" if allowed else ""
    return f"{dot_location(location)}: unknown key{hint}"


def list_keys(model: type[BaseModel]) -> set[str]:
    """The keys that a part of a contract may have, as a file writes them."""
    return {field.alias or name for name, field in model.model_fields.items()}


def dot_location(location: tuple[str | int, ...]) -> str:
    """A place in the file: keys joined by dots; the entry of a list by its number, from 1."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def shorten(value: Any) -> str:
    """A found value as a reader recognises it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= MAX_FOUND_LENGTH else text[: MAX_FOUND_LENGTH - 3] + "..."


def _allow(problem: Mapping[str, Any]) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in _WORDS:
        return f"allowed: {_WORDS[kind]}"
    if kind in _BOUNDS:
        return "allowed: " + _BOUNDS[kind].format(**context)
    if kind == "string_pattern_mismatch":
        return f"allowed: {PATTERNS[context['pattern']]}"
    if kind == "literal_error":
        return "allowed: " + str(context["expected"]).replace(" or ", ", ")
    return str(problem["msg"]).removeprefix("Value error, ")
