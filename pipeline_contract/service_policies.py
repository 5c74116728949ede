"""IAM policy documents for AWS's own services around the ways: who may take a role, and what keys, queues and topics admit. Pure.

The lists of actions and resources follow AWS's service authorization reference
(docs.aws.amazon.com/service-authorization/latest/reference), to which a test holds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from pipeline_contract.policies import (
    Document,
    Statement,
    allow,
    allow_listing,
    bucket_arn,
    build_document,
    object_arn,
    role_arn,
)

Service = Literal["apigateway", "ec2", "emr-serverless", "firehose", "glue", "lambda", "scheduler"]
# These do not tell the account on whose behalf they take a role.
_TELL_NO_ACCOUNT = ("apigateway", "ec2", "lambda")


def queue_arn(region: str, account_id: str, queue: str) -> str:
    """The address of an SQS queue."""
    return f"arn:aws:sqs:{region}:{account_id}:{queue}"


def secret_arn(region: str, account_id: str, secret: str) -> str:
    """The address of a secret by its name; AWS ends it in six characters of its own."""
    return f"arn:aws:secretsmanager:{region}:{account_id}:secret:{secret}-??????"


def service_trust_policy(service: Service, account_id: str) -> Document:
    """Who may take a role: one of AWS's services, for this account alone where the service says for which."""
    statement: Statement = {
        "Sid": "ServiceOfThisAccount",
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    if service == "firehose":
        # docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#firehose-assume-role
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": account_id}}
    elif service not in _TELL_NO_ACCOUNT:
        statement["Condition"] = _of_account(account_id)
    return build_document(statement)


def account_trust_policy(account_id: str) -> Document:
    """Who may take a role whose real user is not known yet: those of its own account that may assume roles."""
    statement = {
        "Sid": "OwnAccountUntilTheUserIsKnown",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
        "Action": "sts:AssumeRole",
    }
    return build_document(statement)


def key_reader_policy(region: str, account_id: str, alias: str) -> Document:
    """What a reader of encrypted objects may do with the key of an alias: decrypt."""
    return build_document(_use_key("Decrypt", ["kms:Decrypt"], region, account_id, alias))


def key_user_policy(region: str, account_id: str, alias: str) -> Document:
    """What a writer of encrypted objects or messages may do with the key of an alias: encrypt, and decrypt."""
    return build_document(
        _use_key("EncryptAndDecrypt", ["kms:Decrypt", "kms:GenerateDataKey"], region, account_id, alias)
    )


def checkpoint_policy(bucket: str, checkpoints: str) -> Document | None:
    """What the Spark job may do where its checkpoints are, if that is another bucket than the lake's; else None."""
    address = urlsplit(checkpoints)
    if address.scheme not in ("s3", "s3a") or address.netloc == bucket:
        return None
    prefix = f"{address.path.strip('/')}/".lstrip("/")
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    return build_document(
        allow("Checkpoint", actions, object_arn(address.netloc, prefix)),
        allow_listing("ListCheckpoints", address.netloc, [prefix]),
    )


def serverless_job_policy(region: str, account_id: str, bucket: str, packages: str, secrets: Sequence[str]) -> Document:
    """What EMR Serverless needs in the job's name: its package under `packages/`, and the secrets that it refers to."""
    statements = [allow("ReadPackage", ["s3:GetObject"], object_arn(bucket, f"{packages}/"))]
    if secrets:
        arns = [secret_arn(region, account_id, secret) for secret in secrets]
        statements.append(
            allow("ReadSecrets", ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], *arns)
        )
    return build_document(*statements)


def scheduler_policy(region: str, account_id: str, pipeline: str, job_role: str, dead_letters: str) -> Document:
    """What a schedule may do: start runs on the pipeline's application with the job's role, and keep what failed."""
    start = allow(
        "StartRuns",
        ["emr-serverless:StartJobRun"],
        f"arn:aws:emr-serverless:{region}:{account_id}:/applications/*",
    )
    start["Condition"] = {"StringEquals": {"aws:ResourceTag/millrace:pipeline": pipeline}}
    hand_over = allow("HandOverTheRole", ["iam:PassRole"], role_arn(account_id, job_role))
    hand_over["Condition"] = {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
    return build_document(start, hand_over, *dead_letter_policy(region, account_id, dead_letters)["Statement"])


def dead_letter_policy(region: str, account_id: str, queue: str) -> Document:
    """What a service may do that keeps what it gave up on: send to one queue."""
    return build_document(allow("KeepWhatFailed", ["sqs:SendMessage"], queue_arn(region, account_id, queue)))


def failure_policy(bucket: str, prefix: str) -> Document:
    """What a Kafka trigger may do with events that it gave up on: put them into the bucket of errors.

    Source: docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html.
    """
    return build_document(
        allow("KeepEvents", ["s3:PutObject"], object_arn(bucket, prefix)),
        allow_listing("LookIntoErrors", bucket, [prefix]),
    )


def crawler_policy(region: str, account_id: str, database: str) -> Document:
    """What a crawler may do beyond reading: write one database's tables and partitions, and its log."""
    glue = f"arn:aws:glue:{region}:{account_id}"
    verbs = ("Create", "Update", "Delete", "Get")
    actions = ["glue:GetDatabase", "glue:GetTables", "glue:GetPartitions", *(f"glue:{verb}Table" for verb in verbs)]
    actions += [f"glue:{verb}Partition" for verb in verbs]
    actions += [f"glue:Batch{verb}Partition" for verb in verbs]
    log = f"arn:aws:logs:{region}:{account_id}:log-group:/aws-glue/crawlers"
    return build_document(
        allow("WriteCatalog", actions, f"{glue}:catalog", f"{glue}:database/{database}", f"{glue}:table/{database}/*"),
        allow("WriteLog", ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], log, f"{log}:*"),
    )


def cluster_trigger_policy(cluster: str, topics: Sequence[str], groups: Sequence[str]) -> Document:
    """What a function's trigger on an MSK cluster may do, by the cluster's address: read topics, from inside its network.

    Source: docs.aws.amazon.com/lambda/latest/dg/with-msk-permissions.html.
    """
    of_topic, of_group = (cluster.replace(":cluster/", f":{kind}/") for kind in ("topic", "group"))
    read = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
    join = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
    return build_document(
        allow("DescribeCluster", ["kafka:DescribeClusterV2"], cluster),
        allow("FindBrokers", ["kafka:GetBootstrapBrokers"], "*"),
        allow("Connect", ["kafka-cluster:Connect"], cluster),
        allow("ReadTopics", read, *(f"{of_topic}/{topic}" for topic in topics)),
        allow("JoinGroups", join, *(f"{of_group}/{group}" for group in groups)),
        _reach_brokers(),
    )


def secret_trigger_policy(secrets: Sequence[str]) -> Document:
    """What a function's trigger on any other cluster may do: read the secrets with its user and the brokers' authority.

    Source: docs.aws.amazon.com/lambda/latest/dg/with-kafka-permissions.html.
    """
    return build_document(allow("ReadTriggerSecrets", ["secretsmanager:GetSecretValue"], *secrets))


def network_policy() -> Document:
    """What a function's trigger may do to reach brokers from inside their network."""
    return build_document(_reach_brokers())


def broker_policy(region: str, account_id: str, bucket: str, package: str, secrets: Sequence[str]) -> Document:
    """What one Kafka broker on EC2 may do: fetch Kafka from the lake's bucket, and read its own secrets."""
    arns = [secret_arn(region, account_id, secret) for secret in secrets]
    return build_document(
        allow("FetchKafka", ["s3:GetObject"], f"{bucket_arn(bucket)}/{package}"),
        allow("ReadSecrets", ["secretsmanager:GetSecretValue"], *arns),
    )


def _reach_brokers() -> Statement:
    """Network interfaces have no names beforehand."""
    described = [f"ec2:Describe{what}" for what in ("NetworkInterfaces", "Vpcs", "Subnets", "SecurityGroups")]
    return allow("ReachBrokers", [*described, "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"], "*")


def _use_key(name: str, actions: Sequence[str], region: str, account_id: str, alias: str) -> Statement:
    # A key's address holds an id that AWS chooses; the alias says which one is meant.
    statement = allow(name, actions, f"arn:aws:kms:{region}:{account_id}:key/*")
    return statement | {"Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{alias}"}}}


def _of_account(account_id: str) -> dict[str, dict[str, str]]:
    return {"StringEquals": {"aws:SourceAccount": account_id}}
