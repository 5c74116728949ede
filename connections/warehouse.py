"""The one place that opens Snowflake, or the sandbox's emulated endpoint when the host is loopback."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from connections.s3 import is_loopback
from connections.settings import WarehouseSettings
from pipeline_contract.errors import ConfigurationError, ServiceError

# The connector takes seconds to import and is not needed to render scripts or to show a help text.
if TYPE_CHECKING:
    import snowflake.connector

Connection: TypeAlias = "snowflake.connector.SnowflakeConnection"
Row = dict[str, Any]

# The sandbox's endpoint takes any password; this one opens nothing anywhere else.
SANDBOX_PASSWORD = "sandbox"  # noqa: S105
# Object does not exist or not authorized; object does not exist, or operation cannot be performed.
_NOTHING_THERE = (2003, 2043)
# A failed login is one line of ours; the connector would log each retry with its stack.
_CONNECTOR_LOGS = ("snowflake.connector", "botocore.credentials")


class StatementFailed(ServiceError):
    """A statement that the warehouse refused; `reason` is the warehouse's own message, `number` its error number."""

    def __init__(self, statement: str, reason: str, number: int | None = None) -> None:
        self.statement = statement
        self.reason = reason
        self.number = number
        super().__init__(f"the warehouse refused a statement: {reason}\n  statement: {shorten_statement(statement)}")

    @property
    def is_about_nothing(self) -> bool:
        """Whether what the statement names is not there, or not for this role: the warehouse tells no difference."""
        return self.number in _NOTHING_THERE


class Answer(NamedTuple):
    """What a statement answered: the columns' names in order, and the rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def connection_arguments(
    settings: WarehouseSettings, *, database: str | None = None, schema: str | None = None
) -> dict[str, Any]:
    """The arguments of `snowflake.connector.connect`, every wait bounded by `timeout_s`.

    Raise `ConfigurationError` when a real account is named without a key file that can be read.
    """
    timeout_s = max(1, round(settings.timeout_s))
    arguments: dict[str, Any] = {
        "account": settings.account,
        "user": settings.user,
        "warehouse": settings.warehouse,
        "database": database,
        "schema": schema,
        "login_timeout": timeout_s,
        "socket_timeout": timeout_s,
        "application": "Millrace",
        "client_session_keep_alive": False,
        "session_parameters": {"TIMEZONE": "UTC", "QUERY_TAG": "millrace"},
        # The connector asks the cloud's metadata addresses where it runs, at every login; nothing here depends on it.
        "platform_detection_timeout_seconds": 0.0,
    }
    if settings.host is not None:
        arguments |= {"host": settings.host, "port": settings.port, "protocol": settings.protocol}
    if is_sandbox(settings):
        arguments |= {"password": SANDBOX_PASSWORD, "no_proxy": settings.host, "disable_ocsp_checks": True}
        arguments["session_parameters"] |= {"CLIENT_TELEMETRY_ENABLED": False}
    else:
        arguments |= key_pair_arguments(settings)
    return {name: value for name, value in arguments.items() if value is not None}


def is_sandbox(settings: WarehouseSettings) -> bool:
    """Say whether the settings name an emulated endpoint on this machine rather than a Snowflake account."""
    return settings.host is not None and is_loopback(f"//{settings.host}")


def key_pair_arguments(settings: WarehouseSettings) -> dict[str, Any]:
    """The arguments of key-pair authentication; key and passphrase stay secrets until they are handed to the connector."""
    variable = "MILLRACE_WAREHOUSE__PRIVATE_KEY_FILE"
    passphrase = settings.private_key_passphrase.get_secret_value() if settings.private_key_passphrase else None
    if settings.private_key is not None:
        key = read_private_key(settings.private_key.get_secret_value(), passphrase)
        return {"authenticator": "SNOWFLAKE_JWT", "private_key": key}
    if settings.private_key_file is None:
        raise ConfigurationError(
            f"warehouse.private_key_file is not set: account {settings.account!r} is opened with a key pair; "
            f"name the PKCS#8 key file there or in {variable} (docs/snowflake.md, step 1)"
        )
    key_file = settings.private_key_file.expanduser()
    if not key_file.is_file():
        raise ConfigurationError(
            f"warehouse.private_key_file: {key_file} does not exist or is no file; make a key pair "
            f"(docs/snowflake.md, step 1) or set {variable}"
        )
    return {
        "authenticator": "SNOWFLAKE_JWT",
        "private_key_file": str(key_file),
        "private_key_file_pwd": passphrase,
    }


def read_private_key(pem: str, passphrase: str | None) -> bytes:
    """A PKCS#8 key of PEM text, in the bytes that the connector takes; an error shows nothing of it."""
    # The connector brings it, and nothing else here needs it.
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    try:
        key = serialization.load_pem_private_key(pem.encode(), passphrase.encode() if passphrase else None)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"warehouse.private_key: not a PKCS#8 private key in PEM text, or not with this passphrase ({type(error).__name__})"
        ) from None
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def open_warehouse(
    settings: WarehouseSettings,
    *,
    database: str | None = None,
    schema: str | None = None,
    role: str | None = None,
    paramstyle: Literal["pyformat", "qmark"] = "pyformat",
    outage_s: float | None = None,
) -> Connection:
    """Open a session with the settings' role, or fail within about `timeout_s`; close it yourself.

    `role` takes another role; the empty string leaves it to the user's default role, for the first deployment, when
    the settings' role does not exist yet. With the paramstyle `qmark` parameters are marked `?` and bound by the server.
    `outage_s` bounds how long a statement waits for a server that is gone; without it the connector tries for ever.
    Raise `ConfigurationError` (key file) or `ServiceError` (no connection).
    """
    import snowflake.connector  # noqa: PLC0415 - see above

    arguments = connection_arguments(settings, database=database, schema=schema) | {"paramstyle": paramstyle}
    if outage_s is not None:
        arguments["network_timeout"] = max(1, round(outage_s))
    chosen = settings.role if role is None else role
    if chosen:
        arguments["role"] = chosen
    for name in _CONNECTOR_LOGS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    address = name_warehouse(settings)
    try:
        return snowflake.connector.connect(**arguments)
    except snowflake.connector.errors.Error as error:
        raise ServiceError(
            f"cannot open {address} as user {settings.user!r}: {describe_error(error)}\n  {advise_login(settings)}"
        ) from None
    except (TypeError, ValueError) as error:  # from the key file: its own text may quote the passphrase
        raise ConfigurationError(
            f"warehouse.private_key_file: {Path(str(settings.private_key_file)).expanduser()} cannot be read as a "
            f"PKCS#8 private key ({type(error).__name__}); is MILLRACE_WAREHOUSE__PRIVATE_KEY_PASSPHRASE right?"
        ) from None


def name_warehouse(settings: WarehouseSettings) -> str:
    """What messages call the warehouse: the account, or the emulated endpoint and its address."""
    if is_sandbox(settings):
        return f"the sandbox's emulated Snowflake at {settings.protocol}://{settings.host}:{settings.port}"
    return f"Snowflake account {settings.account!r}"


def name_loader_role(settings: WarehouseSettings) -> str:
    """The role that may add rows to the tables of the ways without files, and nothing else."""
    return f"{settings.role}_LOADER"


def advise_login(settings: WarehouseSettings) -> str:
    """What to do when no session could be opened."""
    if is_sandbox(settings):
        return "Is the sandbox up? `python -m sandbox status` says; `python -m sandbox up` starts it."
    return "Check warehouse.account, user and role, the key pair (docs/snowflake.md, step 1), and the network."


def describe_error(error: snowflake.connector.errors.Error) -> str:
    """The warehouse's message in one line, without the connector's query id and stack."""
    message = str(error.raw_msg or error.msg or error)
    return " ".join(message.split()) or type(error).__name__


def shorten_statement(statement: str, width: int = 160) -> str:
    """The statement's beginning in one line."""
    line = " ".join(statement.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def execute_statement(connection: Connection, statement: str, parameters: Sequence[Any] | None = None) -> Answer:
    """Run one statement and read its whole answer; raise `StatementFailed` with the warehouse's reason.

    Parameters fill the marks of the connection's paramstyle.
    """
    import snowflake.connector  # noqa: PLC0415 - see above
    from snowflake.connector.cursor import SnowflakeCursor  # noqa: PLC0415

    try:
        with connection.cursor(SnowflakeCursor) as cursor:
            cursor.execute(statement, parameters)
            columns = tuple(str(column.name) for column in cursor.description or ())
            return Answer(columns, [tuple(row) for row in cursor.fetchall()])
    except snowflake.connector.errors.Error as error:
        raise StatementFailed(statement, describe_error(error), error.errno) from None


def put_stream(connection: Connection, data: IO[bytes], name: str, folder: str) -> None:
    """Put bytes as a file of this name into a folder of a stage, as they are, over a file that is there."""
    import snowflake.connector  # noqa: PLC0415 - see above

    place = quote_literal(f"{folder}/")
    statement = f"PUT {quote_literal('file://' + name)} {place} OVERWRITE = TRUE AUTO_COMPRESS = FALSE"
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, file_stream=data)
    except snowflake.connector.errors.Error as error:
        raise StatementFailed(statement, describe_error(error), error.errno) from None


def run_query(connection: Connection, statement: str, parameters: Sequence[Any] | None = None) -> list[Row]:
    """The rows of a statement, each a dictionary from column name, as the warehouse writes it, to value.

    `parameters` fill the statement's `%s` marks. Raise `StatementFailed` with the warehouse's reason.
    """
    answer = execute_statement(connection, statement, parameters)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def quote_literal(text: str) -> str:
    """The text as a string literal; in Snowflake a backslash escapes too."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
