"""Fetches the jars that Kafka and Spark need, so that no later step waits for the network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from connections.settings import KafkaSettings, S3Settings
from pipeline_contract.errors import ServiceError
from sandbox.jars import KAFKA_COORDINATES, resolve_jars
from spark_streaming.launch import run_command
from spark_streaming.packages import find_spark_home
from spark_streaming.submit import LOG_CONFIGURATION, build_environment, list_package_options

LISTING = Path(__file__).with_name("jar_listing.py")


def fetch_kafka_jars(console: Console) -> None:
    """Fetch the broker's jars, where they are not there yet, and say how many they are."""
    jars = resolve_jars(KAFKA_COORDINATES, console)
    console.print(f"Kafka: {len(jars)} jars, {sum(jar.stat().st_size for jar in jars) / 1e6:.0f} MB", highlight=False)


def fetch_spark_jars(variables: Mapping[str, str]) -> None:
    """Let spark-submit fetch the job's packages, and say how many jars they are; `ServiceError` where it cannot."""
    command = [str(find_spark_home() / "bin" / "spark-submit"), *list_package_options(KafkaSettings())]
    # Without it, Spark's own start and end would be logged.
    command += [
        "--driver-java-options",
        f"-Dlog4j2.configurationFile={LOG_CONFIGURATION.resolve().as_uri()}",
        str(LISTING),
    ]
    if status := run_command(command, build_environment(variables, S3Settings()), json_summary=False):
        raise ServiceError(
            f"spark-submit ended with {status} while it fetched the job's packages from Maven Central; what it says "
            "stands above. Check the network (or its proxy settings) and run it again"
        )
