"""Settings of the brokers as each Kafka client wants them. What these functions return may hold secrets: never log it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connections.msk_sign_in import find_region, open_signer
from connections.settings import KafkaSettings
from pipeline_contract.errors import ConfigurationError

# How clients other than Java's send MSK a signed request.
BEARER = "OAUTHBEARER"
_REQUEST_LOGGERS = ("kafka.net.connection", "kafka.protocol.parser")


def configure_confluent(settings: KafkaSettings) -> dict[str, Any]:
    """The librdkafka configuration that reaches these brokers.

    Source: github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
    """
    client = locate_file(settings.ssl_client_location, "ssl_client_location")
    return leave_out_unset(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "security.protocol": settings.security_protocol,
            "sasl.mechanism": BEARER if settings.uses_iam else settings.sasl_mechanism,
            # The client calls it from a thread of its own, before it is first used and whenever a token ends.
            "oauth_cb": open_signer(find_region(settings)) if settings.uses_iam else None,
            "sasl.username": settings.sasl_username,
            "sasl.password": settings.sasl_password.get_secret_value() if settings.sasl_password else None,
            "ssl.ca.location": locate_file(settings.ssl_ca_location, "ssl_ca_location"),
            # One file holds the certificate and its key.
            "ssl.certificate.location": client,
            "ssl.key.location": client,
            "ssl.key.password": settings.ssl_key_password.get_secret_value() if settings.ssl_key_password else None,
            "socket.timeout.ms": int(settings.timeout_s * 1000),
            "reconnect.backoff.max.ms": 1000,
            # librdkafka would write to standard error by itself; errors reach the user through exceptions.
            "log_level": 0,
        }
    )


def configure_kafka_python(settings: KafkaSettings) -> dict[str, Any]:
    """The kafka-python configuration that reaches these brokers; to sign in by IAM, it needs who signs besides."""
    if settings.sasl_mechanism:
        # At DEBUG this client logs each request as it is sent, and one of them holds the password or the token.
        for logger in _REQUEST_LOGGERS:
            logging.getLogger(logger).setLevel(logging.INFO)
    return leave_out_unset(
        {
            "bootstrap_servers": settings.bootstrap_servers.split(","),
            "security_protocol": settings.security_protocol,
            "sasl_mechanism": BEARER if settings.uses_iam else settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password.get_secret_value() if settings.sasl_password else None,
            "ssl_cafile": locate_file(settings.ssl_ca_location, "ssl_ca_location"),
            "ssl_certfile": locate_file(settings.ssl_client_location, "ssl_client_location"),
            "ssl_password": settings.ssl_key_password.get_secret_value() if settings.ssl_key_password else None,
            "bootstrap_timeout_ms": int(settings.timeout_s * 1000),
            "request_timeout_ms": int(settings.timeout_s * 1000),
            "reconnect_backoff_max_ms": 1000,
        }
    )


def configure_java(settings: KafkaSettings) -> dict[str, str]:
    """The configuration of Kafka's own Java clients that reaches these brokers.

    Certificates and the key stand in it as text (KIP-651), so that Spark's executors need no files of the driver.
    """
    values: dict[str, str | None] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "security.protocol": settings.security_protocol,
        "sasl.mechanism": settings.sasl_mechanism,
    }
    if settings.ssl_ca_location:
        trusted = read_pem(settings.ssl_ca_location, "ssl_ca_location")
        values |= {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": trusted}
    if settings.ssl_client_location:
        own = read_pem(settings.ssl_client_location, "ssl_client_location")
        values |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.key": open_key(own, settings),
            "ssl.keystore.certificate.chain": own,
        }
    if settings.sasl_username and settings.sasl_password:
        module = "scram.ScramLoginModule" if "SCRAM" in (settings.sasl_mechanism or "") else "plain.PlainLoginModule"
        user, password = (
            text.replace("\\", "\\\\").replace('"', '\\"')
            for text in (settings.sasl_username, settings.sasl_password.get_secret_value())
        )
        values["sasl.jaas.config"] = (
            f'org.apache.kafka.common.security.{module} required username="{user}" password="{password}";'
        )
    if settings.uses_iam:
        values |= {
            "sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
            "sasl.client.callback.handler.class": "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
        }
    return leave_out_unset(values)


def locate_file(path: Path | None, key: str) -> str | None:
    """The path as a client wants it; `ConfigurationError` where there is no such file."""
    if path is None:
        return None
    found = path.expanduser()
    if not found.is_file():
        raise ConfigurationError(
            f"kafka.{key}: {found} does not exist or is no file: name a PEM file, there or in MILLRACE_KAFKA__{key.upper()}"
        )
    return str(found)


def read_pem(path: Path, key: str) -> str:
    """A PEM file's text; `ConfigurationError` where there is no such file or it is none."""
    try:
        text = Path(locate_file(path, key) or "").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        text = ""
    if "-----BEGIN " not in text:
        raise ConfigurationError(f"kafka.{key}: {path} cannot be read as a PEM file")
    return text


def open_key(pem: str, settings: KafkaSettings) -> str:
    """The key in a PEM text, without its password: Java 17 opens only keys that are locked with outdated ciphers."""
    # The Snowflake connector brings it, and only clients with certificates need it here.
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    password = settings.ssl_key_password.get_secret_value().encode() if settings.ssl_key_password else None
    try:
        key = serialization.load_pem_private_key(pem.encode(), password)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"kafka.ssl_client_location: {settings.ssl_client_location} has no key that can be opened "
            f"({type(error).__name__}); is MILLRACE_KAFKA__SSL_KEY_PASSWORD the key's?"
        ) from None
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def leave_out_unset(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are set."""
    return {key: value for key, value in values.items() if value is not None}
