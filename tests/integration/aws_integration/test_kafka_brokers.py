"""A real Kafka with the configuration of a broker on EC2, on loopback: TLS, passwords and permissions are as they are meant."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from rich.console import Console

from aws_integration.kafka_brokers import Folders, Ports, name_cluster, render_properties
from sandbox.jars import KAFKA_COORDINATES, resolve_jars
from sandbox.java import find_java
from sandbox.kafka import LOGGING, LOGGING_TEXT, build_java_command
from sandbox.processes import find_free_port

HOST = "localhost"
PASSWORDS = {"admin": "of-the-admin", "job": "of-the-job"}


def write_certificates(folder: Path) -> None:
    """An authority's certificate, and the broker's with its key, as the documents have them made."""
    now, day = datetime.now(UTC), timedelta(days=1)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", HOST)]
    certificates = []
    for number, is_authority in enumerate((True, False)):
        builder = x509.CertificateBuilder().subject_name(names[number]).issuer_name(names[0])
        builder = builder.public_key(keys[number].public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - day).not_valid_after(now + day)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        certificates.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    key = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(certificates[0])
    (folder / "broker.pem").write_bytes(key + certificates[1])


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A broker of its own: the address for clients, and its folder."""
    folder = tmp_path_factory.mktemp("broker")
    ports = Ports(find_free_port(), find_free_port(), find_free_port())
    write_certificates(folder)
    (folder / LOGGING).write_text(LOGGING_TEXT)
    (folder / "server.properties").write_text(
        render_properties(1, [HOST], ports, Folders(str(folder), str(folder / "data")))
    )
    java, jars = find_java(None), resolve_jars(KAFKA_COORDINATES, Console(stderr=True, quiet=True))
    users = [
        argument
        for user, password in PASSWORDS.items()
        for argument in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]")
    ]
    cluster = f"--cluster-id={name_cluster('123456789012', 'us-east-1')}"
    format_disk = build_java_command(
        java, jars, "kafka.tools.StorageTool", "format", cluster, "--config", "server.properties", *users
    )
    subprocess.run(format_disk, cwd=folder, check=True, capture_output=True, timeout=120)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            build_java_command(java, jars, "kafka.Kafka", "server.properties"), cwd=folder, stdout=log, stderr=log
        )
    try:
        wait_until_ready(f"{HOST}:{ports.client}", folder)
        yield f"{HOST}:{ports.client}", folder
    finally:
        process.terminate()
        process.wait(timeout=60)


def open_admin(address: str, folder: Path, user: str, password: str | None = None) -> AdminClient:
    return AdminClient(
        {
            "bootstrap.servers": address,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password or PASSWORDS[user],
            "ssl.ca.location": str(folder / "ca.pem"),
            "log_level": 0,
        }
    )


def wait_until_ready(address: str, folder: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            if open_admin(address, folder, "admin").list_topics(timeout=3).brokers:
                return
        except KafkaException:
            if time.monotonic() > deadline:
                raise AssertionError((folder / "log").read_text()[-3000:]) from None


def test_the_admin_makes_topics_and_the_job_may_do_nothing_yet(broker: tuple[str, Path]) -> None:
    admin, job = open_admin(*broker, "admin"), open_admin(*broker, "job")

    admin.create_topics([NewTopic("made", num_partitions=1)])["made"].result(timeout=30)

    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        job.create_topics([NewTopic("refused", num_partitions=1)])["refused"].result(timeout=30)


def test_nobody_comes_in_with_a_wrong_password(broker: tuple[str, Path]) -> None:
    with pytest.raises(KafkaException):
        open_admin(*broker, "admin", "of-somebody").list_topics(timeout=2)


def test_nobody_comes_in_without_tls(broker: tuple[str, Path]) -> None:
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": broker[0], "log_level": 0}).list_topics(timeout=2)
