"""The commands for clusters: each fits its service, names the archive's Python, and holds no credential."""

from __future__ import annotations

import json
import os
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.validate import ParamValidator
from pydantic import SecretStr
from typer.testing import CliRunner

from connections.settings import KafkaSettings, S3Settings, Settings, SparkSettings
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Raw
from spark_streaming.__main__ import app
from spark_streaming.submission import plan_submission
from spark_streaming.targets import Target, find_target

CANARY = "canary-of-the-tests"
CREDENTIALS = (CANARY, "access.key", "secret.key", "AWS_SECRET", "AWS_ACCESS", "sandbox")
CONTRACT = load_contract(find_contract("readings"))
HASHED = CONTRACT.model_copy(
    update={
        "columns": tuple(c.model_copy(update={"protect": "hash"}) for c in CONTRACT.columns),
        "raw": Raw(zone="encrypted"),
    }
)
SECRETS = (
    "MILLRACE_KAFKA__SASL_PASSWORD",
    "MILLRACE_KAFKA__SCHEMA_REGISTRY_PASSWORD",
    "MILLRACE_SPARK__PROTECT_KEY",
    "MILLRACE_SPARK__RAW_KEY",
)
JOB = ["run", "readings", "--env", "aws"]
runner = CliRunner()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("MILLRACE_")]:
        monkeypatch.delenv(variable)


def settings_with(master: str, deploy_mode: str = "cluster", checkpoints: str = "s3a://lake/_checkpoints") -> Settings:
    """Settings whose secrets are all set."""
    spark: dict[str, Any] = {"master": master, "deploy_mode": deploy_mode, "checkpoints": checkpoints}
    return Settings(
        kafka=KafkaSettings(
            sasl_mechanism="PLAIN",
            sasl_username="user",
            sasl_password=SecretStr(CANARY),
            schema_registry_username="user",
            schema_registry_password=SecretStr(CANARY),
        ),
        s3=S3Settings(bucket="lake"),
        spark=SparkSettings(
            **spark,
            executors=3,
            executor_cores=4,
            emr_role_arn="arn:aws:iam::000000000000:role/millrace",
            protect_key=SecretStr(CANARY),
        ),
    )


def read_conf(command: list[str]) -> dict[str, str]:
    """The configuration in a spark-submit command."""
    return dict(word.split("=", 1) for option, word in pairwise(command) if option == "--conf")


class Submitted(NamedTuple):
    id: str
    master: str
    deploy_mode: str
    options: tuple[str, ...]
    conf: dict[str, str]
    script: str


SUBMITTED = [
    Submitted(
        "standalone", "spark://host:7077", "cluster",
        ("--deploy-mode client", "--archives dist/millrace.tar.gz#dist/environment"),
        {"spark.pyspark.python": "./dist/environment/bin/python", "spark.cores.max": "12"},
        "spark_streaming/job.py",
    ),
    Submitted(
        "yarn_client", "yarn", "client",
        ("--deploy-mode client", "--archives dist/millrace.tar.gz#dist/environment"),
        {"spark.pyspark.python": "./dist/environment/bin/python", "spark.executor.instances": "3"},
        "spark_streaming/job.py",
    ),
    Submitted(
        "k8s", "k8s://https://host", "cluster",
        ("--deploy-mode cluster",),
        {"spark.pyspark.python": "/opt/millrace/bin/python", "spark.executor.instances": "3",
         **{f"spark.kubernetes.driver.secretKeyRef.{name}": f"millrace:{name}" for name in SECRETS}},
        "local:///opt/millrace/lib/spark_streaming/job.py",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", SUBMITTED, ids=[case.id for case in SUBMITTED])
def test_spark_submit_gets_what_the_cluster_needs(case: Submitted) -> None:
    submission = plan_submission(settings_with(case.master, case.deploy_mode), HASHED, JOB, None)

    line, conf = " ".join(submission.command), read_conf(submission.command)
    assert f"--master {case.master} " in line
    for option in case.options:
        assert option in line
    assert conf == conf | case.conf | {"spark.executor.cores": "4"}
    assert submission.command[-5].endswith(case.script)
    assert submission.command[-4:] == JOB
    assert "log4j2" not in conf["spark.driver.extraJavaOptions"] or "client" in line
    assert not [word for word in CREDENTIALS if word in line]


def test_a_driver_on_yarn_has_the_archives_python_and_no_path_of_this_machine() -> None:
    plain = settings_with("yarn").model_copy(update={"kafka": KafkaSettings()})

    command = plan_submission(plain, CONTRACT, JOB, None).command

    conf = read_conf(command)
    assert conf["spark.pyspark.python"] == "./environment/bin/python"
    assert "dist/millrace.tar.gz#environment" in command
    assert not [value for value in conf.values() if str(Path.cwd()) in value]


def test_emr_serverless_gets_a_request_that_its_service_takes() -> None:
    command = plan_submission(settings_with("yarn"), HASHED, JOB, None, Target.EMR_SERVERLESS).command

    assert command[:4] == ["aws", "emr-serverless", "start-job-run", "--cli-input-json"]
    request = json.loads(command[4])
    shape = boto3.client("emr-serverless", region_name="us-east-1").meta.service_model.operation_model("StartJobRun")
    report = ParamValidator().validate(request | {"clientToken": "token"}, shape.input_shape)
    assert not report.has_errors(), report.generate_report()
    conf = request["configurationOverrides"]["applicationConfiguration"][0]["properties"]
    for name in SECRETS:
        assert conf[f"spark.emr-serverless.driverEnv.{name}"] == f"EMR.secret@{name}"
    assert (
        "--archives s3://lake/_packages/millrace.tar.gz#environment"
        in (request["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"])
    )
    assert not [word for word in CREDENTIALS if word in command[4]]


@pytest.mark.parametrize(
    ("arguments", "mode"),
    [(JOB, "STREAMING"), ([*JOB, "--available-now"], "BATCH"), (["close", "readings", "--env", "aws"], "BATCH")],
    ids=["live", "drain", "close"],
)
def test_emr_serverless_starts_only_what_never_ends_again(arguments: list[str], mode: str) -> None:
    command = plan_submission(settings_with("yarn"), CONTRACT, arguments, None, Target.EMR_SERVERLESS).command

    assert json.loads(command[4])["mode"] == mode


def test_databricks_gets_the_archive_by_an_init_script_and_secrets_by_name() -> None:
    command = plan_submission(settings_with("yarn"), HASHED, JOB, None, Target.DATABRICKS).command

    (task,) = json.loads(command[command.index("--json") + 1])["tasks"]
    cluster = task["new_cluster"]
    assert task["spark_python_task"]["parameters"] == JOB
    assert cluster["num_workers"] == 3
    assert cluster["spark_env_vars"] == {
        "MILLRACE_HOME": "/opt/millrace",
        "PYTHONPATH": "/opt/millrace/lib",
        **{name: f"{{{{secrets/millrace/{name}}}}}" for name in SECRETS},
    }
    assert not [word for word in CREDENTIALS if word in " ".join(command)]


@pytest.mark.parametrize("target", list(Target))
def test_every_target_has_a_command_without_any_setting(target: Target) -> None:
    result = runner.invoke(app, ["run", "flights", "--print-command", "--target", target.value])

    assert result.exit_code == 0, result.output
    words = shlex.split(result.stdout)
    assert ("s3a://millrace-lake/_checkpoints" in result.stdout) == (target != Target.LOCAL)
    assert words[0].rsplit("/", 1)[-1] in ("spark-submit", "aws", "databricks")


class Refused(NamedTuple):
    id: str
    settings: Settings
    checkpoint: str | None
    named: tuple[str, ...]


REFUSED = [
    Refused("folder_of_the_settings", settings_with("spark://h:1", checkpoints=".checkpoints"), None,
            (".checkpoints", "spark://h:1", "s3a://<bucket>/_checkpoints")),
    Refused("folder_that_was_asked_for", settings_with("spark://h:1"), "/data/checkpoints", ("/data/checkpoints",)),
    Refused("folder_by_its_address", settings_with("yarn", "client"), "file:///data", ("file:///data",)),
    Refused("secret_on_yarn", settings_with("yarn"), None, ("MILLRACE_KAFKA__SASL_PASSWORD", 'deploy_mode = "client"')),
    Refused("master_of_another_kind", settings_with("mesos://h"), None, ("mesos://h", "spark://host:port")),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=[case.id for case in REFUSED])
def test_what_cannot_work_on_a_cluster_is_refused(case: Refused) -> None:
    with pytest.raises(ConfigurationError) as raised:
        plan_submission(case.settings, CONTRACT, JOB, case.checkpoint)

    for text in case.named:
        assert text in str(raised.value)


@pytest.mark.parametrize(
    ("master", "target"),
    [
        ("local[*]", Target.LOCAL),
        ("spark://a:1,b:1", Target.STANDALONE),
        ("yarn", Target.YARN),
        ("k8s://x", Target.K8S),
    ],
)
def test_a_masters_address_says_its_target(master: str, target: Target) -> None:
    assert find_target(master) == target
