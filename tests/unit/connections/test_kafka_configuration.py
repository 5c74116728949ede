"""Kafka settings as each client wants them."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from connections.kafka import configure_confluent, configure_kafka_python
from connections.settings import KafkaSettings

SECURE = KafkaSettings(
    bootstrap_servers="a:1,b:2",
    security_protocol="SASL_SSL",
    sasl_mechanism="PLAIN",
    sasl_username="me",
    sasl_password=SecretStr("hidden"),
    ssl_ca_location=Path("/ca.pem"),
    timeout_s=3,
)


def test_librdkafka_gets_the_security_settings() -> None:
    configuration = configure_confluent(SECURE)
    assert configuration["bootstrap.servers"] == "a:1,b:2"
    assert configuration["security.protocol"] == "SASL_SSL"
    assert configuration["sasl.mechanism"] == "PLAIN"
    assert (configuration["sasl.username"], configuration["sasl.password"]) == ("me", "hidden")
    assert configuration["ssl.ca.location"] == "/ca.pem"
    assert configuration["socket.timeout.ms"] == 3000


def test_kafka_python_gets_the_security_settings() -> None:
    configuration = configure_kafka_python(SECURE)
    assert configuration["bootstrap_servers"] == ["a:1", "b:2"]
    assert configuration["security_protocol"] == "SASL_SSL"
    assert configuration["sasl_mechanism"] == "PLAIN"
    assert (configuration["sasl_plain_username"], configuration["sasl_plain_password"]) == ("me", "hidden")
    assert configuration["ssl_cafile"] == "/ca.pem"
    assert configuration["request_timeout_ms"] == 3000


def test_nothing_is_said_of_what_is_not_set() -> None:
    assert not any("sasl" in key or "ssl" in key for key in configure_confluent(KafkaSettings()))
    assert not any("sasl" in key or "ssl" in key for key in configure_kafka_python(KafkaSettings()))
