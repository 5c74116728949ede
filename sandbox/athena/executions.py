"""The executions of statements: each runs in a thread of its own, and is remembered until the endpoint ends."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.athena.catalog import Catalog
from sandbox.athena.engine import Engine
from sandbox.athena.failures import SYSTEM_ERROR, QueryCancelled, QueryFailed
from sandbox.athena.objects import ObjectStore, split_location
from sandbox.athena.results import Result

State = Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
MOST_KEPT = 200


@dataclass(frozen=True)
class Request:
    """What was asked: the statement, where names are looked up, and where the result goes."""

    text: str
    database: str
    workgroup: str
    output_folder: str
    limit: int | None
    token: str


@dataclass
class Execution:
    """One execution as it is now; times are seconds since the epoch."""

    request: Request
    engine: Engine
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = "QUEUED"
    reason: str | None = None
    category: int | None = None
    submitted_s: float = field(default_factory=time.time)
    began_s: float | None = None
    completed_s: float | None = None
    result: Result | None = None

    @property
    def output_location(self) -> str:
        """The address of the result's object."""
        return f"{self.request.output_folder.rstrip('/')}/{self.id}.csv"

    @property
    def is_done(self) -> bool:
        """Whether it has come to an end."""
        return self.state not in ("QUEUED", "RUNNING")

    def describe(self) -> dict[str, Any]:
        """Athena's QueryExecution."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted_s}
        if self.completed_s is not None:
            status["CompletionDateTime"] = self.completed_s
        if self.reason is not None:
            status["StateChangeReason"] = self.reason
        if self.category is not None:
            error = {"ErrorCategory": self.category, "ErrorMessage": self.reason, "Retryable": False}
            status["AthenaError"] = error
        verb = self.request.text.split(maxsplit=1)[0].upper() if self.request.text.split() else ""
        return {
            "QueryExecutionId": self.id,
            "Query": self.request.text,
            "StatementType": "UTILITY" if verb in ("SHOW", "DESCRIBE", "DESC") else "DML",
            "ResultConfiguration": {"OutputLocation": self.output_location},
            "QueryExecutionContext": {"Database": self.request.database},
            "WorkGroup": self.request.workgroup,
            "Status": status,
            "Statistics": self._measure(),
        }

    def _measure(self) -> dict[str, int]:
        until = self.completed_s or time.time()
        began = self.began_s or until
        return {
            "DataScannedInBytes": self.engine.meter.bytes_scanned,
            "EngineExecutionTimeInMillis": int((until - began) * 1000),
            "QueryQueueTimeInMillis": int((began - self.submitted_s) * 1000),
            "TotalExecutionTimeInMillis": int((until - self.submitted_s) * 1000),
        }


class Executions:
    """All executions since the endpoint's start, the oldest forgotten beyond a number."""

    def __init__(self, store: ObjectStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._by_id: dict[str, Execution] = {}
        self._by_token: dict[str, Execution] = {}

    def start(self, request: Request) -> Execution:
        """Begin to carry a statement out; the same request token again is the same execution."""
        if request.token and request.token in self._by_token:
            return self._by_token[request.token]
        execution = Execution(request, Engine(self._store, self._catalog, request.limit))
        self._by_id[execution.id] = execution
        self._by_token[request.token] = execution
        for old in list(self._by_id)[:-MOST_KEPT]:
            self._by_token.pop(self._by_id.pop(old).request.token, None)
        threading.Thread(target=self._run, args=(execution,), name=f"query-{execution.id}", daemon=True).start()
        return execution

    def find(self, identity: str) -> Execution | None:
        """An execution by its id."""
        return self._by_id.get(identity)

    def list_ids(self, workgroup: str) -> list[str]:
        """The ids of a workgroup's executions, the newest first."""
        return [e.id for e in reversed(list(self._by_id.values())) if e.request.workgroup == workgroup]

    def _run(self, execution: Execution) -> None:
        execution.state, execution.began_s = "RUNNING", time.time()
        state: State = "SUCCEEDED"
        try:
            execution.result = execution.engine.run(execution.request.text, execution.request.database)
            self._write(execution, execution.result)
        except QueryCancelled as cancelled:
            state, execution.reason = "CANCELLED", cancelled.reason
        except QueryFailed as failed:
            state, execution.reason, execution.category = "FAILED", failed.reason, failed.category
        except Exception as error:
            state, execution.reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {error}"
            execution.category = SYSTEM_ERROR
        execution.completed_s = time.time()
        execution.state = state

    def _write(self, execution: Execution, result: Result) -> None:
        bucket, prefix = split_location(execution.request.output_folder)
        if not self._store.put_object(bucket, f"{prefix}{execution.id}.csv", result.write_csv()):
            raise QueryFailed(f"Unable to verify/create output bucket {bucket}")
