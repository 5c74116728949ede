"""Kafka settings as each client wants them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import SecretStr

from connections.kafka_clients import configure_confluent, configure_java, configure_kafka_python
from connections.msk_sign_in import find_region
from connections.settings import IAM_MECHANISM, KafkaSettings
from kafka_producer.signed_tokens import configure_signing
from pipeline_contract.errors import ConfigurationError

CA = "-----BEGIN CERTIFICATE-----\nY2E=\n-----END CERTIFICATE-----\n"
KEY = ec.generate_private_key(ec.SECP256R1())
OPEN = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
CLIENT = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"locked")).decode() + CA


@pytest.fixture
def secure(tmp_path: Path) -> KafkaSettings:
    """Settings of every kind at once."""
    (tmp_path / "ca.pem").write_text(CA)
    (tmp_path / "client.pem").write_text(CLIENT)
    return KafkaSettings(
        bootstrap_servers="a:1,b:2",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username='m"e',
        sasl_password=SecretStr('hid"den\\'),
        ssl_ca_location=tmp_path / "ca.pem",
        ssl_client_location=tmp_path / "client.pem",
        ssl_key_password=SecretStr("locked"),
        timeout_s=3,
    )


def test_librdkafka_gets_the_security_settings(secure: KafkaSettings, tmp_path: Path) -> None:
    configuration = configure_confluent(secure)

    assert {key: value for key, value in configuration.items() if key.startswith(("bootstrap", "s"))} == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": 'm"e',
        "sasl.password": 'hid"den\\',
        "ssl.ca.location": str(tmp_path / "ca.pem"),
        "ssl.certificate.location": str(tmp_path / "client.pem"),
        "ssl.key.location": str(tmp_path / "client.pem"),
        "ssl.key.password": "locked",
        "socket.timeout.ms": 3000,
    }


def test_kafka_python_gets_the_security_settings(secure: KafkaSettings, tmp_path: Path) -> None:
    configuration = configure_kafka_python(secure)

    assert {key: value for key, value in configuration.items() if not key.endswith("ms")} == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": 'm"e',
        "sasl_plain_password": 'hid"den\\',
        "ssl_cafile": str(tmp_path / "ca.pem"),
        "ssl_certfile": str(tmp_path / "client.pem"),
        "ssl_password": "locked",
    }


def test_javas_client_gets_files_as_text_and_the_password_quoted(secure: KafkaSettings) -> None:
    assert configure_java(secure) == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            'username="m\\"e" password="hid\\"den\\\\";'
        ),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": CA,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.key": OPEN,
        "ssl.keystore.certificate.chain": CLIENT,
    }


def test_a_key_that_cannot_be_opened_is_named_and_not_shown(secure: KafkaSettings) -> None:
    for password in (SecretStr("canary"), None):
        with pytest.raises(ConfigurationError, match="MILLRACE_KAFKA__SSL_KEY_PASSWORD") as raised:
            configure_java(secure.model_copy(update={"ssl_key_password": password}))
        assert "canary" not in str(raised.value)


def test_nothing_is_said_of_what_is_not_set() -> None:
    for configure in (configure_confluent, configure_kafka_python, configure_java):
        assert not any("sasl" in key or "ssl" in key for key in configure(KafkaSettings()))


@pytest.mark.parametrize(
    ("servers", "region", "found"),
    [
        ("b-1.lake.a1b2c3.c2.kafka.eu-north-1.amazonaws.com:9098", None, "eu-north-1"),
        ("boot-a1b2c3.c1.kafka-serverless.us-west-2.amazonaws.com:9098", None, "us-west-2"),
        ("b-1.lake.a1b2c3.c2.kafka.eu-north-1.amazonaws.com:9098", "eu-west-1", "eu-west-1"),
        ("kafka.example.org:9098", "eu-west-1", "eu-west-1"),
    ],
    ids=["provisioned", "serverless", "said", "own names"],
)
def test_the_region_is_that_of_the_cluster(servers: str, region: str | None, found: str) -> None:
    assert find_region(KafkaSettings(bootstrap_servers=servers, region=region)) == found


def test_a_cluster_whose_region_nobody_says_is_refused() -> None:
    settings = KafkaSettings(security_protocol="SASL_SSL", sasl_mechanism=IAM_MECHANISM)
    for configure in (configure_confluent, configure_signing):
        with pytest.raises(ConfigurationError, match="MILLRACE_KAFKA__REGION"):
            configure(settings)


def test_each_client_signs_in_by_iam_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    settings = KafkaSettings(security_protocol="SASL_SSL", sasl_mechanism=IAM_MECHANISM, region="eu-north-1")

    confluent, java = configure_confluent(settings), configure_java(settings)
    other = configure_kafka_python(settings) | configure_signing(settings)

    assert (confluent["sasl.mechanism"], other["sasl_mechanism"]) == ("OAUTHBEARER", "OAUTHBEARER")
    assert confluent["oauth_cb"]("")[0].isascii()
    assert other["sasl_oauth_token_provider"].token().isascii()
    assert "canary" not in repr(confluent) + repr(other)
    assert {key: value for key, value in java.items() if key.startswith("sasl")} == {
        "sasl.mechanism": "AWS_MSK_IAM",
        "sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
        "sasl.client.callback.handler.class": "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
    }


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"not PEM"], ids=["absent", "binary", "text"])
def test_a_file_that_is_none_is_named_with_its_setting(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"kafka\.ssl_ca_location: .*ca\.pem"):
        configure_java(KafkaSettings(ssl_ca_location=path))
