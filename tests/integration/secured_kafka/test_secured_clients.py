"""Kafka behind TLS, passwords, certificates and access lists: every client gets through with what it needs, and no more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connections.broker_certificates import find_expired_certificate
from connections.kafka import open_admin
from connections.settings import KafkaSettings
from kafka_producer.confluent_publisher import ConfluentPublisher
from kafka_producer.kafka_python_publisher import KafkaPythonPublisher
from pipeline_contract.access_lists import Party, derive_access
from pipeline_contract.contract_file import load_contract
from pipeline_contract.errors import PipelineError, ServiceError
from tests.integration.kafka_consumer.pipelines import CONTRACT
from tests.integration.secured_kafka.certificates import make_authority
from tests.integration.secured_kafka.secured_broker import PASSWORD, USER, SecuredBroker
from tests.integration.spark_streaming.job_runs import read_run

KEY_PASSWORD = "key-canary-4711"
ROWS = 300
TIMEOUT_S = 280


class Refused(NamedTuple):
    """Settings that the broker, or the client, will not take, and the words that say so."""

    id: str
    changes: dict[str, Any]
    words: str
    by_certificate: bool = False


def list_refused(broker: SecuredBroker) -> list[Refused]:
    """Every way to get the settings wrong."""
    other = make_authority(broker.authority.folder, "other")
    expired = broker.authority.issue("expired", age=timedelta(days=3))
    locked = broker.authority.issue("locked", password=KEY_PASSWORD)
    return [
        Refused(
            "wrong password", {"sasl_password": "canary-wrong"}, "refuse user 'app'.*MILLRACE_KAFKA__SASL_PASSWORD"
        ),
        Refused("unknown user", {"sasl_username": "nobody"}, "refuse user 'nobody'"),
        Refused("another mechanism", {"sasl_mechanism": "PLAIN"}, r"supported mechanisms: SCRAM-SHA-512.*\(PLAIN\)"),
        Refused("an unknown authority", {"ssl_ca_location": other.path}, "certificate verify failed.*ssl_ca_location"),
        Refused(
            "no such file", {"ssl_ca_location": Path("/nowhere.pem")}, r"ssl_ca_location: /nowhere.pem does not exist"
        ),
        Refused("expired certificate", {"ssl_client_location": expired}, "TLS failed.*ssl_client_location", True),
        Refused(
            "foreign certificate", {"ssl_client_location": other.issue("x")}, "TLS failed.*ssl_client_location", True
        ),
        Refused("no certificate", {"ssl_client_location": None}, "TLS failed.*ssl_client_location", True),
        Refused("locked key", {"ssl_client_location": locked, "ssl_key_password": "no"}, "SSL_KEY_PASSWORD", True),
    ]


def test_what_is_wrong_is_named_and_no_secret_is_shown(broker: SecuredBroker) -> None:
    certificate = broker.authority.issue("client")
    for case in list_refused(broker):
        base = broker.with_certificate(certificate) if case.by_certificate else broker.with_password()
        settings = KafkaSettings(**{**base.model_dump(), "timeout_s": 3, **case.changes})

        with pytest.raises(PipelineError, match=f"(?s){case.words}") as raised:
            open_admin(settings)

        shown = f"{case.id}: {raised.value}"
        assert not [secret for secret in (PASSWORD, "canary-wrong", KEY_PASSWORD) if secret in shown], shown


EXPIRED = r"certificate of the broker at 127.0.0.1:\d+ has expired, on .* UTC: it is to be renewed there"
PUBLISHERS = {"confluent": ConfluentPublisher, "kafka-python": KafkaPythonPublisher}


@pytest.mark.parametrize("name", PUBLISHERS)
def test_it_is_said_that_the_brokers_certificate_has_expired(name: str, broker: SecuredBroker) -> None:
    settings = broker.with_expired_broker().model_copy(update={"timeout_s": 3})

    with pytest.raises(ServiceError, match=EXPIRED):
        PUBLISHERS[name](settings, "millrace-t-1", 1_000_000)
    with pytest.raises(ServiceError, match=EXPIRED):
        open_admin(settings)
    assert find_expired_certificate(broker.with_password()) is None


@dataclass(frozen=True)
class Client:
    """A pipeline of a test, and the principal as which its commands reach the broker."""

    path: Path
    principal: str
    variables: dict[str, str]

    def run(self, package: str, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the project's commands."""
        done = subprocess.run(
            [sys.executable, "-m", package, verb, str(self.path), *arguments],
            env=os.environ | self.variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert not [secret for secret in (PASSWORD, KEY_PASSWORD, "PRIVATE KEY") if secret in done.stdout + done.stderr]
        return done


@pytest.fixture(params=["password", "certificate"])
def client(
    request: pytest.FixtureRequest, broker: SecuredBroker, sandbox_variables: dict[str, str], tmp_path: Path,
    unique_name: str,
) -> Client:  # fmt: skip
    """A client that may do nothing yet."""
    path = tmp_path / f"{unique_name}.toml"
    path.write_text(CONTRACT.format(name=unique_name))
    if request.param == "password":
        settings, principal = broker.with_password(), USER
        secret = {"MILLRACE_KAFKA__SASL_PASSWORD": PASSWORD}
    else:
        principal = f"CN={unique_name}"
        settings = broker.with_certificate(broker.authority.issue(unique_name, password=KEY_PASSWORD), KEY_PASSWORD)
        secret = {"MILLRACE_KAFKA__SSL_KEY_PASSWORD": KEY_PASSWORD}
    told = settings.model_dump(exclude_none=True, exclude={"sasl_password", "ssl_key_password"})
    variables = {f"MILLRACE_KAFKA__{key.upper()}": str(value) for key, value in told.items()}
    return Client(path, principal, sandbox_variables | variables | secret)


def allow(broker: SecuredBroker, client: Client, party: Party) -> None:
    """Give a client what a party needs, and nothing else."""
    broker.forbid_all(client.principal)
    broker.allow(client.principal, derive_access(load_contract(client.path), party))


def write_rows(client: Client) -> str:
    """A file with rows of the contract."""
    path = client.path.with_suffix(".csv")
    lines = (f"{n},2024-01-01 00:00:{n % 60:02d},{n}.5,{'ab'[n % 2]}" for n in range(ROWS))
    path.write_text("\n".join(["id,at,price,kind", *lines]) + "\n")
    return str(path)


@pytest.mark.chaos_short
def test_each_party_gets_through_with_its_access_list_and_not_without(broker: SecuredBroker, client: Client) -> None:
    rows = write_rows(client)
    steps: list[tuple[Party, list[str]]] = [
        ("topics", ["kafka_producer", "topics"]),
        ("producer", ["kafka_producer", "replay", rows, "--quiet", "--json"]),
        ("producer", ["kafka_producer", "replay", rows, "--quiet", "--json", "--client", "kafka-python", "--replay-id", "2"]),
        ("s3", ["kafka_consumer", "run", "--to", "s3", "--available-now"]),
        ("reader", ["reconciliation", "check", "--way", "s3", "--json"]),
    ]  # fmt: skip
    for party, (package, verb, *arguments) in steps:
        broker.forbid_all(client.principal)
        refused = client.run(package, verb, *arguments)
        assert refused.returncode != 0
        assert "docs/kafka-security.md" in refused.stderr, (party, refused.stderr)

        allow(broker, client, party)
        done = client.run(package, verb, *arguments)
        assert done.returncode == 0, (party, done.stderr)
    result = json.loads(done.stdout)
    assert (result["complete"], result["produced"], result["loaded"]) == (True, 2 * ROWS, 2 * ROWS)


@pytest.mark.chaos_short
def test_the_spark_job_gets_through(broker: SecuredBroker, client: Client, class_archive: None, tmp_path: Path) -> None:
    allow(broker, client, "producer")
    assert client.run("kafka_producer", "replay", write_rows(client), "--quiet").returncode == 0
    broker.forbid_all(client.principal)
    drain = ("spark_streaming", "run", "--available-now", "--checkpoint", str(tmp_path / "checkpoints"))
    refused = client.run(*drain)
    assert refused.returncode != 0
    assert "docs/kafka-security.md" in refused.stdout + refused.stderr

    late = dict(client.variables, MILLRACE_KAFKA__BOOTSTRAP_SERVERS=f"127.0.0.1:{broker.expired_port}")
    stopped = replace(client, variables=late).run(*drain)
    assert stopped.returncode != 0
    # A user's password is asked for at other ports: this one takes certificates.
    assert re.search(EXPIRED, stopped.stdout + stopped.stderr), stopped.stderr

    allow(broker, client, "stream")
    done = client.run(*drain)

    assert done.returncode == 0, done.stderr
    ingested = [event for event in read_run(done).events if event["event"] == "batch" and event["query"] == "ingest"]
    assert sum(event["rows"]["raw"] for event in ingested) == ROWS, done.stdout + done.stderr
