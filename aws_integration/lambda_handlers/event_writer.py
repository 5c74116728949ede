"""An event's partitions, each written on its own: what fails in one does not hold up the others."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random_exponential

from aws_integration.lambda_handlers.row_writer import Counts, Overtaken, RowWriter
from aws_integration.lambda_handlers.secrets import add_secrets
from aws_integration.lambda_handlers.warehouse_session import WarehouseSession
from connections.row_judging import open_judge
from connections.settings import Settings
from pipeline_contract.errors import PipelineError, ServiceError
from pipeline_contract.kafka_event import EventSlice, Failure
from pipeline_contract.model import Contract
from pipeline_contract.ways import derive_way_tables

ATTEMPTS = 8


class EventWriter:
    """Writes slices in a session that it keeps, and tries again what may pass."""

    def __init__(self, session: WarehouseSession, writer: RowWriter) -> None:
        self._session = session
        self._writer = writer

    def write(self, slices: Sequence[EventSlice], batch_id: str, timeout_s: float) -> tuple[Counts, list[Failure]]:
        """What was written, and what was not and why, within about `timeout_s` if each statement is quick."""
        deadline_s = time.monotonic() + timeout_s
        counts, failures = Counts(), []
        for piece in slices:
            try:
                counts += self._retrying(deadline_s)(self._attempt, piece, batch_id)
            except PipelineError as error:
                failures.append(Failure(piece, str(error), isinstance(error, ServiceError)))
        return counts, failures

    def close(self) -> None:
        """Close the session."""
        self._session.give_up()

    def _attempt(self, piece: EventSlice, batch_id: str) -> Counts:
        try:
            return self._writer.write(self._session.use(), piece, batch_id)
        except Overtaken:
            raise
        except ServiceError:
            self._session.give_up()
            raise

    @staticmethod
    def _retrying(deadline_s: float) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(ServiceError),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(max(0.0, deadline_s - time.monotonic())),
            reraise=True,
        )


def open_writer(contract: Contract, settings: Settings) -> EventWriter:
    """The writer of a pipeline's events; no session is opened yet."""
    tables = derive_way_tables(contract, "lambda")
    session = WarehouseSession(lambda: add_secrets(settings).warehouse, tables, contract.name)
    judge = open_judge(contract, add_secrets(settings))
    return EventWriter(session, RowWriter(contract.name, tables, judge))
