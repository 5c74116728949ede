"""What the parts of the infrastructure are called that pipelines share, and the stacks themselves. Pure."""

from __future__ import annotations

from enum import StrEnum

from connections.settings import Settings
from pipeline_contract import event_layout
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from pipeline_contract.ways import name_group


class Stack(StrEnum):
    """The stacks in the order in which they are made."""

    BASE = "base"
    STREAM = "stream"
    CATALOG = "catalog"
    LAMBDA = "lambda"
    EVENTS = "events"
    KAFKA = "kafka"


# One of each account; `events` is one of each set of events, the others are one of each pipeline.
SHARED = (Stack.BASE, Stack.KAFKA)
KEY = "millrace"
ALARMS = "millrace-alarms"
SCHEDULER_ROLE = "millrace-scheduler"
API_LOG_ROLE = "millrace-api-log"
# The topic and the role of Snowflake's error notifications: script 08 names them so.
PIPE_ERRORS = "millrace-pipe-errors"
WAREHOUSE_SECRET = "millrace/snowflake"  # noqa: S105 - its name
# What a teardown leaves: data, what it cannot be read without, and what has been put there by hand.
KEPT = (
    "AWS::DynamoDB::Table",
    "AWS::EC2::Volume",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SecretsManager::Secret",
)
# Where the job's package lies in the lake's bucket, and where events that a trigger gave up on lie in that of errors.
PACKAGES = "_packages"
EVENTS = "functions/"
KAFKA_PACKAGE = f"{PACKAGES}/kafka.tgz"
# The brokers' users with a password, by the secret that holds it.
KAFKA_USERS = {"admin": f"{KEY}/kafka/admin", "job": f"{KEY}/kafka/job"}


def name_stack(stack: Stack, subject: str) -> str:
    """What a stack is called in CloudFormation; `subject` is the pipeline, or the set of events, that it is for."""
    return f"millrace-{stack}" if stack in SHARED else f"millrace-{subject}-{stack}"


def name_checkpoint_bucket(settings: Settings) -> str:
    """The bucket for checkpoints, beside the lake's."""
    return f"{settings.s3.bucket}-checkpoints"


def name_error_bucket(settings: Settings) -> str:
    """The bucket for what services gave up on, beside the lake's."""
    return event_layout.name_error_bucket(settings.s3.bucket)


def name_job_role(pipeline: str) -> str:
    """The role of a pipeline's Spark job on EMR Serverless."""
    return f"millrace-{pipeline}-job"


def name_dead_letters(pipeline: str, stack: Stack) -> str:
    """The queue that keeps what a pipeline's stack gave up on."""
    return f"millrace-{pipeline}-{stack}-dead-letters"


def name_trigger_groups(contract: Contract) -> dict[str, str]:
    """The consumer group of each topic's trigger, by topic: AWS takes one topic a trigger, and one trigger a group."""
    group = name_group(contract.name, "lambda")
    return {contract.topic.name: group, contract.topic.rejected: f"{group}-rejected"}


def find_cluster(settings: Settings) -> str | None:
    """The MSK cluster that policies are about, if any; `ConfigurationError` where clients sign in to one that is not named."""
    if settings.kafka.uses_iam and settings.infrastructure.cluster_arn is None:
        raise ConfigurationError(
            f"infrastructure.cluster_arn: kafka.sasl_mechanism is {settings.kafka.sasl_mechanism}, and policies name the "
            "cluster: set its address, there or in MILLRACE_INFRASTRUCTURE__CLUSTER_ARN"
        )
    return settings.infrastructure.cluster_arn


def name_warehouse_secret(settings: Settings) -> str:
    """The secret with the warehouse's key."""
    return settings.function.secret or WAREHOUSE_SECRET


def name_api_role(events: str) -> str:
    """The role of the function behind an API."""
    return f"millrace-{events}-api"


def name_stream_role(events: str) -> str:
    """The role by which Firehose delivers events."""
    return f"millrace-{events}-firehose"


def name_api_secret(events: str) -> str:
    """The secret of the function behind an API: the key of the hashes of senders' addresses, and nothing of the warehouse's."""
    return f"{KEY}/{events}/api"


def name_broker_secret(number: int) -> str:
    """The secret with a broker's certificate, its key, and the authority's certificate."""
    return f"{name_broker(number)}/tls"


def name_broker(number: int) -> str:
    """One of the brokers on EC2, from 1."""
    return f"millrace-kafka-{number}"
