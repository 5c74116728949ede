"""What triggers a pipeline's function: a topic of an MSK cluster, or of any other one that takes SCRAM over TLS. Pure."""

from __future__ import annotations

from typing import Any, Literal

from aws_integration import shared_names as shared
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from pipeline_contract.policies import Document, join_documents
from pipeline_contract.service_policies import cluster_trigger_policy, network_policy, secret_trigger_policy

Source = Literal["msk", "self-managed"]
_ACCESS = {"SCRAM-SHA-512": "SASL_SCRAM_512_AUTH", "SCRAM-SHA-256": "SASL_SCRAM_256_AUTH"}


def choose_source(settings: Settings) -> Source | None:
    """What the triggers read, None where there are to be none; `ConfigurationError` where the settings cannot go together."""
    told, kafka = settings.infrastructure, settings.kafka
    if told.trigger_secret_arn is None:
        return "msk" if told.cluster_arn else None
    if told.cluster_arn is not None:
        raise ConfigurationError(
            "infrastructure.cluster_arn and infrastructure.trigger_secret_arn: leave out one of them, the first is for MSK and "
            "the second for any other cluster"
        )
    if kafka.security_protocol != "SASL_SSL" or kafka.sasl_mechanism not in _ACCESS:
        raise ConfigurationError(
            f"infrastructure.trigger_secret_arn: Lambda reads other clusters than MSK with security_protocol SASL_SSL and "
            f"sasl_mechanism {' or '.join(_ACCESS)}; the section [kafka] has {kafka.security_protocol} and "
            f"{kafka.sasl_mechanism}"
        )
    return "self-managed"


def needs_group(settings: Settings) -> bool:
    """Whether the triggers reach the brokers from inside the network, in the security group of their clients."""
    return choose_source(settings) == "self-managed" and bool(settings.infrastructure.subnet_ids)


def describe_triggers(contract: Contract, settings: Settings) -> dict[str, dict[str, Any]]:
    """What each topic's trigger reads, by topic, as properties of an `AWS::Lambda::EventSourceMapping`."""
    source = choose_source(settings)
    if source is None:
        return {}
    if source == "msk":
        place = {"EventSourceArn": settings.infrastructure.cluster_arn}
        kind = "AmazonManagedKafkaEventSourceConfig"
    else:
        place, kind = _describe_brokers(settings), "SelfManagedKafkaEventSourceConfig"
    groups = shared.name_trigger_groups(contract)
    return {topic: {**place, kind: {"ConsumerGroupId": group}} for topic, group in groups.items()}


def describe_trigger_policy(contract: Contract, settings: Settings) -> Document | None:
    """What the function's role may do so that its triggers can read; None where there are none."""
    source, told = choose_source(settings), settings.infrastructure
    if source is None:
        return None
    groups = shared.name_trigger_groups(contract)
    if source == "msk":
        return cluster_trigger_policy(str(told.cluster_arn), list(groups), list(groups.values()))
    secrets = [arn for arn in (told.trigger_secret_arn, told.trigger_ca_secret_arn) if arn is not None]
    return join_documents(secret_trigger_policy(secrets), *([network_policy()] if needs_group(settings) else []))


def _describe_brokers(settings: Settings) -> dict[str, Any]:
    """Source: docs.aws.amazon.com/lambda/latest/api/API_SourceAccessConfiguration.html."""
    told, servers = settings.infrastructure, settings.kafka.bootstrap_servers.split(",")
    access: list[dict[str, Any]] = [
        {"Type": _ACCESS[str(settings.kafka.sasl_mechanism)], "URI": told.trigger_secret_arn}
    ]
    if told.trigger_ca_secret_arn:
        access.append({"Type": "SERVER_ROOT_CA_CERTIFICATE", "URI": told.trigger_ca_secret_arn})
    access += [{"Type": "VPC_SUBNET", "URI": f"subnet:{subnet}"} for subnet in told.subnet_ids]
    if told.subnet_ids:
        access.append({"Type": "VPC_SECURITY_GROUP", "URI": {"Fn::Sub": "security_group:${JobGroup}"}})
    return {
        "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": [server.strip() for server in servers]}},
        "SourceAccessConfigurations": access,
    }
