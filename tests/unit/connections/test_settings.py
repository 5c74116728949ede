"""Settings: environment variable, then file, then default; and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from connections.settings import Settings, load_settings
from pipeline_contract.errors import ConfigurationError

SECRET = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for variable in [name for name in os.environ if name.startswith("MILLRACE_")]:
        monkeypatch.delenv(variable)


@pytest.mark.parametrize("environment", ["local", "aws"])
def test_a_shipped_environment_loads(environment: str) -> None:
    assert load_settings(environment).environment == environment


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[s3]\nbucket = "file"\nregion = "eu-west-1"\n')
    monkeypatch.setenv("MILLRACE_S3__BUCKET", "variable")

    settings = load_settings(str(path))

    assert (settings.s3.bucket, settings.s3.region, settings.s3.timeout_s) == ("variable", "eu-west-1", 15.0)
    assert settings.environment == "mine"


class Broken(NamedTuple):
    id: str
    content: str
    variables: dict[str, str]
    message: str


BROKEN = [
    Broken(
        "iam_in_the_clear",
        "[kafka]\nsasl_mechanism = 'AWS_MSK_IAM'",
        {},
        "kafka: sasl_mechanism AWS_MSK_IAM needs security_protocol SASL_SSL",
    ),
    Broken(
        "iam_with_a_password",
        "[kafka]\nsasl_mechanism = 'AWS_MSK_IAM'\nsecurity_protocol = 'SASL_SSL'",
        {"MILLRACE_KAFKA__SASL_PASSWORD": SECRET},
        "kafka: sasl_mechanism AWS_MSK_IAM takes the AWS credentials of the process: leave out sasl_username and "
        "MILLRACE_KAFKA__SASL_PASSWORD",
    ),
    Broken(
        "unknown_key",
        "[s3]\nbukcet = 'x'",
        {},
        "s3.bukcet: unknown key; allowed: bucket, endpoint_url, region, timeout_s",
    ),
    Broken(
        "unknown_section",
        "[s4]\nx = 1",
        {},
        "s4: unknown key; allowed: api, aws, consumer, environment, function, infrastructure, kafka, s3, sandbox, spark",
    ),
    Broken("unknown_variable", "", {"MILLRACE_S3__BUKCET": "x"}, "s3.bukcet: unknown key; allowed: bucket"),
    Broken(
        "unknown_variable_section",
        "",
        {"MILLRACE_S4__BUCKET": "x"},
        "environment variable MILLRACE_S4__BUCKET: unknown section; allowed: api, aws, consumer, environment, function",
    ),
    Broken(
        "wrong_choice",
        "[warehouse]\nprotocol = 'ftp'",
        {},
        "warehouse.protocol (environment variable MILLRACE_WAREHOUSE__PROTOCOL): allowed: 'http' or 'https'",
    ),
    Broken(
        "wrong_number",
        "",
        {"MILLRACE_WAREHOUSE__PORT": "many"},
        "warehouse.port (environment variable MILLRACE_WAREHOUSE__PORT): allowed: a valid integer",
    ),
    Broken("broken_toml", "[s3\n", {}, "not valid TOML: Expected ']' at the end of a table declaration (at line 1"),
    Broken(
        "secret_in_file",
        f"[kafka]\nsasl_password = '{SECRET}'",
        {},
        "kafka.sasl_password: a secret does not stand in a file; set MILLRACE_KAFKA__SASL_PASSWORD",
    ),
]


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.id)
def test_wrong_settings_are_named(case: Broken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(case.content)
    for name, value in case.variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as caught:
        load_settings(str(path))

    assert case.message in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_unknown_environment_names_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match=r"no environment 'prod': .*prod.toml does not exist \(known: aws, local\)"
    ):
        load_settings("prod")


@pytest.mark.parametrize(
    "variable",
    [
        "MILLRACE_KAFKA__SASL_PASSWORD",
        "MILLRACE_WAREHOUSE__PRIVATE_KEY_PASSPHRASE",
        "MILLRACE_SPARK__PROTECT_KEY",
        "MILLRACE_SPARK__RAW_KEY",
    ],
)
def test_a_secret_from_a_variable_is_never_shown(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, SECRET)

    settings: Settings = load_settings("local")

    section, key = variable.removeprefix("MILLRACE_").lower().split("__")
    assert getattr(getattr(settings, section), key).get_secret_value() == SECRET
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()
