"""The IAM policies of the ways into objects, through Lambda, through the API and from MSK, by the role that takes each. Pure."""

from __future__ import annotations

from aws_integration.event_roles import describe_api_role, describe_sender_policy, describe_stream_role
from aws_integration.shared_names import find_cluster
from connections.settings import Settings
from pipeline_contract.cluster_policies import list_cluster_policies
from pipeline_contract.event_model import EventContract
from pipeline_contract.kafka_event import name_function
from pipeline_contract.model import Contract
from pipeline_contract.policies import (
    Document,
    catalog_read_policy,
    function_caller_policy,
    function_policy,
    join_documents,
    s3_consumer_policy,
)


def list_policies(contract: Contract | EventContract, settings: Settings) -> dict[str, Document]:
    """The policies of a pipeline, or of a set of events."""
    return (
        _list_for_events(contract, settings)
        if isinstance(contract, EventContract)
        else _list_for_pipeline(contract, settings)
    )


def _list_for_pipeline(contract: Contract, settings: Settings) -> dict[str, Document]:
    name, bucket = contract.name, settings.s3.bucket
    place = settings.s3.region, settings.aws.account_id, name_function(name)
    cluster = find_cluster(settings)
    return {
        settings.aws.crawler_role: catalog_read_policy(bucket, name),
        f"millrace-consumer-{name}-s3": s3_consumer_policy(bucket, name),
        f"millrace-consumer-{name}-lambda": function_caller_policy(*place),
        settings.function.role: function_policy(*place, settings.function.secret),
        **(list_cluster_policies(contract, cluster) if cluster else {}),
    }


def _list_for_events(contract: EventContract, settings: Settings) -> dict[str, Document]:
    roles = describe_api_role(contract, settings), describe_stream_role(contract, settings)
    documents = {role.name: join_documents(*role.policies.values()) for role in roles}
    if contract.api.authorisation == "iam":
        sender = describe_sender_policy(contract, settings, "<api-id>")
        documents[sender["ManagedPolicyName"]] = sender["PolicyDocument"]
    return documents
