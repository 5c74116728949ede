"""Puts the emulated Snowflake together: the account's files, the copy engine, the local Snowpipe, the HTTP endpoint."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import uvicorn
from sqlglot import exp

from sandbox.snowflake.instance import Account
from sandbox.snowflake.server import Endpoint
from sandbox.snowflake.services import Services
from sandbox.snowpipe.catalog import Catalog
from sandbox.snowpipe.copy_engine import CopyEngine
from sandbox.snowpipe.object_store import AwsEndpoint, ObjectStore
from sandbox.snowpipe.pipe_queue import PipeQueue
from sandbox.snowpipe.pipes import PendingFiles
from sandbox.snowpipe.service import Snowpipe
from sandbox.snowpipe.user_stage import StagedFiles, UserStage
from sandbox.snowpipe.warehouse import Warehouse


def translate_select(account: Account, select: exp.Select) -> str:
    """Return a Snowflake SELECT as duckdb SQL, by fakesnow's own translation."""
    connection = account.open_connection(autocommit=True)
    try:
        translated = connection.cursor()._transform(select, None)
        return str(translated.sql(dialect="duckdb"))
    finally:
        connection.close()


def run_endpoint(listener: socket.socket, state_dir: Path, aws: AwsEndpoint) -> None:
    """Serve on the bound socket until SIGTERM or SIGINT, then finish the file in hand and close."""
    account = Account(state_dir)
    catalog = Catalog(account.duck_conn)
    pending = PendingFiles(account.duck_conn)
    engine = CopyEngine(account.duck_conn, account.temp_dir, lambda select: translate_select(account, select))
    files = StagedFiles(ObjectStore(aws), UserStage(state_dir / "user_stage"))
    warehouse = Warehouse(account.duck_conn, catalog, files, engine, aws)
    queue = PipeQueue(aws, account.identity)
    snowpipe = Snowpipe(warehouse, queue, pending)
    services = Services(account, warehouse, queue, pending, snowpipe.wake)
    snowpipe.start()
    config = uvicorn.Config(
        Endpoint(services).make_app(), log_level="warning", lifespan="off", timeout_graceful_shutdown=5
    )
    # uvicorn stops at these signals and then raises them again: they must not end the process before it is tidied up.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        snowpipe.stop()
        account.close()
