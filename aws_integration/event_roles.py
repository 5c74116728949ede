"""The IAM roles and policies of a set of events as CloudFormation describes them, for templates and files alike. Pure."""

from __future__ import annotations

from typing import Any

from aws_integration import shared_names as shared
from aws_integration.roles import Role
from connections.settings import Settings
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_policies import api_function_policy, delivery_policy, sender_policy
from pipeline_contract.policies import join_documents
from pipeline_contract.service_policies import key_user_policy, service_trust_policy


def describe_api_role(contract: EventContract, settings: Settings) -> Role:
    """The role of the function behind the API."""
    place, name = (settings.s3.region, settings.aws.account_id), contract.name
    policy = join_documents(
        api_function_policy(*place, name, settings.s3.bucket, shared.name_api_secret(name)),
        key_user_policy(*place, shared.KEY),
    )
    trust = service_trust_policy("lambda", settings.aws.account_id)
    return Role(shared.name_api_role(name), trust, {f"api-{name}": policy})


def describe_stream_role(contract: EventContract, settings: Settings) -> Role:
    """The role by which Firehose delivers the events."""
    place, name = (settings.s3.region, settings.aws.account_id), contract.name
    policy = join_documents(
        delivery_policy(*place, name, settings.s3.bucket),
        key_user_policy(*place, shared.KEY),
    )
    trust = service_trust_policy("firehose", settings.aws.account_id)
    return Role(shared.name_stream_role(name), trust, {f"deliver-{name}": policy})


def describe_sender_policy(contract: EventContract, settings: Settings, api: str) -> dict[str, Any]:
    """What a sender of signed requests may do, as a managed policy for a role or user of the reader's own."""
    policy = sender_policy(settings.s3.region, settings.aws.account_id, api, contract.api.path)
    return {"ManagedPolicyName": f"millrace-sender-{contract.name}", "PolicyDocument": policy}
