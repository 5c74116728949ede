"""The function's session in the warehouse, kept from one invocation to the next and opened anew when it is lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from connections.settings import WarehouseSettings
from connections.warehouse import Connection, name_loader_role, open_warehouse
from connections.way_tables import check_tables
from pipeline_contract.ways import WayTables


class WarehouseSession:
    """Opens a session when one is first asked for; `read_settings` is asked for the key each time that one is opened."""

    def __init__(self, read_settings: Callable[[], WarehouseSettings], tables: WayTables, pipeline: str) -> None:
        self._read_settings = read_settings
        self._tables = tables
        self._pipeline = pipeline
        self._connection: Connection | None = None

    def use(self) -> Connection:
        """The session; a new one has been checked to have the tables with their columns."""
        if self._connection is None:
            settings = self._read_settings()
            connection = open_warehouse(
                settings,
                database=self._tables.curated.database,
                schema=self._tables.curated.schema,
                role=name_loader_role(settings),
                paramstyle="qmark",
                # A function that waited for ever would be ended by Lambda, and say nothing.
                outage_s=settings.timeout_s,
            )
            check_tables(connection, self._tables, self._pipeline)
            self._connection = connection
        return self._connection

    def give_up(self) -> None:
        """Close the session, of which nobody knows what still stands; the next use opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # A server that is gone cannot be told; it ends the session by itself.
            with suppress(Exception):
                connection.close()
