"""What the connector is asked for, and what a user reads when it does not connect; no Snowflake needed."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from connections.settings import WarehouseSettings
from connections.warehouse import connection_arguments, open_warehouse, quote_literal, shorten_statement
from pipeline_contract.errors import ConfigurationError, ServiceError

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PKCS#8 key that PASSPHRASE opens."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path_factory.mktemp("keys") / "key.p8"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(PASSPHRASE.encode()),
        )
    )
    return path


class HostCase(NamedTuple):
    id: str
    host: str | None
    has_password: bool


HOSTS = (
    HostCase("loopback-v4", "127.0.0.1", True),
    HostCase("loopback-name", "localhost", True),
    HostCase("an-account", None, False),
    HostCase("a-private-link", "acme.privatelink.snowflakecomputing.com", False),
)


@pytest.mark.parametrize("case", HOSTS, ids=lambda case: case.id)
def test_only_a_loopback_host_is_opened_with_the_sandbox_password(case: HostCase, key_file: Path) -> None:
    settings = WarehouseSettings(
        host=case.host, private_key_file=key_file, private_key_passphrase=SecretStr(PASSPHRASE)
    )

    arguments = connection_arguments(settings)

    assert ("password" in arguments) is case.has_password
    assert (arguments.get("authenticator") == "SNOWFLAKE_JWT") is not case.has_password
    assert arguments.get("disable_ocsp_checks", False) is case.has_password


def test_every_wait_is_bounded_and_the_session_is_in_utc() -> None:
    arguments = connection_arguments(WarehouseSettings(host="127.0.0.1", timeout_s=7))

    assert (arguments["login_timeout"], arguments["socket_timeout"]) == (7, 7)
    assert arguments["session_parameters"]["TIMEZONE"] == "UTC"


class RefusalCase(NamedTuple):
    id: str
    settings: dict[str, Any]
    says: tuple[str, ...]


REFUSALS = (
    RefusalCase("no-key-named", {}, ("warehouse.private_key_file", "MILLRACE_WAREHOUSE__PRIVATE_KEY_FILE")),
    RefusalCase("no-such-key", {"private_key_file": Path("/nowhere/key.p8")}, ("/nowhere/key.p8", "does not exist")),
)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.id)
def test_a_real_account_needs_a_key_file(case: RefusalCase) -> None:
    settings = WarehouseSettings(account="acme", **case.settings)

    with pytest.raises(ConfigurationError) as caught:
        open_warehouse(settings)

    assert all(text in str(caught.value) for text in case.says)


def test_a_wrong_passphrase_is_refused_without_being_shown(key_file: Path) -> None:
    settings = WarehouseSettings(
        account="acme", private_key_file=key_file, private_key_passphrase=SecretStr("wrong secret")
    )

    with pytest.raises(ConfigurationError) as caught:
        open_warehouse(settings)

    assert str(key_file) in str(caught.value)
    assert "MILLRACE_WAREHOUSE__PRIVATE_KEY_PASSPHRASE" in str(caught.value)
    assert "wrong secret" not in str(caught.value)


def test_a_warehouse_that_is_down_is_said_soon_with_its_address() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    settings = WarehouseSettings(host="127.0.0.1", port=port, protocol="http", timeout_s=2)
    started = time.monotonic()

    with pytest.raises(ServiceError) as caught:
        open_warehouse(settings)

    assert time.monotonic() - started < 10
    assert f"http://127.0.0.1:{port}" in str(caught.value)
    assert "python -m sandbox up" in str(caught.value)
    assert "emulated" in str(caught.value)


def test_a_warehouse_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings = WarehouseSettings(host="127.0.0.1", port=silent.getsockname()[1], protocol="http", timeout_s=1)
        started = time.monotonic()

        with pytest.raises(ServiceError):
            open_warehouse(settings)

    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("text", "literal"),
    [("plain", "'plain'"), ("it's", "'it''s'"), ("a\\b", "'a\\\\b'"), ("\\'", "'\\\\'''"), ("", "''")],
    ids=["plain", "quote", "backslash", "backslash-quote", "empty"],
)
def test_a_literal_escapes_quotes_and_backslashes(text: str, literal: str) -> None:
    assert quote_literal(text) == literal


def test_a_long_statement_is_shortened_to_one_line() -> None:
    shown = shorten_statement("SELECT\n    1,\n" + "    2,\n" * 100)

    assert shown.startswith("SELECT 1, 2, 2")
    assert len(shown) == 160
