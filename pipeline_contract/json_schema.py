"""The JSON Schema of one event of a pipeline: what an API checks a posted event against."""

from __future__ import annotations

from typing import Any

from pipeline_contract.model import Column, Contract

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def derive_json_schema(contract: Contract) -> dict[str, Any]:
    """The schema of one event, with the names that the source uses; an unknown property is refused."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:millrace:{contract.name}:{contract.version}",
        "title": contract.name,
        "description": contract.description,
        "type": "object",
        "properties": {column.header: _describe_column(column) for column in contract.columns},
        "required": [column.header for column in contract.columns if not column.nullable],
        "additionalProperties": False,
    }


def _describe_column(column: Column) -> dict[str, Any]:
    schema = column.type.json_schema
    if column.format:  # the contract's own pattern, which JSON Schema's date and date-time know nothing of
        schema = {"type": "string", "description": f"format {column.format}"}
    if column.nullable:
        schema["type"] = [schema["type"], "null"]
    return schema | ({"description": column.description} if column.description else {})
