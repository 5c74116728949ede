"""Which objects of the lake the warehouse holds rows of: asked of the tables themselves, whose rows name their files."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from connections.settings import WarehouseSettings
from connections.warehouse import StatementFailed, open_warehouse, run_query
from pipeline_contract.ddl import quote_snowflake
from pipeline_contract.outputs import Output


def read_loaded_files(settings: WarehouseSettings, outputs: Iterable[Output]) -> set[str]:
    """The keys of the objects from which rows of these outputs' tables came; none for a table that is not there."""
    with closing(open_warehouse(settings)) as connection:
        loaded: set[str] = set()
        for output in outputs:
            table = ".".join(quote_snowflake(name) for name in (output.database, output.schema, output.table))
            try:
                rows = run_query(connection, f'SELECT DISTINCT "_FILE_NAME" AS FILE_NAME FROM {table}')  # noqa: S608
            except StatementFailed as error:
                if not error.is_about_nothing:
                    raise
                continue
            loaded.update(str(row["FILE_NAME"]) for row in rows)
        return loaded
