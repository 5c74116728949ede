"""Storage and notification integrations: stored and described with emulated values; no trust is checked."""

from __future__ import annotations

import secrets

from sandbox.snowflake.results import QueryResult, make_result, make_status
from sandbox.snowflake.services import Services, accept_mode, like_pattern
from sandbox.snowpipe.catalog import CatalogObject, integration_name
from sandbox.snowpipe.sql_errors import invalid_option
from sandbox.snowpipe.sql_names import split_name
from sandbox.snowpipe.sql_reader import Options, StatementReader, get_list, get_text, is_true

IAM_USER_ARN = "arn:aws:iam::123456789012:user/emulated-snowflake"
_KINDS = ("STORAGE", "NOTIFICATION")


def create_integration(services: Services, reader: StatementReader, mode: str) -> QueryResult:
    """Carry out CREATE STORAGE|NOTIFICATION INTEGRATION; a new external id each time, unless one is given (SP27)."""
    kind = reader.accept("STORAGE") or reader.accept("NOTIFICATION")
    if kind not in _KINDS:
        raise reader.unexpected("STORAGE or NOTIFICATION INTEGRATION")
    reader.expect("INTEGRATION")
    mode = accept_mode(reader) or mode
    name = integration_name(split_name(reader.take_name())[0])
    options = reader.take_options()
    if not reader.is_done:
        raise reader.unexpected("the end of the statement")
    _check_options(kind, options)
    definition = {
        "kind": kind,
        "options": options,
        "allowed_locations": get_list(options, "STORAGE_ALLOWED_LOCATIONS"),
        "external_id": get_text(options, "STORAGE_AWS_EXTERNAL_ID") or f"EMULATED_SFCRole={secrets.token_hex(12)}",
    }
    return make_status(services.warehouse.catalog.create_object("INTEGRATION", name, definition, mode))


def _check_options(kind: str, options: Options) -> None:
    required = {
        "STORAGE": ("TYPE", "STORAGE_PROVIDER", "ENABLED", "STORAGE_AWS_ROLE_ARN", "STORAGE_ALLOWED_LOCATIONS"),
        "NOTIFICATION": ("TYPE", "ENABLED"),
    }[kind]
    for name in required:
        if name not in options:
            raise invalid_option(f"missing parameter '{name}' for a {kind.lower()} integration")


def alter_integration(services: Services, reader: StatementReader) -> QueryResult:
    """Carry out ALTER [STORAGE|NOTIFICATION] INTEGRATION … SET."""
    _ = reader.accept("STORAGE") or reader.accept("NOTIFICATION")
    reader.expect("INTEGRATION")
    accept_mode(reader)
    catalog = services.warehouse.catalog
    stored = catalog.get_object("INTEGRATION", integration_name(split_name(reader.take_name())[0]))
    if reader.accept("SET") and reader.peek() != "TAG":
        options = {**stored.definition["options"], **reader.take_options()}
        definition = {
            **stored.definition,
            "options": options,
            "allowed_locations": get_list(options, "STORAGE_ALLOWED_LOCATIONS"),
        }
        if external_id := get_text(options, "STORAGE_AWS_EXTERNAL_ID"):
            definition["external_id"] = external_id
        catalog.update_object(stored, definition)
    return make_status("Statement executed successfully.")


def drop_integration(services: Services, reader: StatementReader) -> QueryResult:
    """Carry out DROP [STORAGE|NOTIFICATION] INTEGRATION."""
    _ = reader.accept("STORAGE") or reader.accept("NOTIFICATION")
    reader.expect("INTEGRATION")
    mode = accept_mode(reader)
    name = integration_name(split_name(reader.take_name())[0])
    return make_status(services.warehouse.catalog.drop_object("INTEGRATION", name, mode))


def describe_integration(services: Services, reader: StatementReader) -> QueryResult:
    """Carry out DESC INTEGRATION: the declared options, and the emulated user and external id (SP26)."""
    stored = services.warehouse.catalog.get_object("INTEGRATION", integration_name(split_name(reader.take_name())[0]))
    rows = [(key, _type_of(value), _shown(value), "") for key, value in stored.definition["options"].items()]
    external_id = stored.definition["external_id"]
    if stored.definition["kind"] == "STORAGE":
        rows = [row for row in rows if row[0] != "STORAGE_AWS_EXTERNAL_ID"]
        rows += [
            ("STORAGE_AWS_IAM_USER_ARN", "String", IAM_USER_ARN, ""),
            ("STORAGE_AWS_EXTERNAL_ID", "String", external_id, ""),
        ]
    else:
        rows += [
            ("SF_AWS_IAM_USER_ARN", "String", IAM_USER_ARN, ""),
            ("SF_AWS_EXTERNAL_ID", "String", external_id, ""),
        ]
    return make_result(("property", "property_type", "property_value", "property_default"), rows)


def show_integrations(services: Services, reader: StatementReader) -> QueryResult:
    """Carry out SHOW [STORAGE|NOTIFICATION] INTEGRATIONS [LIKE '…']."""
    kind = reader.accept("STORAGE") or reader.accept("NOTIFICATION")
    reader.expect("INTEGRATIONS")
    shown = [
        stored
        for stored in services.warehouse.catalog.list_objects("INTEGRATION")
        if not kind or stored.definition["kind"] == kind
    ]
    if reader.accept("LIKE"):
        pattern = like_pattern(reader.take_string())
        shown = [stored for stored in shown if pattern.fullmatch(stored.name.name)]
    return make_result(("name", "type", "category", "enabled", "comment", "created_on"), [_row(s) for s in shown])


def _row(stored: CatalogObject) -> tuple[object, ...]:
    options = stored.definition["options"]
    enabled = "true" if is_true(options.get("ENABLED")) else "false"
    kind = stored.definition["kind"]
    return (stored.name.name, options["TYPE"], kind, enabled, options.get("COMMENT", ""), stored.created_on)


def _type_of(value: object) -> str:
    if isinstance(value, list):
        return "List"
    return "Boolean" if str(value).upper() in ("TRUE", "FALSE") else "String"


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
