"""Signing in by IAM as far as it goes without AWS: the real signer's token reaches a real broker, which refuses it."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from connections.kafka import open_admin, read_range
from connections.kafka_clients import configure_confluent, configure_java
from connections.msk_sign_in import open_signer
from connections.settings import KafkaSettings, S3Settings
from kafka_producer.confluent_publisher import ConfluentPublisher
from kafka_producer.kafka_python_publisher import KafkaPythonPublisher
from kafka_producer.signed_tokens import configure_signing
from pipeline_contract.errors import ConfigurationError, ServiceError
from spark_streaming.packages import find_spark_home
from spark_streaming.submit import build_environment, list_package_options
from tests.integration.secured_kafka.secured_broker import SecuredBroker

KEY_ID, SECRET_KEY, SESSION = "AKIDOFTHETESTS", "secret-key-canary", "session-canary"
READ = Path(__file__).with_name("iam_read.py")
TIMEOUT_S = 280


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials that AWS never gave out, and no others."""
    forget_credentials(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)


def forget_credentials(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for variable in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_a_token_is_a_signed_request_to_connect_in_its_region() -> None:
    token, ends_s = open_signer("eu-north-1")("")

    url = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    told = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.netloc) == ("https", "kafka.eu-north-1.amazonaws.com")
    assert told["Action"] == "kafka-cluster:Connect"
    assert told["X-Amz-Credential"].startswith(f"{KEY_ID}/")
    assert told["X-Amz-Credential"].endswith("/eu-north-1/kafka-cluster/aws4_request")
    assert len(told["X-Amz-Signature"]) == 64
    assert told["X-Amz-Security-Token"] == SESSION
    assert ends_s % 1 == 0
    assert SECRET_KEY not in str(url)


def test_without_credentials_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_credentials(monkeypatch, tmp_path)
    settings = KafkaSettings(security_protocol="SASL_SSL", sasl_mechanism="AWS_MSK_IAM", region="eu-north-1")
    for configure in (configure_confluent, configure_signing):
        with pytest.raises(ConfigurationError, match="AWS_MSK_IAM needs AWS credentials: there are none"):
            configure(settings)
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    with pytest.raises(ConfigurationError, match="nowhere"):
        configure_confluent(settings)


CLIENTS: dict[str, Callable[[KafkaSettings], object]] = {
    "admin": open_admin,
    "producer": lambda settings: ConfluentPublisher(settings, "millrace-t-1", 1_000_000),
    "kafka-python": lambda settings: KafkaPythonPublisher(settings, "millrace-t-1", 1_000_000),
    "reader": lambda settings: list(read_range(settings, "t", 0, 0, 1)),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_broker_that_is_none_of_msk_refuses_and_what_to_do_is_said(
    name: str, broker: SecuredBroker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connections.kafka.READ_STALL_S", 3.0)
    caplog.set_level(logging.DEBUG, "kafka")
    settings = broker.with_iam().model_copy(update={"timeout_s": 3})

    with pytest.raises(ServiceError, match=r"AWS_MSK_IAM.*port 9098, in eu-north-1.*kafka-cluster:Connect") as raised:
        CLIENTS[name](settings)

    # What a broker answers that has read a token.
    assert "invalid_token" in (caplog.text if name == "kafka-python" else str(raised.value))
    for secret in (SECRET_KEY, SESSION, base64.b64encode(b"https://kafka.eu-north-1").decode()):
        assert secret not in f"{raised.value!r} {caplog.text} {configure_confluent(settings)!r}"


@pytest.mark.chaos_short
def test_the_job_signs_in_with_aws_own_package(broker: SecuredBroker, class_archive: None) -> None:
    """The package comes from Maven Central, its classes are found, and the mechanism is asked for, which only MSK has."""
    settings = broker.with_iam()
    options = {f"kafka.{name}": value for name, value in configure_java(settings).items()} | {"assign": '{"t": [0]}'}
    submit = [str(find_spark_home() / "bin" / "spark-submit"), "--master", "local[1]", *list_package_options(settings)]

    done = subprocess.run(
        [*submit, str(READ), json.dumps(options)],
        env=build_environment(os.environ, S3Settings()),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode != 0
    assert "Client SASL mechanism 'AWS_MSK_IAM' not enabled in the server" in done.stderr
    assert SECRET_KEY not in done.stdout + done.stderr
