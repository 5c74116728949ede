"""The CloudFormation templates of the infrastructure: what stands in `templates/`, filled in for one environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aws_integration import shared_names as shared
from aws_integration.alarms import list_function_alarms
from aws_integration.function_deployment import Code, describe_function
from aws_integration.job_runs import JobRuns, describe_schedules
from aws_integration.kafka_brokers import DOMAIN, PORTS, RESTART, name_host, render_user_data
from aws_integration.kafka_triggers import describe_triggers, needs_group
from aws_integration.naming import derive_catalog_names
from aws_integration.plan import describe_crawler, describe_database, describe_workgroup
from aws_integration.roles import (
    describe_api_log_role,
    describe_broker_role,
    describe_consumer_policies,
    describe_crawler_role,
    describe_error_role,
    describe_function_role,
    describe_job_role,
    describe_scheduler_role,
    describe_snowflake_role,
)
from connections.job_secrets import list_job_secrets
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.layout import ATHENA_RESULTS, STAGING, output_prefix
from pipeline_contract.model import Contract
from pipeline_contract.policies import bucket_arn, role_arn, topic_arn
from pipeline_contract.resource_policies import bucket_policy, key_policy, queue_policy, topic_policy

FOLDER = Path(__file__).with_name("templates")
ALIAS = f"alias/{shared.KEY}"
STAGING_DAYS = 90


class Runtime(NamedTuple):
    """What Lambda runs a function with, such as python3.12 on arm64."""

    name: str
    architecture: str


def render_base(contracts: Sequence[Contract], settings: Settings, key_arn: str | None) -> str:
    """What pipelines share; `key_arn` is the key that an earlier stack has left, where there is one."""
    place, names = (settings.s3.region, settings.aws.account_id), _name_buckets(settings)
    first = contracts[0]
    roles = {
        "SnowflakeRole": describe_snowflake_role(settings).describe(),
        "PipeErrorRole": describe_error_role(settings).describe(),
        "CrawlerRole": describe_crawler_role(first, settings).describe_bare(),
        "FunctionRole": describe_function_role(first, settings).describe_bare(),
        "SchedulerRole": describe_scheduler_role(first, settings).describe_bare(),
    }
    return fill_template(
        shared.Stack.BASE,
        key_arn=key_arn,
        key="!GetAtt Key.Arn" if key_arn is None else json.dumps(key_arn),
        key_policy=key_policy(settings.aws.account_id),
        alias=ALIAS,
        lake=names["LakeBucket"],
        checkpoints=names["CheckpointBucket"],
        errors=names["ErrorBucket"],
        buckets=names,
        bucket_policies={id_: bucket_policy(name) for id_, name in names.items()},
        staging=f"{STAGING}/",
        staging_days=STAGING_DAYS,
        results=f"{ATHENA_RESULTS}/",
        raw_prefixes={contract.name: output_prefix(contract.name, "raw") for contract in contracts},
        alarms=shared.ALARMS,
        alarm_email=settings.infrastructure.alarm_email,
        topic_policy=topic_policy(*place, shared.ALARMS),
        queue_policy=queue_policy(*place, shared.ALARMS, shared.ALARMS),
        pipe_errors=shared.PIPE_ERRORS,
        roles=roles,
        secret=shared.name_warehouse_secret(settings),
        budget_usd=settings.infrastructure.budget_usd,
        api_log_role=describe_api_log_role(settings).describe_bare() if settings.infrastructure.api_log_role else None,
        vpc_id=settings.infrastructure.vpc_id,
    )


def render_stream(contract: Contract, settings: Settings, runs: JobRuns) -> str:
    """The Spark job of a pipeline on EMR Serverless, drained every hour and backfilled every night."""
    name, account_id = contract.name, settings.aws.account_id
    job_role = describe_job_role(contract, settings, list_job_secrets(settings, contract))
    job_role_arn = role_arn(account_id, job_role.name)
    return fill_template(
        shared.Stack.STREAM,
        pipeline=name,
        job_role=job_role.describe(),
        job_role_arn=job_role_arn,
        scheduler_role=role_arn(account_id, shared.SCHEDULER_ROLE),
        scheduler_policies=describe_scheduler_role(contract, settings).describe_policies(),
        release=settings.infrastructure.emr_release,
        vcpus=settings.infrastructure.emr_vcpus,
        subnet_ids=settings.infrastructure.subnet_ids,
        dead_letters=shared.name_dead_letters(name, shared.Stack.STREAM),
        alarm_topic=name_alarm_topic(settings),
        alias=ALIAS,
        schedules=describe_schedules(name, runs, job_role_arn),
    )


def render_catalog(contract: Contract, settings: Settings, scan_limit_bytes: int) -> str:
    """The Glue catalog and the Athena workgroup of a pipeline, as `catalog deploy` makes them."""
    names = derive_catalog_names(contract, settings)
    return fill_template(
        shared.Stack.CATALOG,
        pipeline=contract.name,
        crawler_policies=describe_crawler_role(contract, settings).describe_policies(),
        consumer_policy=describe_consumer_policies(contract, settings)["s3"],
        database=describe_database(names),
        crawler=describe_crawler(names),
        workgroup_name=names.workgroup,
        workgroup=describe_workgroup(names, scan_limit_bytes),
    )


def render_function(
    pipeline: str, contract: Contract, settings: Settings, code: Code, runtime: Runtime, ids: Mapping[str, str]
) -> str:
    """The Lambda function of a pipeline, as `function deploy` makes it, and what it keeps, logs and tells of."""
    secret = shared.name_warehouse_secret(settings)
    told = settings.model_copy(update={"function": settings.function.model_copy(update={"secret": secret})})
    function = describe_function(pipeline, contract, told, ids) | {
        "Runtime": runtime.name,
        "Architectures": [runtime.architecture],
        "Code": dict(code.place),
    }
    dead_letters = shared.name_dead_letters(contract.name, shared.Stack.LAMBDA)
    return fill_template(
        shared.Stack.LAMBDA,
        pipeline=contract.name,
        function_policies=describe_function_role(contract, settings).describe_policies(),
        consumer_policy=describe_consumer_policies(contract, settings)["lambda"],
        function=function,
        dead_letters=dead_letters,
        alarm_topic=name_alarm_topic(settings),
        alias=ALIAS,
        triggers=describe_triggers(contract, settings),
        in_network=needs_group(settings),
        reports_failures=settings.function.reports_failures,
        # Lambda puts the messages themselves there, in the clear.
        error_bucket_arn=bucket_arn(shared.name_error_bucket(settings)) if contract.raw.zone == "clear" else None,
        alarms=list_function_alarms(contract.name, function["FunctionName"], dead_letters),
    )


def render_kafka(settings: Settings) -> str:
    """A Kafka cluster of one or three brokers on EC2; `ConfigurationError` where network or image are not said."""
    told = settings.infrastructure
    if told.vpc_id is None or not told.subnet_ids or told.kafka_image is None:
        raise ConfigurationError(
            "brokers on EC2 need vpc_id, subnet_ids and kafka_image in the section [infrastructure] of the environment"
        )
    numbers = range(1, told.kafka_brokers + 1)
    hosts = [name_host(number) for number in numbers]
    return fill_template(
        shared.Stack.KAFKA,
        brokers={number: told.subnet_ids[(number - 1) % len(told.subnet_ids)] for number in numbers},
        names={number: shared.name_broker(number) for number in numbers},
        tls_secrets={number: shared.name_broker_secret(number) for number in numbers},
        roles={number: describe_broker_role(settings, number).describe() for number in numbers},
        user_data={number: render_user_data(number, hosts, settings) for number in numbers},
        domain=DOMAIN,
        alias=ALIAS,
        users=shared.KAFKA_USERS,
        ports=PORTS,
        vpc_id=told.vpc_id,
        image=told.kafka_image,
        instance_type=told.kafka_instance_type,
        volume_gb=told.kafka_volume_gb,
        restart=RESTART.splitlines(),
    )


def _name_buckets(settings: Settings) -> dict[str, str]:
    return {
        "LakeBucket": settings.s3.bucket,
        "CheckpointBucket": shared.name_checkpoint_bucket(settings),
        "ErrorBucket": shared.name_error_bucket(settings),
    }


def name_alarm_topic(settings: Settings) -> str:
    """The address of the topic that alarms go to."""
    return topic_arn(settings.s3.region, settings.aws.account_id, shared.ALARMS)


def fill_template(stack: shared.Stack, **values: Any) -> str:
    """A stack's template with these values; `jinja2.UndefinedError` where one is missing."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML, not HTML: every value goes through the filter `json`, which YAML reads
    )
    environment.filters["json"] = json.dumps
    return environment.get_template(f"{stack}.yaml").render(values)
