"""The IAM roles and policies of a pipeline as CloudFormation describes them, for templates and files alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_integration import shared_names as shared
from aws_integration.kafka_triggers import describe_trigger_policy
from aws_integration.naming import derive_catalog_names
from connections.settings import Settings
from pipeline_contract.access_lists import Party, derive_access
from pipeline_contract.cluster_policies import cluster_access_policy
from pipeline_contract.kafka_event import name_function
from pipeline_contract.model import Contract
from pipeline_contract.policies import (
    Document,
    catalog_read_policy,
    error_topic_policy,
    function_caller_policy,
    function_policy,
    join_documents,
    s3_consumer_policy,
    snowflake_read_policy,
    snowflake_trust_policy,
    streaming_job_policy,
    topic_arn,
)
from pipeline_contract.service_policies import (
    account_trust_policy,
    broker_policy,
    checkpoint_policy,
    crawler_policy,
    dead_letter_policy,
    failure_policy,
    key_reader_policy,
    key_user_policy,
    scheduler_policy,
    serverless_job_policy,
    service_trust_policy,
)


@dataclass(frozen=True)
class Role:
    """A role: who may take it, and what it may do, by the name of the policy."""

    name: str
    trust: Document
    policies: Mapping[str, Document]

    def describe(self) -> dict[str, Any]:
        """The role with its policies, as the properties of an `AWS::IAM::Role`."""
        policies = [{"PolicyName": name, "PolicyDocument": policy} for name, policy in self.policies.items()]
        return {**self.describe_bare(), "Policies": policies}

    def describe_bare(self) -> dict[str, Any]:
        """The role alone, for one whose policies come with other stacks."""
        return {"RoleName": self.name, "AssumeRolePolicyDocument": self.trust}

    def describe_policies(self) -> list[dict[str, Any]]:
        """Its policies, as the properties of an `AWS::IAM::Policy` each."""
        return [
            {"PolicyName": name, "PolicyDocument": policy, "Roles": [self.name]}
            for name, policy in self.policies.items()
        ]


def describe_snowflake_role(settings: Settings) -> Role:
    """Snowflake's role: until its user is known, the account's own people may take it."""
    place = settings.s3.region, settings.aws.account_id
    reads = join_documents(snowflake_read_policy(settings.s3.bucket), key_reader_policy(*place, shared.KEY))
    return Role(settings.aws.snowflake_role, _trust_snowflake(settings), {"read-lake": reads})


def describe_error_role(settings: Settings) -> Role:
    """The role by which Snowflake tells of files that a pipe refused."""
    place = settings.s3.region, settings.aws.account_id
    tells = join_documents(
        error_topic_policy(topic_arn(*place, shared.PIPE_ERRORS)), key_user_policy(*place, shared.KEY)
    )
    return Role(shared.PIPE_ERRORS, _trust_snowflake(settings), {"publish-errors": tells})


def describe_job_role(contract: Contract, settings: Settings, secrets: tuple[str, ...]) -> Role:
    """The role of the Spark job on EMR Serverless; `secrets` are those that its requests refer to."""
    place, bucket = (settings.s3.region, settings.aws.account_id), settings.s3.bucket
    # A folder of one machine gives way to one in the bucket, as in the job's own command.
    checkpoints = settings.spark.checkpoints if "://" in settings.spark.checkpoints else f"s3a://{bucket}/_checkpoints"
    elsewhere = checkpoint_policy(bucket, checkpoints)
    policy = join_documents(
        streaming_job_policy(bucket, contract.name, checkpoints),
        *([elsewhere] if elsewhere else []),
        serverless_job_policy(*place, bucket, shared.PACKAGES, secrets),
        key_user_policy(*place, shared.KEY),
        *_list_cluster_access(contract, settings, "stream"),
    )
    trust = service_trust_policy("emr-serverless", settings.aws.account_id)
    return Role(shared.name_job_role(contract.name), trust, {f"job-{contract.name}": policy})


def describe_scheduler_role(contract: Contract, settings: Settings) -> Role:
    """The role of the schedules that start the Spark job."""
    place, name = (settings.s3.region, settings.aws.account_id), contract.name
    queue = shared.name_dead_letters(name, shared.Stack.STREAM)
    policy = join_documents(
        scheduler_policy(*place, name, shared.name_job_role(name), queue), key_user_policy(*place, shared.KEY)
    )
    trust = service_trust_policy("scheduler", settings.aws.account_id)
    return Role(shared.SCHEDULER_ROLE, trust, {f"schedule-{name}": policy})


def describe_crawler_role(contract: Contract, settings: Settings) -> Role:
    """The crawlers' role, and what the crawler of one pipeline may do by it."""
    place, names = (settings.s3.region, settings.aws.account_id), derive_catalog_names(contract, settings)
    policy = join_documents(
        catalog_read_policy(settings.s3.bucket, contract.name),
        crawler_policy(*place, names.database),
        key_reader_policy(*place, shared.KEY),
    )
    trust = service_trust_policy("glue", settings.aws.account_id)
    return Role(settings.aws.crawler_role, trust, {f"crawl-{contract.name}": policy})


def describe_function_role(contract: Contract, settings: Settings) -> Role:
    """The functions' role, and what the function of one pipeline may do by it."""
    place, function = (settings.s3.region, settings.aws.account_id), name_function(contract.name)
    parts = [
        function_policy(*place, function, shared.name_warehouse_secret(settings)),
        dead_letter_policy(*place, shared.name_dead_letters(contract.name, shared.Stack.LAMBDA)),
        key_user_policy(*place, shared.KEY),
    ]
    if (trigger := describe_trigger_policy(contract, settings)) is not None:
        parts += [trigger, failure_policy(shared.name_error_bucket(settings), shared.EVENTS)]
    trust = service_trust_policy("lambda", settings.aws.account_id)
    return Role(settings.function.role, trust, {f"function-{contract.name}": join_documents(*parts)})


def describe_api_log_role(settings: Settings) -> Role:
    """The role by which API Gateway writes logs; what it may do is AWS's own list, as it would take no shorter one."""
    return Role(shared.API_LOG_ROLE, service_trust_policy("apigateway", settings.aws.account_id), {})


def describe_broker_role(settings: Settings, number: int) -> Role:
    """The role of one broker on EC2."""
    place, name = (settings.s3.region, settings.aws.account_id), shared.name_broker(number)
    secrets = [shared.name_broker_secret(number), *shared.KAFKA_USERS.values()]
    policy = join_documents(
        broker_policy(*place, settings.s3.bucket, shared.KAFKA_PACKAGE, secrets),
        key_reader_policy(*place, shared.KEY),
    )
    return Role(name, service_trust_policy("ec2", settings.aws.account_id), {"broker": policy})


def describe_consumer_policies(contract: Contract, settings: Settings) -> dict[str, dict[str, Any]]:
    """What the consumers of the ways `s3` and `lambda` may do, as managed policies for a role or user of the reader's own."""
    place, name = (settings.s3.region, settings.aws.account_id), contract.name
    policies = {
        "s3": join_documents(
            s3_consumer_policy(settings.s3.bucket, name),
            key_user_policy(*place, shared.KEY),
            *_list_cluster_access(contract, settings, "s3"),
        ),
        "lambda": join_documents(
            function_caller_policy(*place, name_function(name)), *_list_cluster_access(contract, settings, "lambda")
        ),
    }
    return {
        way: {"ManagedPolicyName": f"millrace-consumer-{name}-{way}", "PolicyDocument": policy}
        for way, policy in policies.items()
    }


def _list_cluster_access(contract: Contract, settings: Settings, party: Party) -> list[Document]:
    """What a party may do on the MSK cluster, where clients sign in by IAM."""
    cluster = shared.find_cluster(settings) if settings.kafka.uses_iam else None
    return [cluster_access_policy(cluster, derive_access(contract, party))] if cluster else []


def _trust_snowflake(settings: Settings) -> Document:
    user, external_id = settings.infrastructure.snowflake_user_arn, settings.infrastructure.snowflake_external_id
    if user is None or external_id is None:
        return account_trust_policy(settings.aws.account_id)
    return snowflake_trust_policy(user, external_id)
