"""Where the job can run: the kinds of cluster, and what each of them adds to the spark-submit command. Pure.

On every cluster the executors' Python is `bin/python` of the archive that `make package` builds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from connections.s3 import is_loopback
from connections.settings import SparkSettings
from pipeline_contract.errors import ConfigurationError

JOB = Path(__file__).with_name("job.py")
PACKAGE = Path("dist/millrace.tar.gz")
PACKAGE_FOLDER = Path("dist/environment")
# Where an image for Kubernetes has the archive unpacked.
IMAGE_FOLDER = "/opt/millrace"


class Target(StrEnum):
    """A kind of place to run the job at."""

    LOCAL = "local"
    STANDALONE = "standalone"
    YARN = "yarn"
    K8S = "k8s"
    EMR_SERVERLESS = "emr-serverless"
    DATABRICKS = "databricks"


_MASTERS = {"local": Target.LOCAL, "spark://": Target.STANDALONE, "yarn": Target.YARN, "k8s://": Target.K8S}
_OTHER_MASTERS = {
    Target.LOCAL: "local[2]",
    Target.STANDALONE: "spark://<host>:7077",
    Target.YARN: "yarn",
    Target.K8S: "k8s://https://<host>:443",
    Target.EMR_SERVERLESS: "EMR Serverless",
    Target.DATABRICKS: "Databricks",
}


@dataclass(frozen=True)
class Placement:
    """What a target adds to the spark-submit command: options, configuration, and where driver and entry script are."""

    options: tuple[str, ...] = ()
    conf: dict[str, str] = field(default_factory=dict)
    script: str = str(JOB)
    driver: Literal["here", "cluster"] = "here"


def find_target(master: str) -> Target:
    """The target that a Spark master's address belongs to."""
    for prefix, target in _MASTERS.items():
        if master.startswith(prefix):
            return target
    raise ConfigurationError(
        f"spark.master {master!r}: allowed: local[n], spark://host:port, yarn, k8s://https://host:port"
    )


def choose_master(settings: SparkSettings, target: Target) -> str:
    """The master of a target: the address in the settings if it is one of that kind, else one to fill in, or a name."""
    return settings.master if find_target(settings.master) == target else _OTHER_MASTERS[target]


def check_checkpoint(master: str, checkpoint: str) -> None:
    """Return if every machine that works for a master can reach the checkpoint, or raise `ConfigurationError`."""
    if not master.startswith("local") and is_folder(checkpoint):
        raise ConfigurationError(
            f"checkpoint {checkpoint!r} is a folder of one machine, and on {master} the state of the queries is written "
            "by several: give `--checkpoint s3a://<bucket>/_checkpoints`, or set `checkpoints` in the section [spark] of "
            "the environment"
        )


def is_folder(checkpoint: str) -> bool:
    """Say whether a checkpoint's address is a folder on one machine's disk."""
    return urlsplit(checkpoint).scheme in ("", "file")


def place_job(settings: SparkSettings, target: Target, secrets: Sequence[str]) -> Placement:
    """What to add for a target that spark-submit starts the job on; `secrets` are variables that the driver needs."""
    if target == Target.LOCAL:
        return Placement(conf={"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"})
    executors = {
        "spark.executor.memory": settings.executor_memory,
        "spark.executor.cores": str(settings.executor_cores),
        "spark.executor.extraJavaOptions": "-XX:+UseParallelGC",
    }
    if target == Target.STANDALONE:
        return _place_client(
            executors | {"spark.cores.max": str(settings.executors * settings.executor_cores)}, settings
        )
    executors |= {"spark.executor.instances": str(settings.executors)}
    if target == Target.K8S:
        return _place_on_kubernetes(executors, settings, secrets)
    if settings.deploy_mode == "client":
        return _place_client(executors, settings)
    if secrets:
        raise ConfigurationError(
            f"YARN shows a driver's environment to anyone who reads the application, and this one needs {', '.join(secrets)}: "
            'set deploy_mode = "client" in the section [spark] of the environment; the driver then has the environment of '
            "who starts it"
        )
    python = {"spark.pyspark.python": "./environment/bin/python"}
    options = ("--deploy-mode", "cluster", "--name", "millrace", "--archives", f"{PACKAGE}#environment")
    return Placement(options, executors | python, driver="cluster")


def _place_client(conf: dict[str, str], settings: SparkSettings) -> Placement:
    """The driver runs here, on this Python; what it starts on the side must have the executors' path of Python too."""
    conf |= {
        "spark.pyspark.python": f"./{PACKAGE_FOLDER}/bin/python",
        "spark.pyspark.driver.python": sys.executable,
    }
    if is_loopback(settings.master):
        conf |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return Placement(("--deploy-mode", "client", "--archives", f"{PACKAGE}#{PACKAGE_FOLDER}"), conf)


def _place_on_kubernetes(conf: dict[str, str], settings: SparkSettings, secrets: Sequence[str]) -> Placement:
    conf |= {
        "spark.kubernetes.container.image": settings.k8s_image,
        "spark.kubernetes.namespace": settings.k8s_namespace,
        "spark.kubernetes.authenticate.driver.serviceAccountName": settings.k8s_service_account,
        "spark.kubernetes.authenticate.executor.serviceAccountName": settings.k8s_service_account,
        "spark.pyspark.python": f"{IMAGE_FOLDER}/bin/python",
        # The image's user has no home to write to.
        "spark.jars.ivy": "/tmp/.ivy2",  # noqa: S108
        **{f"spark.kubernetes.driver.secretKeyRef.{name}": f"{settings.k8s_secret}:{name}" for name in secrets},
    }
    script = f"local://{IMAGE_FOLDER}/lib/spark_streaming/job.py"
    return Placement(("--deploy-mode", "cluster", "--name", "millrace"), conf, script, driver="cluster")
