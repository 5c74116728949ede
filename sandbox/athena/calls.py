"""Athena's API calls about executions and workgroups, each from its JSON to its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sandbox.athena.executions import Execution, Executions, Request
from sandbox.athena.results import Row
from sandbox.aws.refusals import CallRefused

PAGE_ROWS = 1000
Parameters = Mapping[str, Any]
Answer = dict[str, Any]


class InvalidRequest(CallRefused):
    """A call that Athena refuses as wrong."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidRequestException", message)


class Workgroups(Protocol):
    """The workgroups' configurations by name, as moto keeps them."""

    def find_configuration(self, name: str) -> Parameters | None:
        """A workgroup's configuration; None where there is no such workgroup."""

    def update_configuration(self, name: str, changes: Parameters) -> None:
        """Change a workgroup's configuration."""


class AthenaCalls:
    """Answers the calls that moto has no answer to."""

    def __init__(self, executions: Executions, workgroups: Workgroups) -> None:
        self.executions = executions
        self.workgroups = workgroups
        self.by_name: dict[str, Callable[[Parameters], Answer | None]] = {
            "StartQueryExecution": self.start_query,
            "GetQueryExecution": self.get_query,
            "GetQueryResults": self.get_results,
            "StopQueryExecution": self.stop_query,
            "ListQueryExecutions": self.list_queries,
            "GetWorkGroup": self.check_workgroup,
            "UpdateWorkGroup": self.update_workgroup,
        }

    def start_query(self, parameters: Parameters) -> Answer:
        """Begin to carry a statement out."""
        if parameters.get("ExecutionParameters"):
            raise InvalidRequest("The emulated Athena takes no ExecutionParameters: write the values in the statement")
        name = parameters.get("WorkGroup") or "primary"
        configuration = self._configuration(name)
        request = Request(
            text=parameters["QueryString"],
            database=(parameters.get("QueryExecutionContext") or {}).get("Database") or "default",
            workgroup=name,
            output_folder=_choose_output(configuration, parameters),
            limit=configuration.get("BytesScannedCutoffPerQuery"),
            token=parameters.get("ClientRequestToken") or "",
        )
        return {"QueryExecutionId": self.executions.start(request).id}

    def get_query(self, parameters: Parameters) -> Answer:
        """How far an execution is."""
        return {"QueryExecution": self._find(parameters).describe()}

    def get_results(self, parameters: Parameters) -> Answer:
        """One page of the rows; the first one begins with the names of a SELECT's columns."""
        execution = self._find(parameters)
        if not execution.is_done:
            raise InvalidRequest(f"Query has not yet finished. Current state: {execution.state}")
        if execution.result is None:
            raise InvalidRequest(f"Query did not finish successfully. Final query state: {execution.state}")
        first = int(parameters.get("NextToken") or 0)
        last = first + min(int(parameters.get("MaxResults") or PAGE_ROWS), PAGE_ROWS)
        lines = execution.result.lines
        columns = [column.describe() for column in execution.result.columns]
        page = {"Rows": [_describe_row(row) for row in lines[first:last]], "ResultSetMetadata": {"ColumnInfo": columns}}
        return {"ResultSet": page, "UpdateCount": 0} | ({"NextToken": str(last)} if last < len(lines) else {})

    def stop_query(self, parameters: Parameters) -> Answer:
        """Ask an execution to end; one that has ended stays as it is."""
        self._find(parameters).engine.stop()
        return {}

    def list_queries(self, parameters: Parameters) -> Answer:
        """The ids of a workgroup's executions, the newest first, all on one page."""
        return {"QueryExecutionIds": self.executions.list_ids(parameters.get("WorkGroup") or "primary")}

    def check_workgroup(self, parameters: Parameters) -> None:
        """Refuse a workgroup that is not there, which moto describes as null."""
        self._configuration(parameters["WorkGroup"])

    def update_workgroup(self, parameters: Parameters) -> Answer:
        """Change a workgroup's configuration; what is not named stays."""
        self._configuration(parameters["WorkGroup"])
        changes = dict(parameters.get("ConfigurationUpdates") or {})
        if "ResultConfigurationUpdates" in changes:
            changes["ResultConfiguration"] = changes.pop("ResultConfigurationUpdates")
        self.workgroups.update_configuration(parameters["WorkGroup"], changes)
        return {}

    def _find(self, parameters: Parameters) -> Execution:
        identity = str(parameters["QueryExecutionId"])
        execution = self.executions.find(identity)
        if execution is None:
            raise InvalidRequest(f"QueryExecution {identity} was not found")
        return execution

    def _configuration(self, name: str) -> Parameters:
        configuration = self.workgroups.find_configuration(name)
        if configuration is None:
            raise InvalidRequest(f"WorkGroup {name} is not found.")
        return configuration


def _choose_output(configuration: Parameters, parameters: Parameters) -> str:
    """Where the result goes: the workgroup's place where that is enforced, else the call's own, else the workgroup's."""
    of_group = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
    of_call = (parameters.get("ResultConfiguration") or {}).get("OutputLocation")
    chosen = of_group if configuration.get("EnforceWorkGroupConfiguration") else of_call or of_group
    if not chosen:
        raise InvalidRequest(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    return str(chosen)


def _describe_row(row: Row) -> dict[str, Any]:
    return {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
