"""Where the outside services are: environment variable, then `conf/environments/<env>.toml`, then default."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from pipeline_contract.errors import ConfigurationError

ENVIRONMENTS = Path("conf/environments")
ENV_PREFIX = "MILLRACE_"
# Signing in to MSK with the AWS credentials of the process, as AWS's own Java client calls it.
IAM_MECHANISM = "AWS_MSK_IAM"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(_Section):
    """How to reach the brokers and the schema registry, which Avro values alone need.

    `ssl_client_location` is a PEM file with a certificate and its key. Passwords come from MILLRACE_KAFKA__SASL_PASSWORD,
    MILLRACE_KAFKA__SSL_KEY_PASSWORD and MILLRACE_KAFKA__SCHEMA_REGISTRY_PASSWORD alone. `region` is that of an MSK
    cluster whose brokers are not called by MSK's own names.
    """

    bootstrap_servers: str = "127.0.0.1:19092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    region: str | None = None
    ssl_ca_location: Path | None = None
    ssl_client_location: Path | None = None
    ssl_key_password: SecretStr | None = None
    schema_registry_url: str | None = None
    schema_registry_username: str | None = None
    schema_registry_password: SecretStr | None = None
    replication_factor: int = Field(default=1, ge=1)
    timeout_s: float = Field(default=15.0, gt=0)

    @property
    def uses_iam(self) -> bool:
        """Whether clients sign in by IAM."""
        return self.sasl_mechanism == IAM_MECHANISM

    @model_validator(mode="after")
    def _check_iam(self) -> Self:
        if self.uses_iam and self.security_protocol != "SASL_SSL":
            raise ValueError(f"sasl_mechanism {IAM_MECHANISM} needs security_protocol SASL_SSL")
        if self.uses_iam and (self.sasl_username or self.sasl_password):
            raise ValueError(
                f"sasl_mechanism {IAM_MECHANISM} takes the AWS credentials of the process: leave out sasl_username and "
                "MILLRACE_KAFKA__SASL_PASSWORD"
            )
        return self


class S3Settings(_Section):
    """The lake's bucket; credentials are those of boto3's own chain, or the sandbox's on a loopback endpoint."""

    bucket: str = "millrace-lake"
    region: str = "us-east-1"
    endpoint_url: str | None = None
    timeout_s: float = Field(default=15.0, gt=0)


class AwsSettings(_Section):
    """Names in the AWS account that the Snowflake scripts and the Glue crawler refer to."""

    account_id: str = "000000000000"
    snowflake_role: str = "millrace-snowflake"
    crawler_role: str = "millrace-crawler"


class WarehouseSettings(_Section):
    """The Snowflake account; the key file's passphrase comes from MILLRACE_WAREHOUSE__PRIVATE_KEY_PASSPHRASE alone.

    `private_key` is the key itself, as PEM text, for a process that has no file: Lambda.
    """

    account: str = "sandbox"
    user: str = "sandbox"
    role: str = "MILLRACE_ROLE"
    warehouse: str = "MILLRACE_WH"
    host: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    protocol: Literal["http", "https"] = "https"
    private_key_file: Path | None = None
    private_key: SecretStr | None = None
    private_key_passphrase: SecretStr | None = None
    timeout_s: float = Field(default=60.0, gt=0)


class SparkSettings(_Section):
    """Where Spark runs, with what, where it keeps its checkpoints (a folder, or an s3a:// address) and shows its metrics."""

    master: str = "local[2]"
    deploy_mode: Literal["cluster", "client"] = "cluster"
    checkpoints: str = ".checkpoints"
    driver_memory: str = "2g"
    executors: int = Field(default=2, ge=1)
    executor_cores: int = Field(default=2, ge=1)
    executor_memory: str = "2g"
    k8s_image: str = "<image>"
    k8s_namespace: str = "default"
    k8s_service_account: str = "<service-account>"
    k8s_secret: str = "millrace"  # noqa: S105 - the name of an object that holds them
    emr_application_id: str = "<application-id>"
    emr_role_arn: str = "<role-arn>"
    databricks_volume: str = "/Volumes/<catalog>/<schema>/<volume>"
    databricks_instance_profile: str = "<instance-profile-arn>"
    protect_key: SecretStr | None = None
    raw_key: SecretStr | None = None
    metrics_address: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65535)


class ConsumerSettings(_Section):
    """How soon the group gives a dead consumer's partitions to another one, and where a consumer shows its metrics."""

    session_timeout_s: float = Field(default=10.0, ge=1)
    metrics_address: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65535)


class FunctionSettings(_Section):
    """A pipeline's Lambda function: its role and limits, and the secret in Secrets Manager that holds the warehouse's key.

    `reports_failures` says that the function's Kafka trigger is set to read partial answers (`ReportBatchItemFailures`).
    """

    role: str = "millrace-lambda"
    secret: str | None = None
    timeout_s: int = Field(default=120, ge=1, le=900)
    memory_mb: int = Field(default=1024, ge=128, le=10240)
    reports_failures: bool = False


class ApiSettings(_Section):
    """Where the API of events answers, which on AWS the deployment knows.

    `buffer_s` stands for the seconds that the contract lets Firehose gather: a sandbox need not wait.
    """

    endpoint_url: str | None = None
    buffer_s: int | None = Field(default=None, ge=0, le=900)


class InfrastructureSettings(_Section):
    """What the CloudFormation stacks are told beyond names: who hears of alarms, which network, how large things are.

    `budget_usd` is for a month. `vpc_id` and `subnet_ids` name a network that is there; without them the Spark job runs
    outside of any, and there are no brokers on EC2. `cluster_arn` is the MSK cluster that triggers the functions,
    and that IAM policies are about; `trigger_secret_arn` holds the user as whom they read any other cluster.
    `api_concurrency` is how often the function behind an API may run at once; `api_log_role` makes the one role by which
    API Gateway writes logs in the whole account and region.
    """

    budget_usd: int = Field(default=200, ge=1)
    alarm_email: str | None = None
    snowflake_user_arn: str | None = None
    snowflake_external_id: str | None = None
    vpc_id: str | None = None
    subnet_ids: tuple[str, ...] = ()
    emr_release: str = "emr-spark-8.0.0"
    emr_vcpus: int = Field(default=32, ge=4)
    cluster_arn: str | None = None
    trigger_secret_arn: str | None = Field(default=None, pattern="^arn:[^:]+:secretsmanager:")
    trigger_ca_secret_arn: str | None = Field(default=None, pattern="^arn:[^:]+:secretsmanager:")
    api_concurrency: int = Field(default=100, ge=1)
    api_log_role: bool = True
    kafka_brokers: Literal[1, 3] = 3
    kafka_image: str | None = None
    kafka_instance_type: str = "m7g.large"
    kafka_volume_gb: int = Field(default=200, ge=10)


class SandboxSettings(_Section):
    """Where the sandbox keeps its state."""

    state_dir: Path = Path(".sandbox")


class Settings(BaseSettings):
    """All settings of one environment; frozen, and an unknown key is an error."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    environment: str = "local"
    kafka: KafkaSettings = KafkaSettings()
    s3: S3Settings = S3Settings()
    aws: AwsSettings = AwsSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    spark: SparkSettings = SparkSettings()
    consumer: ConsumerSettings = ConsumerSettings()
    function: FunctionSettings = FunctionSettings()
    api: ApiSettings = ApiSettings()
    infrastructure: InfrastructureSettings = InfrastructureSettings()
    sandbox: SandboxSettings = SandboxSettings()


def load_settings(environment: str, folder: Path = ENVIRONMENTS) -> Settings:
    """Read the settings of one environment, or raise `ConfigurationError` naming the file, the key and what it may be.

    `environment` is a file name without its ending in `folder`, or the path of a TOML file. The process's environment
    variables are read here: call it from an entry point.
    """
    path = Path(environment) if environment.endswith(".toml") else folder / f"{environment}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.toml"))) or "none"
        raise ConfigurationError(f"no environment {environment!r}: {path} does not exist (known: {known})")

    _refuse_unknown_variables()
    _refuse_secrets(path)

    class FileSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, TomlConfigSettingsSource(settings_cls, path), init_settings

    try:
        return FileSettings(environment=path.stem)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems = "\n".join(f"  - {describe_problem(e['loc'], e['type'], e['msg'])}" for e in found)
        raise ConfigurationError(f"{path} (or {ENV_PREFIX}* variables): wrong settings:\n{problems}") from None


def describe_problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    """One line for one problem: the dotted key, its environment variable, and what it may be; never the value found."""
    key = ".".join(map(str, location))
    if kind == "extra_forbidden":
        return f"{key}: unknown key; allowed: {', '.join(_list_keys(location[:-1]))}"
    words = message.removeprefix("Value error, ").replace("Input should be", "allowed:")
    place = key if kind == "value_error" else f"{key} (environment variable {_name_variable(location)})"
    return f"{place}: {words}"


def _refuse_secrets(path: Path) -> None:
    """A secret in a file that is meant to be committed is refused, before it is used or shown."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    for section, key in _SECRETS:
        if isinstance(data.get(section), dict) and key in data[section]:
            variable = _name_variable((section, key))
            raise ConfigurationError(f"{path}: {section}.{key}: a secret does not stand in a file; set {variable}")


def _refuse_unknown_variables() -> None:
    """A misspelt section in a variable's name would otherwise be passed over in silence."""
    for variable in sorted(os.environ):
        section, separator, _ = variable.removeprefix(ENV_PREFIX).partition("__")
        if variable.startswith(ENV_PREFIX) and separator and section.lower() not in Settings.model_fields:
            sections = ", ".join(_list_keys(()))
            raise ConfigurationError(f"environment variable {variable}: unknown section; allowed: {sections}")


def _name_variable(location: tuple[int | str, ...]) -> str:
    return ENV_PREFIX + "__".join(str(part).upper() for part in location)


def _list_keys(location: tuple[int | str, ...]) -> list[str]:
    if not location:
        return sorted(Settings.model_fields)
    section = Settings.model_fields[str(location[0])].annotation
    return sorted(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []


_SECRETS = tuple(
    (name, key)
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    for key, inner in field.annotation.model_fields.items()
    if SecretStr in get_args(inner.annotation)
)
