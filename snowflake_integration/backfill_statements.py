"""The statements that bring one backfill into the tables: delete by passport, copy the new files by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from connections.warehouse import quote_literal
from pipeline_contract.column_types import TIMESTAMP
from pipeline_contract.layout import name_backfill, operations_prefix
from pipeline_contract.manifest import Backfill, OffsetRange
from snowflake_integration.copy_statement import replacing_copy
from snowflake_integration.naming import Names, Target

# As many names as one COPY takes: docs.snowflake.com/en/sql-reference/sql/copy-into-table, FILES.
_FILES_AT_ONCE = 1000


@dataclass(frozen=True)
class Deletion:
    """What goes out of one table: the condition that its rows meet."""

    target: Target
    condition: str

    @property
    def statement(self) -> str:
        """The DELETE."""
        return f"DELETE FROM {self.target.table}\nWHERE {self.condition}"  # noqa: S608 - quoted names and literals

    @property
    def question(self) -> str:
        """The question how many rows the DELETE will meet."""
        return f"SELECT COUNT(*) AS N FROM {self.target.table}\nWHERE {self.condition}"  # noqa: S608


def list_deletions(backfill: Backfill, names: Names, topic: str) -> tuple[Deletion, ...]:
    """The rows that a backfill replaces, by table: up to its snapshot, so that rows that came since stay."""
    targets = {target.output.kind: target for target in names.targets if target.output.kind != "aggregate"}
    time, known = '"_EVENT_TIME"', _within_snapshot(backfill.snapshot)
    within = f"{time} >= {_literal(backfill.event_from)} AND {time} < {_literal(backfill.event_to)}"
    deletions = [Deletion(targets["curated"], f"{within}\n    AND {known}")]
    if backfill.with_rejected:
        own = f'"_TOPIC" = {quote_literal(topic)} AND "REASON" <> \'duplicate\''
        deletions.append(Deletion(targets["rejected"], f"({within} OR {time} IS NULL)\n    AND {own}\n    AND {known}"))
    return tuple(deletions)


def list_copies(backfill: Backfill, names: Names, pipeline: str) -> list[str]:
    """A COPY of the replacing files by name for each table, or more where one cannot take them all."""
    prefix = operations_prefix(pipeline)
    copies = []
    for target in names.targets:
        of_target = (file for file in backfill.replacements if file.output == target.output.name)
        files = [file.final_key.removeprefix(prefix) for file in of_target]
        for first in range(0, len(files), _FILES_AT_ONCE):
            copies.append(replacing_copy(target, names, *files[first : first + _FILES_AT_ONCE]))
    return copies


def count_new_rows(backfill: Backfill, target: Target) -> str:
    """The question how many rows of a backfill a table holds."""
    batch_id = quote_literal(name_backfill(backfill.number))
    return f'SELECT COUNT(*) AS N FROM {target.table} WHERE "_BATCH_ID" = {batch_id}'  # noqa: S608


def _within_snapshot(snapshot: Iterable[OffsetRange]) -> str:
    places = (
        f'("_TOPIC_ID" = {quote_literal(r.topic_id)} AND "_PARTITION" = {r.partition} AND "_OFFSET" < {r.end})'
        for r in snapshot
    )
    return "(" + "\n        OR ".join(places) + ")"


def _literal(time: datetime) -> str:
    return f"{quote_literal(time.isoformat(sep=' '))}::{TIMESTAMP.snowflake}"
