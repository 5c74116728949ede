"""A real broker behind TLS: listeners for users with SCRAM, for certificates, for tokens, one out of date; and access lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from pydantic import SecretStr
from rich.console import Console

from connections.kafka import open_admin
from connections.settings import IAM_MECHANISM, KafkaSettings
from pipeline_contract.access_lists import Access
from sandbox.java import find_java
from sandbox.kafka import build_broker_command, choose_properties, describe_kafka
from sandbox.processes import find_free_port
from sandbox.services import start_service, stop_service, wait_until_ready
from tests.integration.secured_kafka.certificates import Authority, make_authority

USER, PASSWORD = "app", "open sesame \"1\\2'"
ADMIN, ADMIN_PASSWORD = "admin", "admin-secret"
MECHANISM = "SCRAM-SHA-512"
KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS = {
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
}


@dataclass(frozen=True)
class SecuredBroker:
    """Where the broker listens, and who is trusted.

    `password_port` takes users, `certificate_port` certificates, `token_port` tokens; the certificate that the broker shows
    at `expired_port` has expired.
    """

    authority: Authority
    password_port: int
    certificate_port: int
    token_port: int
    expired_port: int

    def with_password(self, user: str = USER, password: str = PASSWORD) -> KafkaSettings:
        """Settings of a user with a password."""
        return KafkaSettings(
            bootstrap_servers=f"127.0.0.1:{self.password_port}",
            security_protocol="SASL_SSL",
            sasl_mechanism=MECHANISM,
            sasl_username=user,
            sasl_password=SecretStr(password),
            ssl_ca_location=self.authority.path,
            timeout_s=10,
        )

    def with_certificate(self, path: Path, password: str | None = None) -> KafkaSettings:
        """Settings of a client with a certificate."""
        return KafkaSettings(
            bootstrap_servers=f"127.0.0.1:{self.certificate_port}",
            security_protocol="SSL",
            ssl_ca_location=self.authority.path,
            ssl_client_location=path,
            ssl_key_password=SecretStr(password) if password else None,
            timeout_s=10,
        )

    def with_iam(self) -> KafkaSettings:
        """Settings of a client that signs in by IAM."""
        return KafkaSettings(
            bootstrap_servers=f"127.0.0.1:{self.token_port}",
            security_protocol="SASL_SSL",
            sasl_mechanism=IAM_MECHANISM,
            region="eu-north-1",
            ssl_ca_location=self.authority.path,
            timeout_s=10,
        )

    def with_expired_broker(self) -> KafkaSettings:
        """Settings of a client whose own certificate is well, for the listener whose is not."""
        client = self.with_certificate(self.authority.issue("well"))
        return client.model_copy(update={"bootstrap_servers": f"127.0.0.1:{self.expired_port}"})

    def open_admin(self) -> AdminClient:
        """A client of the user who may do everything."""
        return open_admin(self.with_password(ADMIN, ADMIN_PASSWORD))

    def add_user(self, name: str, password: str) -> None:
        """Create a user, who may do nothing yet."""
        secret = UserScramCredentialUpsertion(
            name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), password.encode()
        )
        admin = self.open_admin()  # the futures of one that is collected never answer
        wait_for_all(admin.alter_user_scram_credentials([secret]))

    def allow(self, principal: str, accesses: Iterable[Access]) -> None:
        """Give a principal what a party needs."""
        wanted = [
            AclBinding(
                KINDS[access.kind],
                access.name,
                ResourcePatternType.PREFIXED if access.is_prefix else ResourcePatternType.LITERAL,
                f"User:{principal}",
                "*",
                OPERATIONS[operation],
                AclPermissionType.ALLOW,
            )
            for access in accesses
            for operation in access.operations
        ]
        admin = self.open_admin()
        wait_for_all(admin.create_acls(wanted))

    def forbid_all(self, principal: str) -> None:
        """Take everything from a principal."""
        anything: Any = None
        everything = AclBindingFilter(
            ResourceType.ANY, anything, ResourcePatternType.ANY, f"User:{principal}", anything, AclOperation.ANY,
            AclPermissionType.ANY,
        )  # fmt: skip
        admin = self.open_admin()
        wait_for_all(admin.delete_acls([everything]))


def wait_for_all(futures: Mapping[Any, Future[Any]]) -> None:
    """Return when all that was asked is done."""
    for future in futures.values():
        future.result(timeout=30)


@contextmanager
def run_secured_broker(folder: Path, broker_certificate: Path | None = None) -> Iterator[SecuredBroker]:
    """The broker, as long as the block lasts; its certificate is one of its authority, unless another one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = make_authority(folder, "authority")
    own = broker_certificate or authority.issue("broker")
    password_port, certificate_port, token_port, expired_port, controller_port = (find_free_port() for _ in range(5))
    service = describe_kafka(lambda: find_java(None), "127.0.0.1", password_port, folder / "state", Console(quiet=True))
    secured = SecuredBroker(authority, password_port, certificate_port, token_port, expired_port)
    properties = choose_properties("127.0.0.1", password_port, controller_port) | choose_security(secured, own)
    users = [f"--add-scram={MECHANISM}=[name={ADMIN},password={ADMIN_PASSWORD}]"]
    build = partial(
        build_broker_command, lambda: find_java(None), service.folder, Console(quiet=True), properties, users
    )
    broker = replace(service, build_command=build, probe=partial(probe, secured))
    start_service(broker)
    try:
        wait_until_ready(broker)
        secured.add_user(USER, PASSWORD)
        yield secured
    finally:
        stop_service(broker)


def choose_security(broker: SecuredBroker, own: Path) -> dict[str, str]:
    """What the secured broker's configuration has besides the sandbox's."""
    ports = {
        "SASL_SSL": broker.password_port,
        "SSL": broker.certificate_port,
        "TOKEN": broker.token_port,
        "EXPIRED": broker.expired_port,
    }
    addresses = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    controller = f"CONTROLLER://127.0.0.1:{find_free_port()}"
    return {
        "listeners": f"{addresses},{controller}",
        "advertised.listeners": addresses,
        "controller.quorum.voters": f"1@{controller.removeprefix('CONTROLLER://')}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,TOKEN:SASL_SSL,EXPIRED:SSL",
        "inter.broker.listener.name": "SSL",
        "sasl.enabled.mechanisms": MECHANISM,
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        # Kafka's own example of a mechanism for tokens, which takes none that IAM signs: only MSK does.
        "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.token.oauthbearer.sasl.jaas.config": (
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
            'unsecuredLoginStringClaim_sub="broker";'
        ),
        "listener.name.ssl.ssl.client.auth": "required",
        "listener.name.expired.ssl.keystore.type": "PEM",
        "listener.name.expired.ssl.keystore.location": str(broker.authority.issue("late", age=timedelta(days=3))),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(own),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(broker.authority.path),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The controller of the test listens in the clear, on loopback.
        "super.users": f"User:{ADMIN};User:CN=broker;User:ANONYMOUS",
    }


def probe(broker: SecuredBroker) -> None:
    """Raise unless the broker answers its administrator."""
    broker.open_admin()
