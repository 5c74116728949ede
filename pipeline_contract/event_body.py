"""The body of a request, taken apart into events: strict JSON, and what it says twice or cannot say is told. Pure.

Each event keeps its own text, so that a refused one is kept as it came.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from pipeline_contract.event_model import Api

# What a NUMBER of Snowflake holds; a longer one would become a double there:
# docs.snowflake.com/en/sql-reference/data-types-numeric
MAX_DIGITS = 38
_SPACE = re.compile(r"[ \t\n\r]*")
_SHOWN = 60


class EventReason(NamedTuple):
    """Why an event is refused: a short name for counting, the place as a JSON pointer, and words for its sender."""

    reason: str
    field: str
    message: str


class PostedEvent(NamedTuple):
    """One event of a body: its position from 0, its text as it came, and the value that the text stands for."""

    position: int
    text: str
    value: Any


class BodyRefused(Exception):
    """A body that is not taken apart: all that it holds is refused for one reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = EventReason(reason, "", message)


class RepeatedKeys(dict[str, Any]):
    """An object that has keys more than once; the last value of each stands, as in `dict`."""

    keys_twice: tuple[str, ...] = ()


class UnfitNumber(NamedTuple):
    """A number that would change on its way, or is none."""

    text: str
    why: str


def read_body(body: bytes, api: Api) -> list[PostedEvent]:
    """The events of a body, which is one JSON object or an array of them; `BodyRefused` where it is neither."""
    if len(body) > api.max_body_bytes:
        raise BodyRefused("size", f"the body has {len(body):,} bytes, allowed: {api.max_body_bytes:,}")
    text = _decode(body)
    try:
        events = list(_split(text))
    except RecursionError:
        raise BodyRefused("depth", f"the body is nested too deeply, allowed: {api.max_depth} levels an event") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise BodyRefused("json", f"the body is not JSON: {error.msg} at {place}") from None
    if not events:
        raise BodyRefused("empty", "the array has no event")
    if len(events) > api.max_events:
        raise BodyRefused("batch", f"the array has {len(events):,} events, allowed: {api.max_events:,}")
    return events


def find_oddities(value: Any, max_depth: int) -> list[EventReason]:
    """What of a parsed event would not arrive as it was sent: repeated keys, unfit numbers, broken text, deep nesting."""
    reasons = []
    waiting: list[tuple[str, int, Any]] = [("", 1, value)]
    while waiting:
        pointer, depth, inner = waiting.pop()
        if isinstance(inner, UnfitNumber):
            reasons.append(EventReason("number", pointer, f"{_shorten(inner.text)} {inner.why}"))
        elif isinstance(inner, str):
            if not _is_text(inner):
                reasons.append(EventReason("text", pointer, "half of a surrogate pair stands for no character"))
        elif isinstance(inner, dict | list):
            if depth > max_depth:
                return [EventReason("depth", "", f"the event is nested more than {max_depth} levels deep")]
            if isinstance(inner, RepeatedKeys):
                names = ", ".join(_shorten(key) for key in inner.keys_twice)
                reasons.append(EventReason("duplicate_key", pointer, f"the object has more than once: {names}"))
            waiting += [(f"{pointer}/{_escape(key)}", depth + 1, held) for key, held in _list_held(inner)]
    return reasons


def _decode(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BodyRefused("utf8", f"the body is not UTF-8: byte {error.start + 1} cannot be read") from None
    if not text.strip(" \t\n\r"):
        raise BodyRefused("empty", "the body is empty: post one JSON object, or an array of them")
    return text


def _split(text: str) -> Iterator[PostedEvent]:
    """Each element of the outer array, or the one object, with its own text."""
    at = _skip(text, 0)
    if text[at] != "[":
        value, end = _scan(text, at)
        if _skip(text, end) != len(text):
            raise json.JSONDecodeError("Extra data", text, end)
        yield PostedEvent(0, text[at:end], value)
        return
    at, index = _skip(text, at + 1), 0
    is_open = text[at : at + 1] != "]"
    while is_open:
        value, end = _scan(text, at)
        yield PostedEvent(index, text[at:end], value)
        at, index = _skip(text, end), index + 1
        sign = text[at : at + 1]
        if sign not in (",", "]") or not sign:
            raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
        is_open = sign == ","
        at = _skip(text, at + 1) if is_open else at
    if _skip(text, at + 1) != len(text):
        raise json.JSONDecodeError("Extra data", text, at + 1)


def _scan(text: str, at: int) -> tuple[Any, int]:
    return _DECODER.raw_decode(text, at)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = RepeatedKeys(found)
    repeated.keys_twice = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
    return repeated


def _read_integer(text: str) -> int | UnfitNumber:
    if len(text.lstrip("-")) > MAX_DIGITS:
        return UnfitNumber(text, f"has more than {MAX_DIGITS} digits; send it as text")
    return int(text)


def _read_float(text: str) -> float | UnfitNumber:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return UnfitNumber(text, "is larger than a number may be")
    if Decimal(repr(value)) != Decimal(text):
        return UnfitNumber(text, "has more digits than a double keeps; send it as text")
    return value


def _read_constant(text: str) -> UnfitNumber:
    return UnfitNumber(text, "is no JSON value")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _list_held(value: dict[str, Any] | list[Any]) -> list[tuple[str, Any]]:
    """What an object or array holds by its key; the keys of an object are texts to be looked at too."""
    if isinstance(value, list):
        return [(str(number), held) for number, held in enumerate(value)]
    return [*value.items(), *((_shorten(key), key) for key in value if not _is_text(key))]


def _escape(key: str) -> str:
    shown = key if _is_text(key) else ascii(key)
    return shown[:_SHOWN].replace("~", "~0").replace("/", "~1")


def _shorten(text: str) -> str:
    shown = ascii(text) if not _is_text(text) else repr(text)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."


_DECODER = json.JSONDecoder(
    object_pairs_hook=_read_object,
    parse_float=_read_float,
    parse_int=_read_integer,
    parse_constant=_read_constant,
)
