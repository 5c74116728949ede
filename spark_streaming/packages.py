"""The Java packages that the job needs beside the installed pyspark, as slim as they can be."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from connections.settings import KafkaSettings

SCALA = "2.13"
# hadoop-aws asks for the AWS SDK's `bundle`, 558 MB of all services; these modules of it are what S3A loads.
AWS_SDK = "2.29.52"
# The newest one that asks for no newer SDK than this; of the SDK, it needs what finds the credentials of a profile.
_MSK = "software.amazon.msk:aws-msk-iam-auth:2.2.0"
_MSK_SDK_MODULES = ("sso", "ssooidc")
_AWS_SDK_MODULES = ("s3", "s3-transfer-manager", "sts", "apache-client", "netty-nio-client")

# What pyspark has already, and other clouds' stores.
EXCLUDES = (
    "software.amazon.awssdk:bundle",
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
    "org.apache.hadoop:hadoop-annotations",
    "org.apache.hadoop:hadoop-cloud-storage",
    "org.apache.hadoop:hadoop-azure",
    "org.apache.hadoop:hadoop-azure-datalake",
    "com.google.cloud.bigdataoss:gcs-connector",
    "com.google.code.findbugs:jsr305",
    "joda-time:joda-time",
    "org.apache.httpcomponents:httpclient",
    "org.apache.httpcomponents:httpcore",
    "org.slf4j:slf4j-api",
    "org.scala-lang:scala-library",
    "commons-logging:commons-logging",
)


def find_spark_home() -> Path:
    """The folder of the installed pyspark."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pyspark is not installed; run `make setup`")
    return Path(spec.origin).parent


def list_packages(kafka: KafkaSettings) -> tuple[str, ...]:
    """The Maven coordinates for `--packages`, of the versions that belong to the installed pyspark.

    Signing in to MSK by IAM takes some more.
    """
    spark = version("pyspark")
    jar = next((find_spark_home() / "jars").glob("hadoop-client-api-*.jar"))
    hadoop = re.sub(r"^hadoop-client-api-|\.jar$", "", jar.name)
    modules = (*_AWS_SDK_MODULES, *(_MSK_SDK_MODULES if kafka.uses_iam else ()))
    return (
        f"org.apache.spark:spark-sql-kafka-0-10_{SCALA}:{spark}",
        f"org.apache.spark:spark-avro_{SCALA}:{spark}",
        f"org.apache.spark:spark-hadoop-cloud_{SCALA}:{spark}",
        f"org.apache.hadoop:hadoop-aws:{hadoop}",
        *(f"software.amazon.awssdk:{module}:{AWS_SDK}" for module in modules),
        *([_MSK] if kafka.uses_iam else []),
    )
