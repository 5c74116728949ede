"""Topics of random rows (in order, late, doubled, drifting, damaged), and what becomes of them by the documented rules.

All of it is plain Python: nothing here knows how the Spark job works.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from tests.dedupe_oracle import KeyedRow, find_first_rows

CONTRACT = """
name = "{name}"
version = 1

[topic]
name = "{name}"
partitions = {partitions}
key = ["id"]

[event_time]
column = "at"
watermark = "30 days"

[dedupe]
key = ["id", "kind"]
within = "2 hours"

[drift]
missing_columns = "reject"

[lake]
format = "{lake_format}"
partition_by = {{ day = "to_date(at)" }}

[warehouse]
schema = "{name}"
table = "events"

[[column]]
name = "id"
type = "bigint"
nullable = false

[[column]]
name = "at"
type = "timestamp"
nullable = false

[[column]]
name = "kind"
type = "string"

[[column]]
name = "amount"
type = "integer"

[[rule]]
name = "some"
expression = "amount > 0"

[[aggregate]]
name = "hourly"
window = "1 hour"
group_by = ["kind"]
measures = [
    {{ name = "events", type = "bigint", expression = "count(*)" }},
    {{ name = "total", type = "bigint", expression = "sum(amount)" }},
]
"""
WITHIN = timedelta(hours=2)
COLUMNS = ("id", "at", "kind", "amount")
KNOWN = ("_source_file", "_source_line", *COLUMNS)
BEGIN = datetime(2024, 5, 1)  # noqa: DTZ001 - times of the lake have no zone
DAMAGES = (b"", b"[]", b"null", b"no JSON", b'{"id": "1"', b"\xff\xfe", b'{"id": "1"} {}')


class Row(NamedTuple):
    """A valid row."""

    id: int
    at: datetime
    kind: str | None
    amount: int | None


class Rejection(NamedTuple):
    """A rejected row: its stage, its reasons in order, and the first row's passport where it is a duplicate."""

    stage: str
    reasons: tuple[str, ...]
    first: str | None = None


@dataclass(frozen=True)
class Expected:
    """What the lake must hold by (partition, offset)."""

    curated: dict[tuple[int, int], Row]
    rejected: dict[tuple[int, int], Rejection]


def draw_partition(random: Random, length: int) -> list[bytes]:
    """The values of one partition: each row is near the one before, late, the double of one, drifting or damaged."""
    values: list[bytes] = []
    rows: list[dict[str, Any]] = []
    clock = BEGIN
    for line in range(2, length + 2):
        clock += timedelta(minutes=random.randrange(0, 90))
        late = timedelta(hours=random.choice([0, 0, 0, 1, 5, 400]))
        row = {
            "_source_file": "random.csv#1", "_source_line": line, "id": str(random.randrange(4)),
            "at": (clock - late).isoformat(), "kind": random.choice(["a", "b", ""]), "amount": str(random.randrange(1, 9)),
        }  # fmt: skip
        fate = random.randrange(10)
        if fate in (0, 1, 2) and rows:
            shift = random.choice(
                [timedelta(), WITHIN, -WITHIN, WITHIN + timedelta(microseconds=1), timedelta(hours=1)]
            )
            double = random.choice(rows)
            row |= {"id": double["id"], "kind": double["kind"]}
            row["at"] = (datetime.fromisoformat(double["at"]) + shift).isoformat()
        if fate == 3:
            row |= {random.choice(["id", "at", "amount"]): random.choice(["x", "", "-1", "1.5"])}
        if fate == 4:
            row |= dict.fromkeys(random.sample(["color", "size", "_id"], random.randrange(1, 3)), "new")
        if fate == 5:
            row.pop(random.choice(COLUMNS))
        if fate == 6:
            values.append(random.choice(DAMAGES))
            continue
        if fate < 3 or fate > 6:
            rows.append(row)
        values.append(json.dumps(row).encode())
    return values


def expect(topic_id: str, partitions: Sequence[Sequence[bytes]]) -> Expected:
    """What must become of the values of each partition."""
    rows: dict[tuple[int, int], Row] = {}
    rejected: dict[tuple[int, int], Rejection] = {}
    for partition, values in enumerate(partitions):
        for offset, value in enumerate(values):
            judged = judge_value(value)
            if isinstance(judged, Row):
                rows[partition, offset] = judged
            else:
                rejected[partition, offset] = judged
    keyed = [KeyedRow(topic_id, *place, (row.id, row.kind), row.at) for place, row in sorted(rows.items())]
    for row, first in find_first_rows(keyed, WITHIN).items():
        line = json.loads(partitions[first.partition][first.offset])["_source_line"]
        passport = f"{topic_id}/{first.partition}/{first.offset} random.csv#1:{line}"
        rejected[row.partition, row.offset] = Rejection("dedupe", ("duplicate",), passport)
        del rows[row.partition, row.offset]
    return Expected(rows, rejected)


def judge_value(value: bytes) -> Row | Rejection:
    """A value as a row, or why it is none; of duplicates nothing is known here."""
    try:
        fields = json.loads(value.decode())
    except UnicodeDecodeError:
        return Rejection("decode", ("decode:utf8",))
    except ValueError:
        return Rejection("decode", ("decode:json",))
    if not isinstance(fields, dict):
        return Rejection("decode", ("decode:json",))
    texts = {name: fields.get(name) or None for name in COLUMNS}
    reasons = [f"unknown:{name}" for name in fields if name not in KNOWN]
    reasons += [f"missing:{name}" for name in COLUMNS if name not in fields]
    parsed = {"id": read_number(texts["id"]), "at": read_time(texts["at"]), "amount": read_number(texts["amount"])}
    for name in ("id", "at", "amount"):
        if texts[name] is not None and parsed[name] is None:
            reasons.append(f"type:{name}")
        elif texts[name] is None and name != "amount":
            reasons.append(f"null:{name}")
    amount = parsed["amount"]
    if isinstance(amount, int) and amount <= 0:
        reasons.append("rule:some")
    if reasons:
        return Rejection("rules" if reasons[0].startswith("rule:") else "decode", tuple(reasons))
    return Row(parsed["id"], parsed["at"], texts["kind"], amount)  # type: ignore[arg-type]


def read_number(text: str | None) -> int | None:
    """A whole number, or None."""
    return int(text) if text is not None and re.fullmatch(r"-?\d+", text) else None


def read_time(text: str | None) -> datetime | None:
    """A time in ISO 8601, or None."""
    try:
        return datetime.fromisoformat(text) if text is not None and len(text) > 10 else None
    except ValueError:
        return None


def sum_windows(rows: Iterable[Row]) -> dict[tuple[datetime, str | None], tuple[int, int | None]]:
    """The aggregate `hourly` over these rows: their number and the sum of their amounts by hour and kind."""
    windows: dict[tuple[datetime, str | None], list[int | None]] = {}
    for row in rows:
        windows.setdefault((row.at.replace(minute=0, second=0, microsecond=0), row.kind), []).append(row.amount)
    return {
        key: (len(amounts), sum(known) if (known := [a for a in amounts if a is not None]) else None)
        for key, amounts in windows.items()
    }
