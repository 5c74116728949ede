"""Sample events of a contract, made up from a fixed seed: good ones of every type, and ones that are wrong in every way."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from pipeline_contract.column_types import ColumnType
from pipeline_contract.event_model import EventContract, EventType, PayloadField
from sandbox.sample_data import write_whole

SEED = 2013
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SOURCES = ("till-1", "till-2", "kiosk", "app")
Event = dict[str, Any]
Break = Callable[[Event], bytes]


def write_sample_events(contract: EventContract, out: Path, count: int, bad: int) -> None:
    """Write `count` events to a file that appears whole, one a line, of which `bad` break the contract."""
    write_whole(out, b"".join(line + b"\n" for line in make_sample_events(contract, count, bad)))


def make_sample_events(contract: EventContract, count: int, bad: int) -> Iterator[bytes]:
    """The lines: bad ones lie between the good ones, each way to be wrong in turn."""
    chance = random.Random(SEED)
    wrong = set(chance.sample(range(count), bad))
    ways = cycle(list_breaks(contract))
    for number, kind in enumerate(islice(cycle(contract.types), count)):
        if number in wrong:
            kind_of, breaks = next(ways)
            yield breaks(make_event(kind_of, number, chance))
        else:
            yield write_event(make_event(kind, number, chance))


def make_event(kind: EventType, number: int, chance: random.Random) -> Event:
    """A good event with all of its type's fields."""
    payload: Event = {"note": chance.choice(["", "Grüße", "two\nlines", 'a "quote"', "🛫"])}
    for field in kind.fields:
        set_field(payload, field, make_value(field.type, chance))
    return {
        "event_id": f"sample-{number:07d}",
        "type": kind.name,
        "occurred_at": (FIRST + timedelta(seconds=number, milliseconds=chance.randrange(1000))).isoformat(),
        "source": chance.choice(SOURCES),
        "payload": payload,
    }


def make_value(kind: ColumnType, chance: random.Random) -> Any:
    """A value of a type as JSON has it."""
    number = chance.randrange(1, 1000)
    at = FIRST + timedelta(minutes=number)
    values: dict[str, Any] = {
        "string": f"s{number}",
        "integer": number,
        "bigint": number,
        "double": number / 8,
        "boolean": number % 2 == 0,
        "decimal": f"{number % 10}.5" if kind.scale else f"{number % 10}",
        "date": at.date().isoformat(),
        "timestamp": at.isoformat(),
    }
    return values[kind.name]


def list_breaks(contract: EventContract) -> list[tuple[EventType, Break]]:
    """Every way to be wrong, each with the type of event that it is shown on."""
    first = contract.types[0]
    shown = [(first, way) for way in (*_break_envelope(), *_break_text(contract.api.max_depth))]
    shown += [(kind, way) for kind in contract.types for field in kind.fields for way in _break_field(field)]
    return shown


def write_event(event: Event) -> bytes:
    """An event as a line of JSON."""
    return json.dumps(event, ensure_ascii=False).encode()


def set_field(payload: Event, field: PayloadField, value: Any) -> None:
    """Put a value where a field is."""
    *outer, last = field.steps
    for step in outer:
        payload = payload.setdefault(step, {})
    payload[last] = value


def _break_envelope() -> Iterator[Break]:
    """Something of the envelope is absent, of another type, outside of its bounds, or too much."""
    for name in ("event_id", "type", "occurred_at", "source", "payload"):
        yield partial(_drop, name)
        yield partial(_change, {name: None})
        yield partial(_change, {name: 7})
    changes: list[Event] = [
        {"event_id": ""},
        {"event_id": "two words"},
        {"event_id": "x" * 129},
        {"type": "no_such_type"},
        {"occurred_at": "yesterday"},
        {"occurred_at": "2026-01-01T00:00:00"},
        {"occurred_at": "2026-02-30T00:00:00Z"},
        {"source": ""},
        {"source": "s" * 201},
        {"payload": []},
        {"unknown": True},
    ]
    yield from (partial(_change, change) for change in changes)


def _break_text(max_depth: int) -> Iterator[Break]:
    """It is no JSON, no event, or JSON that would not arrive as it was sent."""
    deep = b'{"a":' * max_depth + b"1" + b"}" * max_depth
    lines = (b" ", b"not JSON", b"{", b"[]", b"null", b"7", b'"event"', b"\xff\xfe{}", b"[" * 5_000)
    yield from (partial(_replace, line) for line in lines)
    values = (b"NaN", b"1e999", b"0.12345678901234567890", b"9" * 60, b'"\\ud83d"', b'{"a":1,"a":2}', deep)
    yield from (partial(_add_odd, value) for value in values)


def _break_field(field: PayloadField) -> Iterator[Break]:
    """A field of the payload is absent, null or of another type."""
    wrong: list[Any] = [{}, [], *([None] if field.required else []), "text" if field.type.name != "string" else 7]
    yield from (partial(_set, field, value) for value in wrong)
    if field.required:
        yield partial(_take_out, field)


def _drop(name: str, event: Event) -> bytes:
    return write_event({key: value for key, value in event.items() if key != name})


def _change(change: Event, event: Event) -> bytes:
    return write_event(event | change)


def _replace(line: bytes, _event: Event) -> bytes:
    return line


def _add_odd(value: bytes, event: Event) -> bytes:
    return write_event(event).replace(b'"payload": {', b'"payload": {"odd": ' + value + b", ")


def _set(field: PayloadField, value: Any, event: Event) -> bytes:
    set_field(event["payload"], field, value)
    return write_event(event)


def _take_out(field: PayloadField, event: Event) -> bytes:
    place = event["payload"]
    *outer, last = field.steps
    for step in outer:
        place = place[step]
    del place[last]
    return write_event(event)
