"""What the events way leaves in the warehouse: the staging table's columns, in the order of a delivered record. Pure."""

from __future__ import annotations

from pipeline_contract.column_types import INTEGER, STRING, TIMESTAMP, VARIANT, ColumnType
from pipeline_contract.event_layout import DELIVERED
from pipeline_contract.event_model import EventContract
from pipeline_contract.outputs import Output

EVENT_COLUMNS: dict[str, ColumnType] = {
    "event_id": STRING,
    "type": STRING,
    "occurred_at": TIMESTAMP,
    "source": STRING,
    "payload": VARIANT,
}
# The row's passport: the request that brought it, and its place there. The sender's address is a keyed hash, or null
# where the function has no key.
EVENT_PASSPORT: dict[str, ColumnType] = {
    "_request_id": STRING,
    "_event_index": INTEGER,
    "_received_at": TIMESTAMP,
    "_source_ip_hash": STRING,
    "_schema_version": INTEGER,
}


def derive_staged(contract: EventContract) -> Output:
    """The staging table: every delivered record as often as it was delivered; the view shows each event once."""
    table = contract.warehouse.table.upper()
    return Output(
        "staged",
        DELIVERED,
        "json",
        EVENT_COLUMNS | EVENT_PASSPORT,
        database=contract.warehouse.database.upper(),
        schema=contract.warehouse.schema_.upper(),
        table=f"{table}_STAGING",
        view=table,
    )
