"""CREATE, ALTER, DROP, SHOW and DESC of pipes, and what SYSTEM$PIPE_STATUS answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.snowflake.results import QueryResult, make_result, make_status
from sandbox.snowflake.services import Services, accept_mode, select_shown, take_object
from sandbox.snowpipe.catalog import CatalogObject, integration_name
from sandbox.snowpipe.copy_select import choose_columns
from sandbox.snowpipe.copy_statement import check_pipe_copy, parse_copy, select_files
from sandbox.snowpipe.load_history import find_pipe_load, find_table_loads
from sandbox.snowpipe.load_rules import is_in_refresh_reach, is_known_to_pipe, is_known_to_table, is_stale
from sandbox.snowpipe.object_store import FileMissing
from sandbox.snowpipe.pipe_loader import has_table
from sandbox.snowpipe.pipes import Pipe, find_location, read_pipe
from sandbox.snowpipe.s3_events import FileEvent
from sandbox.snowpipe.sql_errors import SqlError, invalid_option, not_found
from sandbox.snowpipe.sql_names import SessionScope, qualify_name, split_name
from sandbox.snowpipe.sql_reader import Options, StatementReader, get_text, is_true
from sandbox.snowpipe.warehouse import describe_table, ensure_history, locate_stage, resolve_file_format

_PIPE_OPTIONS = {"AUTO_INGEST", "AWS_SNS_TOPIC", "INTEGRATION", "ERROR_INTEGRATION", "COMMENT"}


def create_pipe(services: Services, reader: StatementReader, scope: SessionScope, mode: str) -> QueryResult:
    """Carry out CREATE PIPE after checking its COPY, table, stage and file format; the queue is there afterwards."""
    mode = accept_mode(reader) or mode
    name = take_object(reader, scope)
    options = reader.take_options()
    for option in options:
        if option not in _PIPE_OPTIONS:
            raise invalid_option(f"invalid parameter '{option}' for a pipe")
    reader.expect("AS")
    copy_text = reader.text[reader.tokens[reader.position].start : reader.tokens[-1].end + 1]
    _check_pipe(services, copy_text, SessionScope(name.database, name.schema))
    topic = get_text(options, "AWS_SNS_TOPIC")
    if is_true(options.get("AUTO_INGEST")):
        _prepare_queue(services, topic)
    definition = {
        "copy": copy_text,
        "scope": [name.database, name.schema],
        "auto_ingest": is_true(options.get("AUTO_INGEST")),
        "sns_topic": topic,
        "error_integration": _find_error_integration(services, options),
        "comment": get_text(options, "COMMENT"),
        "paused_at": None,
    }
    return make_status(services.warehouse.catalog.create_object("PIPE", name, definition, mode))


def _check_pipe(services: Services, copy_text: str, scope: SessionScope) -> None:
    statement = parse_copy(copy_text, scope)
    check_pipe_copy(statement)
    with services.warehouse.root.cursor() as cursor:
        choose_columns(statement, describe_table(cursor, statement.target).columns)
    locate_stage(services.warehouse.catalog, statement.source)
    resolve_file_format(services.warehouse.catalog, statement, scope)
    if statement.target.database not in services.account.list_databases():
        raise not_found("Database", statement.target.database)


def _find_error_integration(services: Services, options: Options) -> str:
    """Return the name of the integration that a pipe's errors go to, '' for none; one that is not there is an error."""
    text = get_text(options, "ERROR_INTEGRATION")
    if not text:
        return ""
    found = services.warehouse.catalog.get_object("INTEGRATION", integration_name(split_name(text)[0]))
    return found.name.name


def _prepare_queue(services: Services, topic: str) -> None:
    try:
        services.queue.create_queue()
        if topic:
            services.queue.subscribe_topic(topic)
    except (BotoCoreError, ClientError) as error:
        raise SqlError(f"Pipe Notifications bind failure: the AWS endpoint refused the queue: {error}", 90040) from None


def alter_pipe(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out ALTER PIPE … SET | UNSET | REFRESH."""
    mode = accept_mode(reader)
    catalog = services.warehouse.catalog
    stored = catalog.find_object("PIPE", name := take_object(reader, scope))
    if stored is None:
        if mode == "IF EXISTS":
            return make_status("Statement executed successfully.")
        raise not_found("Pipe", str(name))
    if reader.accept("REFRESH"):
        return _refresh_pipe(services, reader, read_pipe(stored))
    if reader.accept("SET") and reader.peek() != "TAG":
        _set_options(services, stored, reader.take_options())
    return make_status("Statement executed successfully.")


def _set_options(services: Services, stored: CatalogObject, options: Options) -> None:
    definition = dict(stored.definition)
    for option in options:
        if option not in ("PIPE_EXECUTION_PAUSED", "COMMENT", "ERROR_INTEGRATION"):
            raise invalid_option(f"invalid parameter '{option}' for ALTER PIPE … SET")  # SP29: the COPY stays
    if "PIPE_EXECUTION_PAUSED" in options:
        if is_true(options["PIPE_EXECUTION_PAUSED"]):
            definition["paused_at"] = definition["paused_at"] or datetime.now(UTC).isoformat()
        else:
            _resume(read_pipe(stored), is_forced=False)
            definition["paused_at"] = None
    definition["comment"] = get_text(options, "COMMENT", definition["comment"])
    if "ERROR_INTEGRATION" in options:
        definition["error_integration"] = _find_error_integration(services, options)
    services.warehouse.catalog.update_object(stored, definition)
    services.wake_snowpipe()


def _resume(pipe: Pipe, *, is_forced: bool) -> None:
    if is_stale(pipe.paused_at, datetime.now(UTC)) and not is_forced:
        raise SqlError(
            f"Pipe {pipe.name} is paused for more than 14 days and is stale; resume it with "
            f"SELECT SYSTEM$PIPE_FORCE_RESUME('{pipe.name}', 'staleness_check_override')",
            93026,
            "22023",
        )


def force_resume(services: Services, name: str, arguments: str, scope: SessionScope) -> str:
    """Carry out SYSTEM$PIPE_FORCE_RESUME: a stale pipe needs 'staleness_check_override' (SP11)."""
    stored = services.warehouse.catalog.get_object("PIPE", qualify_name(name, scope))
    _resume(read_pipe(stored), is_forced="staleness_check_override" in arguments.lower())
    services.warehouse.catalog.update_object(stored, {**stored.definition, "paused_at": None})
    services.wake_snowpipe()
    return get_pipe_status(services, name, scope)


def _refresh_pipe(services: Services, reader: StatementReader, pipe: Pipe) -> QueryResult:
    """Queue the files of the last 7 days that neither the pipe's nor the table's history holds (SP10)."""
    options = reader.take_options()
    prefix = get_text(options, "PREFIX")
    after_text = get_text(options, "MODIFIED_AFTER")
    after = datetime.fromisoformat(after_text) if after_text else None
    after = after.replace(tzinfo=UTC) if after and after.tzinfo is None else after
    location = find_location(services.warehouse.catalog, pipe)
    if location is None:
        raise not_found("Stage", str(pipe.statement.source.stage))
    try:
        files = services.warehouse.store.list_files(location.bucket, location.prefix + prefix)
    except FileMissing as error:
        raise not_found("Bucket", str(error)) from None
    now = datetime.now(UTC)
    sent: list[FileEvent] = []
    ensure_history(services.warehouse.root, pipe.statement.target.database)
    with services.warehouse.root.cursor() as cursor:
        table_loads = find_table_loads(cursor, pipe.statement.target, location.bucket)
        for file in files:
            known = find_pipe_load(cursor, pipe.id, pipe.statement.target.database, file.bucket, file.key)
            in_table = table_loads.get(file.key)
            if (
                is_in_refresh_reach(file.last_modified, after, now)
                and select_files(pipe.statement, [file.key[len(location.prefix) :].lstrip("/")])
                and not is_known_to_pipe(known.loaded_at if known else None, now)
                and not (in_table and is_known_to_table(*in_table, now))
            ):
                sent.append(FileEvent(file.bucket, file.key, file.size, file.last_modified))
    services.pending.add_files([(pipe, event) for event in sent])
    services.wake_snowpipe()
    return make_result(("File", "Status"), [(event.key[len(location.stage_prefix) :], "SENT") for event in sent])


def show_pipes(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out SHOW PIPES; `notification_channel` is the queue that all pipes share (SP15)."""
    return _list_pipes(services, select_shown(reader, services.warehouse.catalog.list_objects("PIPE"), scope))


def describe_pipe(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out DESC PIPE."""
    return _list_pipes(services, [services.warehouse.catalog.get_object("PIPE", take_object(reader, scope))])


def _list_pipes(services: Services, stored_pipes: list[CatalogObject]) -> QueryResult:
    columns = (
        "created_on", "name", "database_name", "schema_name", "definition", "owner", "notification_channel", "comment",
        "integration", "pattern", "error_integration", "owner_role_type", "invalid_reason", "kind",
    )  # fmt: skip
    rows = []
    for stored in stored_pipes:
        pipe = read_pipe(stored)
        channel = services.queue.arn if pipe.definition["auto_ingest"] else None
        rows.append((
            pipe.created_on, pipe.name.name, pipe.name.database, pipe.name.schema, pipe.definition["copy"], "SYSADMIN",
            pipe.definition["sns_topic"] or channel, pipe.definition["comment"], None,
            get_text(pipe.statement.options, "PATTERN") or None, pipe.definition["error_integration"] or None, "ROLE",
            None, "STAGE",
        ))  # fmt: skip
    return make_result(columns, rows)


def get_pipe_status(services: Services, name: str, scope: SessionScope) -> str:
    """Return SYSTEM$PIPE_STATUS as JSON (SP25); the oldest pending file is named only while there is one."""
    pipe = read_pipe(services.warehouse.catalog.get_object("PIPE", qualify_name(name, scope)))
    received_at, loaded_at, file_key = services.pending.get_activity(pipe.id)
    waiting = services.pending.list_files_of(pipe.id, 1)
    location = find_location(services.warehouse.catalog, pipe)
    status: dict[str, object] = {
        "executionState": _execution_state(services, pipe, location is not None),
        "pendingFileCount": services.pending.count_files(pipe.id),
    }
    if waiting:
        status["oldestPendingFilePath"] = waiting[0].key
        status["oldestFileTimestamp"] = _shown(waiting[0].occurred_at)
    if loaded_at:
        status["lastIngestedTimestamp"] = _shown(loaded_at)
        status["lastIngestedFilePath"] = file_key
    if pipe.definition["auto_ingest"]:
        status["notificationChannelName"] = services.queue.arn
        try:
            status["numOutstandingMessagesOnChannel"] = services.queue.count_messages()
        except (BotoCoreError, ClientError) as error:
            status["channelErrorMessage"] = f"{error}"
    if received_at:
        status["lastReceivedMessageTimestamp"] = status["lastForwardedMessageTimestamp"] = _shown(received_at)
    return json.dumps(status)


def _execution_state(services: Services, pipe: Pipe, has_stage: bool) -> str:
    if not has_stage:
        return "STOPPED_STAGE_DROPPED"
    if not has_table(services.warehouse, pipe):
        return "STOPPED_MISSING_TABLE"
    return "PAUSED" if pipe.is_paused else "RUNNING"


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
