"""The spark-submit command: what it holds, and what it never does."""

from __future__ import annotations

import shlex
from importlib.metadata import version
from itertools import pairwise
from typing import NamedTuple

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from connections.settings import IAM_MECHANISM, KafkaSettings, S3Settings, Settings, SparkSettings
from pipeline_contract.contract_file import find_contract, load_contract
from spark_streaming.__main__ import app
from spark_streaming.packages import AWS_SDK, EXCLUDES, list_packages
from spark_streaming.submission import plan_submission
from spark_streaming.submit import build_command, build_environment
from spark_streaming.targets import Target

CANARY = "canary-of-the-tests"
runner = CliRunner()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for variable in [name for name in os.environ if name.startswith("MILLRACE_")]:
        monkeypatch.delenv(variable)


def settings_with(endpoint: str | None = None, master: str = "local[2]") -> Settings:
    return Settings(
        kafka=KafkaSettings(sasl_password=SecretStr(CANARY), sasl_username="user"),
        s3=S3Settings(endpoint_url=endpoint, region="eu-north-1"),
        spark=SparkSettings(master=master, protect_key=SecretStr(CANARY), driver_memory="3g"),
    )


def test_the_command_runs_the_job_with_its_packages_and_no_secret() -> None:
    command = build_command(settings_with("http://127.0.0.1:1"), ["run", "flights"], ".checkpoints")

    assert command[0].endswith("pyspark/bin/spark-submit")
    options = dict(zip(command[1::2], command[2::2], strict=False))
    assert options["--master"] == "local[2]"
    assert options["--driver-memory"] == "3g"
    assert options["--packages"] == ",".join(list_packages(KafkaSettings()))
    assert options["--exclude-packages"] == ",".join(EXCLUDES)
    assert command[-3].endswith("spark_streaming/job.py")
    assert command[-2:] == ["run", "flights"]
    assert CANARY not in " ".join(command)


def test_packages_are_those_of_the_installed_pyspark() -> None:
    spark = [package for package in list_packages(KafkaSettings()) if package.startswith("org.apache.spark:")]

    assert {package.rsplit(":", 1)[1] for package in spark} == {version("pyspark")}
    assert any("spark-sql-kafka-0-10_2.13" in package for package in spark)
    assert not any(package.startswith("software.amazon.awssdk:bundle") for package in list_packages(KafkaSettings()))
    assert "software.amazon.awssdk:bundle" in EXCLUDES


@pytest.mark.parametrize("target", [Target.LOCAL, Target.STANDALONE, Target.YARN, Target.K8S, Target.EMR_SERVERLESS])
def test_signing_in_by_iam_takes_aws_own_package_on_every_target(target: Target) -> None:
    kafka = KafkaSettings(security_protocol="SASL_SSL", sasl_mechanism=IAM_MECHANISM)
    settings = settings_with().model_copy(update={"kafka": kafka})
    contract = load_contract(find_contract("flights"))

    command = plan_submission(settings, contract, ["run", "flights"], None, target).command

    assert "software.amazon.msk:aws-msk-iam-auth:2.2.0" in " ".join(command)
    assert "SASL_PASSWORD" not in " ".join(command)
    assert {package.rsplit(":", 1)[1] for package in list_packages(kafka) if "awssdk" in package} == {AWS_SDK}
    assert not any("msk" in package for package in list_packages(KafkaSettings()))


class Place(NamedTuple):
    id: str
    endpoint: str | None
    master: str
    checkpoint: str
    has: dict[str, str]
    has_not: tuple[str, ...]


S3A = "spark.hadoop.fs.s3a."
CHECKPOINTS = "spark.sql.streaming.checkpointFileManagerClass"
PLACES = [
    Place(
        "sandbox", "http://127.0.0.1:5000", "local[2]", ".checkpoints",
        {f"{S3A}endpoint": "http://127.0.0.1:5000", f"{S3A}connection.ssl.enabled": "false",
         "spark.driver.bindAddress": "127.0.0.1"},
        (CHECKPOINTS, f"{S3A}access.key", f"{S3A}secret.key"),
    ),
    Place(
        "aws", None, "yarn", "s3a://lake/_checkpoints",
        {f"{S3A}endpoint.region": "eu-north-1",
         CHECKPOINTS: "org.apache.spark.internal.io.cloud.AbortableStreamBasedCheckpointFileManager"},
        (f"{S3A}endpoint", f"{S3A}access.key", f"{S3A}secret.key", "spark.driver.bindAddress"),
    ),
    Place(
        "own_endpoint_elsewhere", "https://s3.example.org", "local[4]", ".checkpoints",
        {f"{S3A}endpoint": "https://s3.example.org", f"{S3A}connection.ssl.enabled": "true",
         "spark.driver.host": "127.0.0.1"},
        (f"{S3A}access.key", f"{S3A}secret.key", CHECKPOINTS),
    ),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=[place.id for place in PLACES])
def test_the_configuration_fits_the_place(place: Place) -> None:
    command = build_command(settings_with(place.endpoint, place.master), ["run", "flights"], place.checkpoint)
    conf = dict(word.split("=", 1) for option, word in pairwise(command) if option == "--conf")

    assert conf == conf | place.has
    assert not set(place.has_not) & set(conf)
    assert conf["spark.sql.session.timeZone"] == "UTC"
    assert conf["spark.sql.ansi.enabled"] == "false"
    assert conf[f"{S3A}committer.name"] == "magic"


def test_the_environment_names_this_python_and_spark_and_keeps_the_rest() -> None:
    import sys

    given = {"A": "1", "PYSPARK_PYTHON": "python-of-the-cluster", "SPARK_HOME": "/other", "AWS_ACCESS_KEY_ID": "own"}

    environment = build_environment(given, S3Settings())

    assert environment["A"] == "1"
    assert environment["PYSPARK_PYTHON"] == "python-of-the-cluster"
    assert environment["PYSPARK_DRIVER_PYTHON"] == sys.executable
    assert environment["SPARK_HOME"].endswith("pyspark")
    assert environment["AWS_ACCESS_KEY_ID"] == "own"


def test_no_credential_of_the_user_goes_to_an_endpoint_on_this_machine() -> None:
    own = {"AWS_ACCESS_KEY_ID": CANARY, "AWS_SECRET_ACCESS_KEY": CANARY, "AWS_SESSION_TOKEN": CANARY}

    environment = build_environment(own, S3Settings(endpoint_url="http://127.0.0.1:5000"))

    assert CANARY not in environment.values()
    assert environment["AWS_ACCESS_KEY_ID"] == "sandbox"


def test_print_command_prints_what_would_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_SPARK__PROTECT_KEY", CANARY)
    monkeypatch.setenv("MILLRACE_KAFKA__SASL_PASSWORD", CANARY)
    starts = '{"flights": {"0": 42}}'

    result = runner.invoke(
        app,
        ["run", "flights", "--print-command", "--available-now", "--max-offsets-per-trigger", "500",
         "--starting-offsets", starts, "--checkpoint", "s3a://lake/c", "--query", "ingest"],
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    words = shlex.split(result.stdout)
    job = words[words.index(next(word for word in words if word.endswith("job.py"))) + 1 :]
    assert job[:4] == ["run", "flights", "--env", "local"]
    assert job[4:] == [
        "--max-offsets-per-trigger", "500", "--starting-offsets", starts, "--checkpoint", "s3a://lake/c",
        "--query", "ingest", "--available-now",
    ]  # fmt: skip
    assert any(CHECKPOINTS in word for word in words)
    assert CANARY not in result.output


def test_print_command_of_close() -> None:
    result = runner.invoke(app, ["close", "flights", "--print-command"])

    assert shlex.split(result.stdout)[-4:] == ["close", "flights", "--env", "local"]


class Wrong(NamedTuple):
    id: str
    arguments: list[str]
    named: str


WRONG = [
    Wrong("unknown_pipeline", ["run", "fligths", "--print-command"], "fligths"),
    Wrong("unknown_environment", ["run", "flights", "--env", "moon", "--print-command"], "moon"),
    Wrong("unknown_query", ["run", "flights", "--query", "some", "--print-command"], "some"),
    Wrong("no_offsets_per_trigger", ["run", "flights", "--max-offsets-per-trigger", "0"], "greater"),
    Wrong("unknown_option", ["run", "flights", "--fast"], "--fast"),
    Wrong("unknown_pipeline_to_close", ["close", "fligths", "--print-command"], "fligths"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong.id for wrong in WRONG])
def test_wrong_use_is_exit_code_2(wrong: Wrong) -> None:
    result = runner.invoke(app, wrong.arguments)

    assert result.exit_code == 2
    assert wrong.named in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("verb", ["run", "close"])
def test_help_shows_an_example(verb: str) -> None:
    result = runner.invoke(app, [verb, "--help"])

    assert result.exit_code == 0
    assert f"python -m spark_streaming {verb} flights" in result.stdout
