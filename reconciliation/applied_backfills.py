"""Which backfills of the lake are in the warehouse's tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_contract.layout import BACKFILL
from reconciliation.findings import Finding
from reconciliation.ledger_party import QueryLedger
from reconciliation.warehouse_party import WarehouseTable


def find_applied(tables: Mapping[str, WarehouseTable]) -> int:
    """The number of the newest backfill of which a row is in the tables, 0 without any."""
    ids = pa.concat_tables([tables[name].rows.select(["_batch_id"]) for name in ("curated", "rejected")])["_batch_id"]
    numbers = [text.rpartition("-")[2] for text in pc.unique(ids).to_pylist() if text and text.startswith(BACKFILL)]
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def report_unapplied(pipeline: str, ledger: QueryLedger, applied: int) -> Iterator[Finding]:
    """The backfills of the lake that the tables do not show yet."""
    for backfill in ledger.backfills:
        if backfill.number > applied:
            command = f"python -m snowflake_integration apply-backfill {pipeline}"
            text = f"backfill {backfill.number} is in the lake and not in the tables yet: run `{command}`"
            rows = sum(file.rows for file in backfill.replacements)
            yield Finding("pending", "warehouse", text, rows)
