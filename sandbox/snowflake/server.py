"""The HTTP side: the requests of the Snowflake connector, answered as Snowflake answers them, errors included."""

from __future__ import annotations

import gzip
import json
import logging
import secrets
import uuid
from typing import Any

import duckdb
import snowflake.connector.errors
from fakesnow.converter import from_binding
from fakesnow.transforms import SERVER_VERSION
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.snowflake.results import encode_result
from sandbox.snowflake.services import Services
from sandbox.snowflake.session import Session
from sandbox.snowpipe.copy_engine import describe_error
from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.sql_names import split_name
from sandbox.snowpipe.warehouse import is_write_conflict

# A transaction that blocks another one and in which nothing was asked for so long is rolled back. In Snowflake it is five
# minutes: docs.snowflake.com/en/sql-reference/transactions, aborting transactions.
IDLE_TRANSACTION_S = 5.0

logger = logging.getLogger("sandbox.snowflake")


class Endpoint:
    """The sessions of all connectors, and the answers to their requests."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._sessions: dict[str, Session] = {}

    def make_app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/monitoring/healthcheck", self.answer_health, methods=["GET"]),
                Route("/session/v1/login-request", self.answer_login, methods=["POST"]),
                Route("/session", self.answer_session, methods=["POST"]),
                Route("/session/heartbeat", self.answer_session, methods=["POST"]),
                Route("/queries/v1/query-request", self.answer_query, methods=["POST"]),
                Route("/queries/v1/abort-request", self.answer_ignored, methods=["POST"]),
                Route("/telemetry/send", self.answer_ignored, methods=["POST"]),
                Route("/telemetry/send/sessionless", self.answer_ignored, methods=["POST"]),
            ]
        )

    async def answer_health(self, _: Request) -> JSONResponse:
        """Answer that the endpoint is ready."""
        return JSONResponse({"status": "ok", "service": "Snowflake (emulated)"})

    async def answer_ignored(self, _: Request) -> JSONResponse:
        """Answer a request that has no effect here."""
        return JSONResponse({"data": None, "code": None, "message": None, "success": True})

    async def answer_login(self, request: Request) -> JSONResponse:
        """Open a session; its database and schema are created when they do not exist."""
        parameters = (await _read_body(request))["data"].get("SESSION_PARAMETERS") or {}
        autocommit = parameters.get("AUTOCOMMIT", True)
        try:
            names = [_first_part(request.query_params.get(key)) for key in ("databaseName", "schemaName")]
            session = await run_in_threadpool(self._open_session, names[0], names[1], bool(autocommit))
        except (SqlError, duckdb.Error) as error:
            return _refuse(error)
        token = secrets.token_urlsafe(32)
        self._sessions[token] = session
        data = {
            "token": token,
            "masterToken": token,
            "serverVersion": SERVER_VERSION,
            "parameters": [
                {"name": "AUTOCOMMIT", "value": autocommit},
                {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
                {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
                {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
            ],
            "sessionInfo": {
                "databaseName": session.scope.database,
                "schemaName": session.scope.schema,
                "roleName": "SYSADMIN",
                "warehouseName": "EMULATED",
            },
        }
        return JSONResponse({"data": data, "success": True})

    def _open_session(self, database: str | None, schema: str | None, autocommit: bool) -> Session:
        return Session(self._services, database, schema, autocommit=autocommit)

    async def answer_session(self, request: Request) -> JSONResponse:
        """Keep a session, or close it where the request says `delete`."""
        token = _read_token(request)
        if token not in self._sessions:
            return _refuse_session()
        if request.query_params.get("delete"):
            await run_in_threadpool(self._sessions.pop(token).close)
        return JSONResponse({"data": None, "code": None, "message": None, "success": True})

    async def answer_query(self, request: Request) -> JSONResponse:
        """Run a statement; whatever goes wrong comes back as a Snowflake error."""
        session = self._sessions.get(_read_token(request))
        if session is None:
            return _refuse_session()
        body = await _read_body(request)
        try:
            return await run_in_threadpool(_run_request, session, body)
        except Exception as error:  # a client must see every error, never a hang
            if is_write_conflict(error):
                for other in list(self._sessions.values()):
                    other.abort_idle(IDLE_TRANSACTION_S)
            return _refuse(error)


def _run_request(session: Session, body: dict[str, Any]) -> JSONResponse:
    text = body["sqlText"]
    if (upload := session.plan_upload(text)) is not None:
        return JSONResponse({"data": upload, "success": True})
    if body.get("describeOnly") and (described := session.describe_statement(text)) is not None:
        result, binds = described
        data = encode_result(result, *session.scope) | {"numberOfBinds": binds, "arrayBindSupported": False}
        return JSONResponse({"data": data, "success": True})
    result = session.run_statement(text, _read_bindings(body.get("bindings") or {}))
    if not result.query_id:
        result = result._replace(query_id=str(uuid.uuid4()))
    return JSONResponse({"data": encode_result(result, *session.scope), "success": True})


def _read_bindings(bindings: dict[str, Any]) -> list[Any]:
    """Return one set of parameters a row: positional as lists, named as a dictionary."""
    if not bindings:
        return []
    if not all(key.isdigit() for key in bindings):
        return [{name: _read_value(binding) for name, binding in bindings.items()}]
    ordered = [bindings[str(position)] for position in range(1, len(bindings) + 1)]
    if any(isinstance(binding["value"], list) for binding in ordered):
        columns = [[_read_value({**binding, "value": value}) for value in binding["value"]] for binding in ordered]
        return [list(row) for row in zip(*columns, strict=True)]
    return [[_read_value(binding) for binding in ordered]]


def _read_value(binding: dict[str, Any]) -> Any:  # a parameter may be of any type
    return None if binding["value"] is None else from_binding(binding)


async def _read_body(request: Request) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def _first_part(name: str | None) -> str | None:
    return split_name(name)[0] if name else None


def _read_token(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix('Snowflake Token="').removesuffix('"')


def _refuse_session() -> JSONResponse:
    message = (
        "Session no longer exists (the emulated Snowflake was restarted?). New login required to access the service."
    )
    return JSONResponse({"data": None, "code": "390111", "message": message, "success": False})


def _refuse(error: Exception) -> JSONResponse:
    """Return a failed answer with the error number and SQL state that the connector raises as ProgrammingError."""
    if isinstance(error, SqlError):
        errno, sqlstate, message = error.errno, error.sqlstate, error.message
    elif isinstance(error, snowflake.connector.errors.Error):
        errno, sqlstate, message = error.errno or 1003, error.sqlstate or "42000", error.msg or str(error)
    elif isinstance(error, duckdb.Error):
        errno, sqlstate, message = 100038, "22018", describe_error(error)
    else:
        logger.error("statement failed", exc_info=error)
        errno, sqlstate, message = 1003, "42000", f"not emulated: {type(error).__name__}: {error}"
    code = f"{errno:06d}"
    data = {"errorCode": code, "sqlState": sqlstate, "queryId": str(uuid.uuid4())}
    return JSONResponse({"data": data, "code": code, "message": message, "success": False})
