"""The commands that start the job on services which take a request in place of spark-submit. Pure.

EMR Serverless: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html; Databricks:
https://docs.databricks.com/api/workspace/jobs/submit. Both take the archive that `make package` builds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from connections.settings import Settings
from spark_streaming.submit import list_package_options, s3a_conf, session_conf
from spark_streaming.targets import IMAGE_FOLDER, PACKAGE

# Where the archive and the entry script are in the lake's bucket; its readers skip what begins with an underscore.
PACKAGES = "_packages"
# The first of Databricks' runtimes with Spark 4.0; its Python is 3.12.
DATABRICKS_RUNTIME = "17.3.x-scala2.13"
# Its own commit protocol leaves the files of failed tasks for readers that know of it; ours lists what is there.
DATABRICKS_COMMITS = {
    "spark.sql.sources.commitProtocolClass": (
        "org.apache.spark.sql.execution.datasources.SQLHadoopMapReduceCommitProtocol"
    ),
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "1",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
_NAME = "millrace"


def emr_serverless_command(
    settings: Settings, job_arguments: Sequence[str], checkpoint: str, secrets: Sequence[str]
) -> list[str]:
    """The AWS command that starts the job on an EMR Serverless application, with the role's own credentials."""
    request = emr_serverless_request(settings, job_arguments, checkpoint, secrets)
    return ["aws", "emr-serverless", "start-job-run", "--cli-input-json", json.dumps(request, indent=2)]


def emr_serverless_request(
    settings: Settings, job_arguments: Sequence[str], checkpoint: str, secrets: Sequence[str]
) -> dict[str, Any]:
    """The request `StartJobRun`; each secret is one of AWS Secrets Manager, by the variable's name."""
    spark, folder, python = settings.spark, f"s3://{settings.s3.bucket}/{PACKAGES}", "./environment/bin/python"
    driver = "spark.emr-serverless.driverEnv."
    conf = {
        f"{driver}PYSPARK_DRIVER_PYTHON": python,
        f"{driver}PYSPARK_PYTHON": python,
        "spark.executorEnv.PYSPARK_PYTHON": python,
        "spark.driver.memory": spark.driver_memory,
        "spark.executor.memory": spark.executor_memory,
        "spark.executor.cores": str(spark.executor_cores),
        "spark.executor.instances": str(spark.executors),
        **session_conf(),
        **s3a_conf(settings.s3, checkpoint),
        **{f"{driver}{name}": f"EMR.secret@{name}" for name in secrets},
    }
    options = ["--archives", f"{folder}/{PACKAGE.name}#environment", *list_package_options(settings.kafka)]
    return {
        "applicationId": spark.emr_application_id,
        "executionRoleArn": spark.emr_role_arn,
        "name": _NAME,
        # A job that ends by itself is none of streaming: the service would start it again.
        "mode": "BATCH" if job_arguments[0] != "run" or "--available-now" in job_arguments else "STREAMING",
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": f"{folder}/job.py",
                "entryPointArguments": list(job_arguments),
                "sparkSubmitParameters": " ".join(options),
            }
        },
        "configurationOverrides": {
            "applicationConfiguration": [{"classification": "spark-defaults", "properties": conf}]
        },
    }


def databricks_command(settings: Settings, job_arguments: Sequence[str], secrets: Sequence[str]) -> list[str]:
    """The Databricks command that starts the job on a cluster of its own, with an instance profile's credentials."""
    request = databricks_request(settings, job_arguments, secrets)
    return ["databricks", "jobs", "submit", "--no-wait", "--json", json.dumps(request, indent=2)]


def databricks_request(settings: Settings, job_arguments: Sequence[str], secrets: Sequence[str]) -> dict[str, Any]:
    """The request for one run; an init script unpacks the archive on each node, secrets are of the scope `millrace`."""
    spark, volume = settings.spark, settings.spark.databricks_volume
    return {
        "run_name": _NAME,
        "tasks": [
            {
                "task_key": _NAME,
                "spark_python_task": {"python_file": f"{volume}/job.py", "parameters": list(job_arguments)},
                "new_cluster": {
                    "spark_version": DATABRICKS_RUNTIME,
                    "node_type_id": "<node-type>",
                    "num_workers": spark.executors,
                    # The job uses the Spark context, which a cluster that is shared does not give.
                    "data_security_mode": "SINGLE_USER",
                    "aws_attributes": {"instance_profile_arn": spark.databricks_instance_profile},
                    "init_scripts": [{"volumes": {"destination": f"{volume}/unpack.sh"}}],
                    "spark_conf": session_conf() | DATABRICKS_COMMITS,
                    "spark_env_vars": {
                        "MILLRACE_HOME": IMAGE_FOLDER,
                        "PYTHONPATH": f"{IMAGE_FOLDER}/lib",
                        **{name: f"{{{{secrets/{_NAME}/{name}}}}}" for name in secrets},
                    },
                },
            }
        ],
    }
