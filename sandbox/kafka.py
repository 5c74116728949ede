"""A real Apache Kafka broker in KRaft mode: one node that is broker and controller, on loopback."""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from confluent_kafka.admin import AdminClient
from rich.console import Console

from pipeline_contract.errors import ServiceError
from sandbox.jars import KAFKA_COORDINATES, resolve_jars
from sandbox.java import Java
from sandbox.processes import find_free_port
from sandbox.services import Service

HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
DATA = "data"
PROPERTIES = "server.properties"
LOGGING = "log4j2.properties"
LOGGING_TEXT = """\
status = warn
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRefs = stdout
rootLogger.appenderRef.stdout.ref = STDOUT
logger.authorizer.name = kafka.authorizer.logger
logger.authorizer.level = warn
"""


def choose_properties(host: str, port: int, controller_port: int) -> dict[str, str]:
    """The broker's configuration; its data folder is relative, so that any character may stand in the path to it."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@{host}:{controller_port}",
        "log.dirs": DATA,
        "auto.create.topics.enable": "false",
        "num.partitions": "4",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "group.initial.rebalance.delay.ms": "0",
        # A consumer that was killed is missed sooner than a production broker would allow.
        "group.min.session.timeout.ms": "1000",
        "log.retention.check.interval.ms": "60000",
        "log.cleaner.dedupe.buffer.size": "16777216",
        # One node cannot replicate, and a sandbox needs few partitions for the broker's own topics.
        "default.replication.factor": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # After a kill the controller waits this long before the broker may register again.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
    }


def build_java_command(java: Java, jars: list[Path], main_class: str, *arguments: str) -> list[str]:
    """The command that runs one of Kafka's main classes inside the broker's folder."""
    class_path = ":".join(map(str, jars))
    # Java reads file names in the locale's encoding, and the C locale would mangle any path that is not ASCII.
    locale = ("env", "LC_ALL=C.UTF-8")
    logging = f"-Dlog4j2.configurationFile={LOGGING}"
    return [*locale, str(java.executable), *HEAP, logging, "-cp", class_path, main_class, *arguments]


def format_storage(java: Java, jars: list[Path], folder: Path, options: Sequence[str] = ()) -> None:
    """Format the broker's data folder, once; raises `ServiceError` with what Kafka's tool said."""
    if (folder / DATA / "meta.properties").exists():
        return
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # One id in 64 begins with a dash: as an argument of its own it would be taken for an option.
    arguments = ("format", f"--cluster-id={cluster_id}", "--config", PROPERTIES, "--ignore-formatted", *options)
    command = build_java_command(java, jars, "kafka.tools.StorageTool", *arguments)
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    if answer.returncode != 0:
        raise ServiceError(f"Kafka cannot format its data folder {folder / DATA}:\n{answer.stdout}{answer.stderr}")


def build_broker_command(
    find_java: Callable[[], Java],
    folder: Path,
    console: Console,
    properties: Mapping[str, str],
    format_options: Sequence[str] = (),
) -> list[str]:
    """Fetch the jars, write the configuration, format the data folder on first use, and return the broker's command."""
    java = find_java()
    jars = resolve_jars(KAFKA_COORDINATES, console)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LOGGING).write_text(LOGGING_TEXT)
    (folder / PROPERTIES).write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
    format_storage(java, jars, folder, format_options)
    return build_java_command(java, jars, "kafka.Kafka", PROPERTIES)


def probe_broker(bootstrap_servers: str) -> None:
    """Raise unless a client is told of a broker that takes part in the cluster."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0, "socket.timeout.ms": 2000})
    if not admin.list_topics(timeout=2).brokers:
        raise ServiceError(f"the Kafka broker at {bootstrap_servers} answers, but is still fenced")


def describe_kafka(find_java: Callable[[], Java], host: str, port: int, state_dir: Path, console: Console) -> Service:
    """The sandbox's Kafka broker as a service."""
    folder = state_dir / "kafka"
    return Service(
        name="kafka",
        title="Kafka broker",
        nature="real",
        host=host,
        port=port,
        setting="kafka.bootstrap_servers",
        needs=(),
        state_dir=folder,
        run_dir=state_dir / "run",
        folder=folder,
        build_command=lambda: build_broker_command(
            find_java, folder, console, choose_properties(host, port, find_free_port(host))
        ),
        probe=partial(probe_broker, f"{host}:{port}"),
    )
