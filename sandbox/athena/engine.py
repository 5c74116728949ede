"""Carries a statement out: its scans are read from the objects, and duckdb computes the answer."""

from __future__ import annotations

import threading

import duckdb

from sandbox.athena.catalog import Catalog, CatalogTable
from sandbox.athena.failures import QueryCancelled, QueryFailed
from sandbox.athena.metadata_statements import answer_metadata
from sandbox.athena.objects import ObjectStore
from sandbox.athena.results import Result, ResultColumn, write_rows
from sandbox.athena.scan import ScanMeter, read_scan
from sandbox.athena.statement import PlannedQuery, parse_query, plan_query
from sandbox.athena.types import result_type

STOPPED = "Query cancelled by user"


class Engine:
    """Runs one statement; `stop` may be called from another thread."""

    def __init__(self, store: ObjectStore, catalog: Catalog, limit: int | None) -> None:
        self.store = store
        self.catalog = catalog
        self.meter = ScanMeter(limit)
        self._stopped = threading.Event()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def run(self, text: str, database: str) -> Result:
        """The answer; `QueryFailed` or `QueryCancelled` where there is none."""
        answer = answer_metadata(text, database, self.catalog)
        return answer or self._compute(plan_query(parse_query(text), database, self._find_table))

    def stop(self) -> None:
        """End the statement at the next chance."""
        self._stopped.set()
        if self._connection is not None:
            self._connection.interrupt()

    def _find_table(self, database: str, name: str) -> CatalogTable:
        table = self.catalog.find_table(database.lower(), name.lower())
        if table is None:
            raise QueryFailed(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")
        return table

    def _compute(self, plan: PlannedQuery) -> Result:
        # A file, an address or a Python variable is nothing that a statement may name here.
        with duckdb.connect(
            config={"enable_external_access": False, "python_enable_replacements": False}
        ) as connection:
            self._connection = connection
            for scan in plan.scans:
                self._check_stopped()
                connection.register(scan.name, read_scan(scan, self.store, self.meter))
            self._check_stopped()
            try:
                answer = connection.execute(plan.sql)
                rows = answer.fetchall()
            except duckdb.InterruptException:
                raise QueryCancelled(STOPPED, self.meter.bytes_scanned) from None
            except duckdb.Error as error:
                raise QueryFailed(_explain(error)) from None
            columns = tuple(ResultColumn(name, result_type(str(kind))) for name, kind, *_ in answer.description or ())
            return Result(columns, write_rows(rows))

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise QueryCancelled(STOPPED, self.meter.bytes_scanned)


def _explain(error: duckdb.Error) -> str:
    """Why the engine refused; a function may be known to Athena and not to it."""
    reason = str(error).splitlines()[0]
    if isinstance(error, duckdb.CatalogException):
        return f"FUNCTION_NOT_FOUND: the emulated Athena does not have it: {reason}"
    return f"GENERIC_USER_ERROR: {reason}"
