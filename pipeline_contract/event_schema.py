"""The JSON Schema of one event, derived from the contract: what the API checks a posted event against. Pure."""

from __future__ import annotations

from typing import Any

from pipeline_contract.event_model import EventContract, EventType, PayloadField
from pipeline_contract.json_schema import DIALECT

EVENT_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"


def derive_event_schema(contract: EventContract) -> dict[str, Any]:
    """The schema of one event: the envelope, and for each type what its payload must hold."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:millrace:{contract.name}:{contract.version}",
        "title": contract.name,
        "description": contract.description,
        "type": "object",
        "properties": {
            "event_id": {
                "type": "string",
                "pattern": EVENT_ID,
                "description": "Chosen by the sender, once for each event: one that is posted again has the same",
            },
            "type": {"type": "string", "enum": [kind.name for kind in contract.types]},
            "occurred_at": {
                "type": "string",
                "format": "date-time",
                "description": "RFC 3339 with an offset from UTC, to the microsecond at most",
            },
            "source": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Who has sent it"},
            "payload": {"type": "object", "description": "What the type asks for, and whatever else belongs to it"},
        },
        "required": ["event_id", "type", "occurred_at", "source", "payload"],
        "additionalProperties": False,
        "allOf": [_describe_type(kind) for kind in contract.types if kind.fields],
    }


def _describe_type(kind: EventType) -> dict[str, Any]:
    chosen = {"properties": {"type": {"const": kind.name}}, "required": ["type"]}
    return {"if": chosen, "then": {"properties": {"payload": _describe_object(kind.fields, 0)}}}


def _describe_object(fields: tuple[PayloadField, ...], depth: int) -> dict[str, Any]:
    """The object that holds these fields, whose paths share their first `depth` steps."""
    heads = list(dict.fromkeys(field.steps[depth] for field in fields))
    inner = {head: tuple(field for field in fields if field.steps[depth] == head) for head in heads}
    required = [head for head, held in inner.items() if any(field.required for field in held)]
    properties = {
        head: _describe_value(held[0]) if len(held[0].steps) == depth + 1 else _describe_object(held, depth + 1)
        for head, held in inner.items()
    }
    may_be_null = depth > 0 and not required
    kind: Any = ["object", "null"] if may_be_null else "object"
    return {"type": kind, "properties": properties} | ({"required": required} if required else {})


def _describe_value(field: PayloadField) -> dict[str, Any]:
    schema = field.type.json_schema
    if not field.required:
        schema["type"] = [schema["type"], "null"]
    return schema | ({"description": field.description} if field.description else {})
