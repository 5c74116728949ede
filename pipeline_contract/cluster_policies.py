"""IAM policies for an MSK cluster, from the same accesses as Kafka's own lists: what each party of a pipeline needs. Pure.

Source: docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html, which says what each action stands for in Kafka.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline_contract.access_lists import PARTIES, Access, derive_access
from pipeline_contract.model import Contract
from pipeline_contract.policies import Document, Statement, allow, build_document

_ACTIONS = {
    ("topic", "Create"): ("CreateTopic",),
    ("topic", "Describe"): ("DescribeTopic",),
    ("topic", "DescribeConfigs"): ("DescribeTopicDynamicConfiguration",),
    ("topic", "Read"): ("ReadData",),
    ("topic", "Write"): ("WriteData",),
    # What Kafka implies, IAM wants to be said.
    ("group", "Read"): ("AlterGroup", "DescribeGroup"),
    ("transactional-id", "Describe"): ("DescribeTransactionalId",),
    ("transactional-id", "Write"): ("AlterTransactionalId",),
}


def cluster_access_policy(cluster: str, accesses: Iterable[Access]) -> Document:
    """The policy by which clients of an MSK cluster, by its address, have these accesses and no others."""
    resources: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for access in accesses:
        resources.setdefault((access.kind, access.operations), []).append(_find_address(cluster, access))
    statements = [_allow_kind(kind, operations, arns) for (kind, operations), arns in resources.items()]
    return build_document(allow("Connect", ["kafka-cluster:Connect"], cluster), *statements)


def list_cluster_policies(contract: Contract, cluster: str) -> dict[str, Document]:
    """The policy of each party of a pipeline, by a name for it."""
    return {
        f"millrace-{contract.name}-kafka-{party}": cluster_access_policy(cluster, derive_access(contract, party))
        for party in PARTIES
    }


def _allow_kind(kind: str, operations: tuple[str, ...], addresses: list[str]) -> Statement:
    name = kind.title().replace("-", "") + "".join(operations)
    actions = [f"kafka-cluster:{action}" for operation in operations for action in _ACTIONS[kind, operation]]
    return allow(name, actions, *addresses)


def _find_address(cluster: str, access: Access) -> str:
    return f"{cluster.replace(':cluster/', f':{access.kind}/')}/{access.name}{'*' if access.is_prefix else ''}"
