"""A Kafka broker on EC2: its configuration, and the script that sets it up. Pure but for reading the script.

Every broker is a controller too (KRaft). Clients come by SCRAM over TLS; brokers and controllers know each other by their
certificates, because a controller cannot look a password up before there is a cluster.
"""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aws_integration import shared_names as shared
from connections.settings import Settings

FOLDER = Path(__file__).with_name("templates")
DOMAIN = "kafka.millrace.internal"
# A restart is over when every partition has all of its replicas in step again.
RESTART = """\
set -euo pipefail
systemctl restart kafka
for _ in $(seq 120); do
  sleep 5
  lagging=$(/opt/kafka/bin/kafka-topics.sh --bootstrap-server "$(cat /etc/kafka/host):9094" \
--command-config /etc/kafka/admin.properties --describe --under-replicated-partitions 2>/dev/null) || continue
  [ -z "$lagging" ] && exit 0
done
echo 'the broker is not in step after ten minutes' >&2
exit 1
"""


class Ports(NamedTuple):
    """Where a broker listens: to clients, to controllers, to brokers."""

    client: int
    controller: int
    broker: int


class Folders(NamedTuple):
    """Where a broker has its certificates and its data."""

    tls: str
    data: str


PORTS = Ports(9092, 9093, 9094)
FOLDERS = Folders("/etc/kafka/tls", "/var/lib/kafka/data")


def name_host(number: int) -> str:
    """A broker's name in the network, which its certificate bears as well."""
    return f"broker-{number}.{DOMAIN}"


def name_cluster(account_id: str, region: str) -> str:
    """The id of the account's cluster: the same for every broker, and whenever a broker is set up again."""
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, f"{DOMAIN}/{account_id}/{region}")
    return urlsafe_b64encode(identity.bytes).decode().rstrip("=")


def render_properties(number: int, hosts: Sequence[str], ports: Ports = PORTS, folders: Folders = FOLDERS) -> str:
    """The configuration of one broker of these hosts, counted from 1."""
    host, replicas = hosts[number - 1], str(len(hosts))
    in_step = str(max(1, len(hosts) - 1))
    values = {
        "process.roles": "broker,controller",
        "node.id": str(number),
        "listeners": f"CLIENT://:{ports.client},CONTROLLER://:{ports.controller},BROKER://:{ports.broker}",
        "advertised.listeners": f"CLIENT://{host}:{ports.client},BROKER://{host}:{ports.broker}",
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:SSL,BROKER:SSL",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "BROKER",
        "controller.quorum.voters": ",".join(f"{n}@{name}:{ports.controller}" for n, name in enumerate(hosts, 1)),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.enabled.protocols": "TLSv1.3,TLSv1.2",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": f"{folders.tls}/broker.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": f"{folders.tls}/ca.pem",
        "listener.name.controller.ssl.client.auth": "required",
        "listener.name.broker.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": ";".join(["User:admin", *(f"User:CN={name}" for name in hosts)]),
        "log.dirs": folders.data,
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_step,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_step,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_step,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def render_user_data(number: int, hosts: Sequence[str], settings: Settings) -> str:
    """The script that sets a broker up when its machine starts for the first time; it holds no secret."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - a shell script, filled with names of our own
    )
    return environment.get_template("kafka_broker.sh").render(
        properties=render_properties(number, hosts),
        host=hosts[number - 1],
        region=settings.s3.region,
        package=f"s3://{settings.s3.bucket}/{shared.KAFKA_PACKAGE}",
        tls_secret=shared.name_broker_secret(number),
        users=shared.KAFKA_USERS,
        cluster_id=name_cluster(settings.aws.account_id, settings.s3.region),
        ports=PORTS,
        tls=FOLDERS.tls,
    )
