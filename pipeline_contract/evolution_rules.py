"""What a change of each key of a contract amounts to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# free: nobody who reads rows notices · compatible: running jobs take it at their restart, under a new version ·
# new lineage: the same, and the aggregate's windows are computed again from the begin · refused: never in this pipeline.
Verdict = Literal["free", "compatible", "new lineage", "refused"]


@dataclass(frozen=True)
class KeyRule:
    """What a changed key amounts to, and why."""

    verdict: Verdict
    reason: str = ""


_FREE = KeyRule("free")
_OTHER_WINDOWS = KeyRule("refused", "other windows stand in its table; give the new ones another name")
_LATER_ROWS = KeyRule("compatible", "it holds for the rows from then on")
# What was received before stands there as it stood: less may be kept of what comes, and nothing can be brought back.
_LESS_KEPT: Mapping[tuple[str, str], KeyRule] = {
    ("clear", "encrypted"): KeyRule(
        "compatible", "the messages from then on are encrypted; those before stay as they are"
    ),
    ("clear", "off"): KeyRule("compatible", "no message is kept from then on; those before stay as they are"),
    ("encrypted", "off"): KeyRule("compatible", "no message is kept from then on; those before stay encrypted"),
    ("encrypted", "clear"): KeyRule("refused", "a reader of clear messages would take the encrypted ones for such"),
}
_NOT_KEPT = KeyRule("refused", "the messages of the time before were not kept, and a backfill from raw would miss them")
REQUIRED = KeyRule("refused", "rows that are published already have no value; allowed: true")
# A key that is not here stands under the longest of its prefixes that is.
KEYS: Mapping[str, KeyRule] = {
    "name": KeyRule("refused", "ledger, lake and checkpoints lie under it"),
    "version": _FREE,
    "description": _FREE,
    "source": _LATER_ROWS,
    "topic.name": KeyRule("refused", "the ledger counts that topic's offsets"),
    "topic.partitions": KeyRule("refused", "rows of one key would go to another partition, out of their order"),
    "topic.key": KeyRule("refused", "rows of one key would go to another partition, out of their order"),
    "topic.retention": _FREE,
    "topic.max_message_bytes": _FREE,
    "topic.value_format": KeyRule("refused", "what the topic and the raw zone hold could not be read any more"),
    "event_time": KeyRule("refused", "published rows and windows lie under the old one"),
    "event_time.watermark": KeyRule("new lineage", "it decides which rows a window counts"),
    "column.type": _LATER_ROWS,
    "column.nullable": _LATER_ROWS,
    "column.source": _LATER_ROWS,
    "column.format": KeyRule("refused", "what the topic and the raw zone hold is written in the old one"),
    "column.protect": KeyRule("refused", "published rows hold the value in the old way"),
    "column.description": _FREE,
    "lookup": _LATER_ROWS,
    "derived": _LATER_ROWS,
    "derived.description": _FREE,
    "rule": _LATER_ROWS,
    "rule.description": _FREE,
    "dedupe": _LATER_ROWS,
    "drift": _LATER_ROWS,
    "raw.zone": KeyRule("compatible", "it holds for the messages from then on"),
    "lake.format": KeyRule("refused", "the pipe reads one format"),
    "lake.partition_by": KeyRule("refused", "readers of the lake know one layout"),
    "lake.target_file_mb": _FREE,
    "aggregate.window": _OTHER_WINDOWS,
    "aggregate.slide": _OTHER_WINDOWS,
    "aggregate.gap": _OTHER_WINDOWS,
    "aggregate.group_by": KeyRule("refused", "the old groups stand in its table; give the new one another name"),
    "aggregate.measures": KeyRule("new lineage", "every window is computed again"),
    "warehouse": KeyRule("refused", "what is loaded lies in the old table"),
}


def judge_change(key: str, was: object, now: object) -> KeyRule:
    """The rule of a key that was one thing and is another now; `KeyError` for a key without one."""
    if key == "column.nullable" and now is False:
        return REQUIRED
    if key == "raw.zone":
        return _LESS_KEPT.get((str(was), str(now)), _NOT_KEPT)
    return find_rule(key)


def find_rule(key: str) -> KeyRule:
    """The rule of a key, or of the longest of its prefixes that has one; `KeyError` where none has."""
    while key not in KEYS:
        key, dot, _ = key.rpartition(".")
        if not dot:
            raise KeyError(key)
    return KEYS[key]
