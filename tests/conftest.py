"""Real services for the tests: each is started once per test session, when a test first asks for it, on free ports."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from hypothesis import settings as hypothesis_settings
from rich.console import Console

from connections.s3 import open_s3
from connections.settings import (
    ApiSettings,
    AwsSettings,
    KafkaSettings,
    S3Settings,
    SandboxSettings,
    Settings,
    SparkSettings,
    WarehouseSettings,
)
from sandbox.java import find_java
from sandbox.processes import find_free_port
from sandbox.services import Service, is_running, start_service, stop_service, wait_until_ready
from sandbox.stack import create_lake_bucket, describe_services
from tests.class_archive import provide_class_archive

# No test asserts on time: an example that waits for a busy machine is no failure.
hypothesis_settings.register_profile("millrace", deadline=None)
hypothesis_settings.load_profile("millrace")
# Assertions in the modules that tests share say what they compared.
pytest.register_assert_rewrite("tests.integration", "tests.chaos", "tests.spark")


@pytest.fixture(scope="session", autouse=True)
def python_of_spark() -> Iterator[None]:
    """The shared Spark session starts its Python workers with the interpreter that runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        yield


@pytest.fixture(scope="session")
def class_archive() -> Iterator[None]:
    """Every JVM of Spark's that a test starts, by itself or by a command, reads its classes from an archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_SUBMIT_OPTS", provide_class_archive())
        yield


@pytest.fixture(scope="session")
def session_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The addresses of this test session's own services; asking for them starts nothing."""
    folder = tmp_path_factory.mktemp("sandbox")
    return Settings(
        environment="test",
        kafka=KafkaSettings(
            bootstrap_servers=f"127.0.0.1:{find_free_port()}",
            schema_registry_url=f"http://127.0.0.1:{find_free_port()}",
        ),
        s3=S3Settings(endpoint_url=f"http://127.0.0.1:{find_free_port()}"),
        aws=AwsSettings(),
        api=ApiSettings(endpoint_url=f"http://127.0.0.1:{find_free_port()}"),
        warehouse=WarehouseSettings(host="127.0.0.1", port=find_free_port(), protocol="http"),
        spark=SparkSettings(checkpoints=str(folder / "checkpoints")),
        sandbox=SandboxSettings(state_dir=folder / "state"),
    )


@pytest.fixture(scope="session")
def session_services(session_settings: Settings) -> Iterator[dict[str, Service]]:
    """The services by name, none of them started; those that were started are stopped at the end of the session."""
    console = Console(stderr=True, quiet=True)
    services = {
        service.name: service for service in describe_services(session_settings, lambda: find_java(None), console)
    }
    yield services
    for service in reversed(services.values()):
        stop_service(service)


def provide(service: Service) -> None:
    """Start a service unless it runs, and wait until it answers."""
    if not is_running(service):
        start_service(service)
    wait_until_ready(service)


@pytest.fixture(scope="session")
def kafka_bootstrap(session_services: dict[str, Service], session_settings: Settings) -> str:
    """The address of a running Kafka broker, and nothing else started for it."""
    provide(session_services["kafka"])
    return session_settings.kafka.bootstrap_servers


@pytest.fixture(scope="session")
def registry_settings(session_services: dict[str, Service], session_settings: Settings) -> KafkaSettings:
    """Settings of a running schema registry, and nothing else started for it."""
    provide(session_services["registry"])
    return session_settings.kafka


@pytest.fixture(scope="session")
def s3_endpoint(session_services: dict[str, Service]) -> str:
    """The URL of a running AWS endpoint, and nothing else started for it."""
    provide(session_services["aws"])
    return f"http://{session_services['aws'].address}"


@pytest.fixture(scope="session")
def api_endpoint(session_services: dict[str, Service], s3_endpoint: str) -> str:
    """The URL of a running API Gateway beside the AWS endpoint that it needs."""
    provide(session_services["api_gateway"])
    return f"http://{session_services['api_gateway'].address}"


@pytest.fixture(scope="session")
def warehouse_settings(
    session_services: dict[str, Service],
    session_settings: Settings,
    s3_endpoint: str,
) -> Settings:
    """Settings of a running Snowflake endpoint, and of the AWS endpoint that it needs with the lake's bucket; no Kafka."""
    provide(session_services["snowflake"])
    create_lake_bucket(session_settings)
    return session_settings


@pytest.fixture(scope="session")
def sandbox_settings(
    session_services: dict[str, Service], session_settings: Settings, kafka_bootstrap: str, s3_endpoint: str
) -> Settings:
    """Settings of a whole sandbox that runs: Kafka, AWS with the lake's bucket, API Gateway, Snowflake."""
    provide(session_services["registry"])
    provide(session_services["api_gateway"])
    provide(session_services["snowflake"])
    create_lake_bucket(session_settings)
    return session_settings


@pytest.fixture(scope="session")
def sandbox_variables(sandbox_settings: Settings) -> dict[str, str]:
    """Environment variables that point a command with `--env local` at this session's sandbox."""
    return describe_variables(sandbox_settings)


def describe_variables(settings: Settings) -> dict[str, str]:
    """Environment variables with the addresses and folders of these settings."""
    return {
        "MILLRACE_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "MILLRACE_KAFKA__SCHEMA_REGISTRY_URL": str(settings.kafka.schema_registry_url),
        "MILLRACE_S3__ENDPOINT_URL": str(settings.s3.endpoint_url),
        "MILLRACE_API__ENDPOINT_URL": str(settings.api.endpoint_url),
        "MILLRACE_S3__BUCKET": settings.s3.bucket,
        "MILLRACE_WAREHOUSE__HOST": str(settings.warehouse.host),
        "MILLRACE_WAREHOUSE__PORT": str(settings.warehouse.port),
        "MILLRACE_SPARK__CHECKPOINTS": settings.spark.checkpoints,
        "MILLRACE_SANDBOX__STATE_DIR": str(settings.sandbox.state_dir),
    }


@pytest.fixture
def unique_name() -> str:
    """A name that no other test uses; lower case letters and digits, a letter first."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def unique_topic(kafka_bootstrap: str, unique_name: str) -> str:
    """An empty topic of two partitions that no other test uses."""
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    for created in admin.create_topics([NewTopic(unique_name, num_partitions=2, replication_factor=1)]).values():
        created.result(timeout=30)
    return unique_name


@pytest.fixture
def unique_bucket(s3_endpoint: str, session_settings: Settings, unique_name: str) -> str:
    """An empty bucket that no other test uses."""
    open_s3(session_settings.s3).create_bucket(Bucket=unique_name)
    return unique_name
