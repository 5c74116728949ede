"""The function's secret: read from the emulated Secrets Manager, handed to the connector, shown nowhere."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import clear_caches
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from aws_integration.lambda_handlers.secrets import add_secrets
from connections.settings import FunctionSettings, Settings, WarehouseSettings
from connections.warehouse import connection_arguments
from pipeline_contract.errors import ConfigurationError, PipelineError, ServiceError

PASSPHRASE = "correct horse"


@pytest.fixture
def secrets(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the emulated Secrets Manager, which Powertools finds as in Lambda: by the environment."""
    variables = {"AWS_ENDPOINT_URL": s3_endpoint, "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1"}
    for name, value in {**variables, "AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}.items():
        monkeypatch.setenv(name, value)
    clear_caches()  # type: ignore[no-untyped-call]
    return boto3.client("secretsmanager")


def make_settings(secret: str | None) -> Settings:
    """Settings of an account, without a key."""
    return Settings(
        environment="test", warehouse=WarehouseSettings(account="o-a"), function=FunctionSettings(secret=secret)
    )


def make_key(passphrase: str | None) -> tuple[rsa.RSAPrivateKey, str]:
    """A key, and its PEM text."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return key, pem.decode()


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "with a passphrase"])
def test_the_key_reaches_the_connector_and_no_text(secrets: Any, unique_name: str, passphrase: str | None) -> None:
    key, pem = make_key(passphrase)
    content = {"private_key": pem, "protect_key": "hush", "user": "of Firehose"}
    content |= {"key_passphrase": passphrase} if passphrase else {}
    secrets.create_secret(Name=unique_name, SecretString=json.dumps(content))

    settings = add_secrets(make_settings(unique_name))

    arguments = connection_arguments(settings.warehouse)
    assert arguments["authenticator"] == "SNOWFLAKE_JWT"
    loaded = serialization.load_der_private_key(arguments["private_key"], None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    assert loaded.private_numbers() == key.private_numbers()
    assert settings.spark.protect_key is not None
    assert settings.spark.protect_key.get_secret_value() == "hush"
    assert not [text for text in (pem.splitlines()[1], PASSPHRASE, "hush") if text in repr(settings)]


def test_it_is_asked_for_once_in_a_while(secrets: Any, unique_name: str) -> None:
    _, pem = make_key(None)
    secrets.create_secret(Name=unique_name, SecretString=json.dumps({"private_key": pem}))
    first = add_secrets(make_settings(unique_name))
    secrets.delete_secret(SecretId=unique_name, ForceDeleteWithoutRecovery=True)

    assert add_secrets(make_settings(unique_name)) == first


class Wrong(NamedTuple):
    id: str
    content: str | None
    error: type[PipelineError]
    message: str


WRONG = (
    Wrong("absent", None, ServiceError, r"cannot read '.*' \(function.secret\)"),
    Wrong("no JSON", "hush", ConfigurationError, "is no JSON object with any of private_key"),
    Wrong("other fields", '{"password": "hush"}', ConfigurationError, "is no JSON object with any of private_key"),
)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.id)
def test_what_is_no_such_secret_is_named_and_not_shown(secrets: Any, unique_name: str, wrong: Wrong) -> None:
    if wrong.content is not None:
        secrets.create_secret(Name=unique_name, SecretString=wrong.content)

    with pytest.raises(wrong.error, match=wrong.message) as raised:
        add_secrets(make_settings(unique_name))

    assert "hush" not in str(raised.value)


def test_a_key_that_is_none_is_refused_without_showing_it(secrets: Any, unique_name: str) -> None:
    secrets.create_secret(Name=unique_name, SecretString=json.dumps({"private_key": "hush"}))

    with pytest.raises(ConfigurationError, match="not a PKCS#8 private key") as raised:
        connection_arguments(add_secrets(make_settings(unique_name)).warehouse)

    assert "hush" not in str(raised.value)


def test_settings_that_name_no_secret_stay_as_they_are() -> None:
    settings = make_settings(None)

    assert add_secrets(settings) is settings
