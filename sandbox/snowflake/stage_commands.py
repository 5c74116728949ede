"""CREATE, ALTER, DROP, SHOW and DESC of stages and file formats, and LIST."""

from __future__ import annotations

import re
from typing import Any

from sandbox.snowflake.results import QueryResult, make_result, make_status
from sandbox.snowflake.services import Services, accept_mode, select_shown, take_object
from sandbox.snowpipe.catalog import integration_name
from sandbox.snowpipe.copy_statement import parse_stage_path
from sandbox.snowpipe.file_formats import read_file_format
from sandbox.snowpipe.object_store import FileMissing
from sandbox.snowpipe.sql_errors import SqlError, invalid_option, not_found
from sandbox.snowpipe.sql_names import SessionScope, qualify_name, split_name
from sandbox.snowpipe.sql_reader import Options, StatementReader, get_options, get_text
from sandbox.snowpipe.warehouse import locate_stage

_STAGE_OPTIONS = {
    "URL", "STORAGE_INTEGRATION", "FILE_FORMAT", "COMMENT", "DIRECTORY", "CREDENTIALS", "ENCRYPTION", "COPY_OPTIONS",
}  # fmt: skip


def create_file_format(services: Services, reader: StatementReader, scope: SessionScope, mode: str) -> QueryResult:
    """Carry out CREATE FILE FORMAT; unknown options are refused by name."""
    mode = accept_mode(reader) or mode
    name = take_object(reader, scope)
    options = reader.take_options()
    _expect_end(reader)
    read_file_format(options)
    return make_status(services.warehouse.catalog.create_object("FILE FORMAT", name, {"options": options}, mode))


def create_stage(services: Services, reader: StatementReader, scope: SessionScope, mode: str) -> QueryResult:
    """Carry out CREATE STAGE of an external stage on s3://."""
    mode = accept_mode(reader) or mode
    name = take_object(reader, scope)
    options = reader.take_options()
    _expect_end(reader)
    definition = _read_stage(services, options, scope, {})
    return make_status(services.warehouse.catalog.create_object("STAGE", name, definition, mode))


def _read_stage(services: Services, options: Options, scope: SessionScope, current: dict[str, Any]) -> dict[str, Any]:
    for option in options:
        if option not in _STAGE_OPTIONS:
            raise invalid_option(f"invalid parameter '{option}' for a stage")
    url = get_text(options, "URL", current.get("url", ""))
    if not re.fullmatch(r"s3://[^/]+(/.*)?", url):
        raise SqlError(
            f"SQL compilation error:\ninvalid URL prefix found in: '{url}' (the emulated Snowflake has external "
            "stages on s3:// only)",
            1011,
            "42601",
        )
    integration = get_text(options, "STORAGE_INTEGRATION", current.get("storage_integration", ""))
    if integration:
        stored = services.warehouse.catalog.get_object("INTEGRATION", integration_name(split_name(integration)[0]))
        integration = stored.name.name
        _check_allowed(url, stored.definition)
    file_format = get_options(options, "FILE_FORMAT") if "FILE_FORMAT" in options else current.get("file_format", {})
    services.warehouse.catalog.resolve_format(file_format, {}, scope)
    if named := get_text(file_format, "FORMAT_NAME"):
        file_format = {**file_format, "FORMAT_NAME": str(qualify_name(named, scope))}
    return {
        "url": url,
        "storage_integration": integration,
        "file_format": file_format,
        "comment": get_text(options, "COMMENT", current.get("comment", "")),
    }


def _check_allowed(url: str, integration: dict[str, Any]) -> None:
    allowed = integration["allowed_locations"]
    if not any(location in ("*", "s3://*") or url.startswith(location) for location in allowed):
        raise SqlError(
            f"SQL compilation error:\nLocation '{url}' is not allowed by integration. Please use DESCRIBE INTEGRATION "
            "to check out allowed and blocked locations.",
            3167,
            "42601",
        )


def alter_stage(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out ALTER STAGE … SET."""
    accept_mode(reader)
    catalog = services.warehouse.catalog
    stored = catalog.get_object("STAGE", take_object(reader, scope))
    if reader.accept("SET") and reader.peek() != "TAG":
        options = reader.take_options()
        _expect_end(reader)
        catalog.update_object(stored, _read_stage(services, options, scope, stored.definition))
    return make_status("Statement executed successfully.")


def alter_file_format(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out ALTER FILE FORMAT … SET; later loads read by the new options."""
    accept_mode(reader)
    catalog = services.warehouse.catalog
    stored = catalog.get_object("FILE FORMAT", take_object(reader, scope))
    reader.expect("SET")
    options = {**stored.definition["options"], **reader.take_options()}
    _expect_end(reader)
    read_file_format(options)
    catalog.update_object(stored, {"options": options})
    return make_status("Statement executed successfully.")


def drop_object(services: Services, reader: StatementReader, scope: SessionScope, kind: str) -> QueryResult:
    """Carry out DROP of a stage, file format or pipe."""
    mode = accept_mode(reader)
    name = take_object(reader, scope)
    return make_status(services.warehouse.catalog.drop_object(kind, name, mode))


def show_stages(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out SHOW STAGES."""
    columns = (
        "created_on", "name", "database_name", "schema_name", "url", "has_credentials", "has_encryption_key", "owner",
        "comment", "region", "type", "cloud", "notification_channel", "storage_integration",
    )  # fmt: skip
    shown = select_shown(reader, services.warehouse.catalog.list_objects("STAGE"), scope)
    region = services.warehouse.endpoint.region
    rows = [
        (
            stored.created_on, stored.name.name, stored.name.database, stored.name.schema, stored.definition["url"],
            "N", "N", "SYSADMIN", stored.definition["comment"], region, "EXTERNAL", "AWS", None,
            stored.definition["storage_integration"] or None,
        )
        for stored in shown
    ]  # fmt: skip
    return make_result(columns, rows)


def show_file_formats(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out SHOW FILE FORMATS."""
    shown = select_shown(reader, services.warehouse.catalog.list_objects("FILE FORMAT"), scope)
    rows = [
        (
            stored.created_on, stored.name.name, stored.name.database, stored.name.schema,
            read_file_format(stored.definition["options"]).type, "SYSADMIN", "", str(stored.definition["options"]),
        )
        for stored in shown
    ]  # fmt: skip
    names = ("created_on", "name", "database_name", "schema_name", "type", "owner", "comment", "format_options")
    return make_result(names, rows)


def describe_object(services: Services, reader: StatementReader, scope: SessionScope, kind: str) -> QueryResult:
    """Carry out DESC STAGE and DESC FILE FORMAT as property rows."""
    stored = services.warehouse.catalog.get_object(kind, take_object(reader, scope))
    if kind == "FILE FORMAT":
        found = vars(read_file_format(stored.definition["options"]))
        rows = [(key.upper(), type(value).__name__, str(value), "") for key, value in found.items()]
        return make_result(("property", "property_type", "property_value", "property_default"), rows)
    stage_rows = [
        ("STAGE_LOCATION", "URL", "String", f'["{stored.definition["url"]}"]', ""),
        ("STAGE_INTEGRATION", "STORAGE_INTEGRATION", "String", stored.definition["storage_integration"], ""),
        *(
            ("STAGE_FILE_FORMAT", key, "String", str(value), "")
            for key, value in stored.definition["file_format"].items()
        ),
    ]
    names = ("parent_property", "property", "property_type", "property_value", "property_default")
    return make_result(names, stage_rows)


def list_files(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out LIST @stage/path [PATTERN = '…']."""
    source = parse_stage_path(reader.take_stage_path(), scope)
    pattern = get_text(reader.take_options(), "PATTERN")
    _expect_end(reader)
    location = locate_stage(services.warehouse.catalog, source)
    try:
        files = services.warehouse.store.list_files(location.bucket, location.prefix)
    except FileMissing as error:
        raise not_found("Bucket", str(error)) from None
    rows = [
        (location.name_file(file.key), file.size, file.etag, f"{file.last_modified:%a, %d %b %Y %H:%M:%S GMT}")
        for file in files
        if not pattern or re.fullmatch(pattern, file.key[len(location.prefix) :].lstrip("/"))
    ]
    return make_result(("name", "size", "md5", "last_modified"), rows)


def remove_files(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out REMOVE @stage/path [PATTERN = '…']."""
    names = ("name", "result")
    listed = list_files(services, reader, scope).table["name"].to_pylist()
    for name in listed:
        bucket, _, key = name.removeprefix("s3://").removeprefix("@").partition("/")
        services.warehouse.store.delete_file(bucket, key)
    return make_result(names, [(name, "removed") for name in listed])


def _expect_end(reader: StatementReader) -> None:
    if not reader.is_done:
        raise reader.unexpected("the end of the statement")
