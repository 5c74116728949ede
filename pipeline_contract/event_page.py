"""A set of events on one page: all that its contract derives, as data and as text."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.text import Text

from pipeline_contract.contract_file import hash_contract
from pipeline_contract.ddl import snowflake_table
from pipeline_contract.event_layout import (
    delivered_prefix,
    name_api,
    name_api_function,
    name_ids,
    name_stream,
    receipts_prefix,
    refused_prefix,
    undelivered_prefix,
)
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_outputs import derive_staged
from pipeline_contract.event_schema import derive_event_schema
from pipeline_contract.page import render_table


def describe_events(contract: EventContract) -> dict[str, Any]:
    """All that a contract derives, as one JSON object."""
    name, staged = contract.name, derive_staged(contract)
    return {
        "events": name,
        "version": contract.version,
        "description": contract.description,
        "contract_hash": hash_contract(contract),
        "api": {"name": name_api(name), "function": name_api_function(name), **contract.api.model_dump(mode="json")},
        "delivery": {"stream": name_stream(name), **contract.delivery.model_dump(mode="json")},
        "ids": name_ids(name),
        "prefixes": {
            "delivered": delivered_prefix(name),
            "undelivered": undelivered_prefix(name),
            "receipts": receipts_prefix(name),
            "refused": refused_prefix(name),
        },
        "table": staged.table,
        "view": staged.view,
        "fields": [
            {
                "type of event": kind.name,
                "column of the view": field.name,
                "path": field.path,
                "type": str(field.type),
                "required": "yes" if field.required else "no",
            }
            for kind in contract.types
            for field in kind.fields
        ],
        "schema": derive_event_schema(contract),
        "snowflake": snowflake_table(staged),
    }


def render_event_page(contract: EventContract) -> RenderableType:
    """The same for a reader."""
    facts = describe_events(contract)
    place = f"{contract.warehouse.database.upper()}.{contract.warehouse.schema_.upper()}"
    settings = {**facts["api"], **facts["delivery"], "table of ids": facts["ids"], **facts["prefixes"]}
    return Group(
        Text(f"{contract.name}, version {contract.version} ({facts['contract_hash']})", style="bold"),
        Text(contract.description),
        Text(),
        render_table("API, stream and prefixes", [{"setting": n, "value": str(v)} for n, v in settings.items()]),
        render_table(f"Fields of the payload, shown by {place}.{facts['view']}", facts["fields"]),
        Text("Snowflake: the staging table", style="bold"),
        Syntax(facts["snowflake"], "sql", theme="ansi_dark", background_color="default"),
    )
