"""The spark-submit command of the job: packages, excludes, configuration. Pure but for the look at the installed pyspark."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from connections.s3 import SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY, is_loopback
from connections.settings import KafkaSettings, S3Settings, Settings
from spark_streaming.packages import EXCLUDES, find_spark_home, list_packages
from spark_streaming.targets import find_target, place_job

LOG_CONFIGURATION = Path("conf/spark/log4j2.properties")
_ABORTABLE_CHECKPOINTS = "org.apache.spark.internal.io.cloud.AbortableStreamBasedCheckpointFileManager"


def build_command(
    settings: Settings, job_arguments: Sequence[str], checkpoint: str, secrets: Sequence[str] = ()
) -> list[str]:
    """The whole command, ready to run or to print; it holds no credential, `secrets` are names of variables."""
    placement = place_job(settings.spark, find_target(settings.spark.master), secrets)
    # Throughput matters here, pauses do not: writing Parquet was a quarter faster than with the default collector.
    java_options = ["-XX:+UseParallelGC"]
    if placement.driver == "here" and LOG_CONFIGURATION.is_file():
        java_options.append(f"-Dlog4j2.configurationFile={LOG_CONFIGURATION.resolve().as_uri()}")
    conf = session_conf() | s3a_conf(settings.s3, checkpoint) | placement.conf
    conf["spark.driver.extraJavaOptions"] = " ".join(java_options)
    return [
        str(find_spark_home() / "bin" / "spark-submit"),
        *("--master", settings.spark.master),
        *placement.options,
        *("--driver-memory", settings.spark.driver_memory),
        *list_package_options(settings.kafka),
        *(part for name, value in conf.items() for part in ("--conf", f"{name}={value}")),
        placement.script,
        *job_arguments,
    ]


def list_package_options(kafka: KafkaSettings) -> tuple[str, ...]:
    """The options by which spark-submit fetches the job's Java packages."""
    return ("--packages", ",".join(list_packages(kafka)), "--exclude-packages", ",".join(EXCLUDES))


def session_conf() -> dict[str, str]:
    """The configuration of the job's Spark session, the same on every target."""
    return {
        # Times are UTC everywhere, and an expression that fails gives null: one bad row must not stop the stream.
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.streaming.stateStore.providerClass": (
            "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
        ),
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|keystore|jaas|protect|raw[._]?key",
        # What Spark puts on disks for a while (shuffles, cached and spilt rows, what Python hands to the JVM) holds rows as
        # they were received, and the keys. Its own key lives as long as the application.
        "spark.io.encryption.enabled": "true",
        "spark.ui.showConsoleProgress": "false",
    }


def s3a_conf(settings: S3Settings, checkpoint: str) -> dict[str, str]:
    """How Spark's own S3 client reaches the lake; credentials come from its chain: environment, then the machine's role."""
    prefix = "spark.hadoop.fs.s3a."
    # The magic committer writes a task's files as uploads that its commit completes: nothing is renamed on S3.
    conf = {
        f"{prefix}endpoint.region": settings.region,
        f"{prefix}committer.name": "magic",
        f"{prefix}committer.magic.enabled": "true",
        "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a": "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
        "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
    }
    if settings.endpoint_url:
        conf |= {
            f"{prefix}endpoint": settings.endpoint_url,
            f"{prefix}path.style.access": "true",
            f"{prefix}connection.ssl.enabled": str(urlsplit(settings.endpoint_url).scheme == "https").lower(),
            f"{prefix}attempts.maximum": "5",
        }
    if checkpoint.startswith("s3a://"):
        conf["spark.sql.streaming.checkpointFileManagerClass"] = _ABORTABLE_CHECKPOINTS
    return conf


def build_environment(variables: Mapping[str, str], s3: S3Settings) -> dict[str, str]:
    """The environment that spark-submit needs: this Python for the driver and the workers, pyspark's own Spark.

    Towards a loopback endpoint, the sandbox's credentials take the place of any others.
    """
    environment = {
        **variables,
        "SPARK_HOME": str(find_spark_home()),
        "PYSPARK_PYTHON": variables.get("PYSPARK_PYTHON", sys.executable),
        "PYSPARK_DRIVER_PYTHON": variables.get("PYSPARK_DRIVER_PYTHON", sys.executable),
        "MILLRACE_PYTHON": variables.get("MILLRACE_PYTHON", sys.executable),
    }
    if is_loopback(s3.endpoint_url):
        environment.pop("AWS_SESSION_TOKEN", None)
        environment |= {
            "AWS_ACCESS_KEY_ID": SANDBOX_ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SANDBOX_SECRET_ACCESS_KEY,
        }
    return environment
