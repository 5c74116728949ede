"""IAM policies for an MSK cluster: what each party of a pipeline may do, and that they grant what Kafka's lists grant."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline_contract.access_lists import PARTIES
from pipeline_contract.cluster_policies import list_cluster_policies
from pipeline_contract.contract_file import find_contract, load_contract

CLUSTER = "arn:aws:kafka:eu-north-1:123456789012:cluster/millrace/0a1b-s1"
PLACE = "arn:aws:kafka:eu-north-1:123456789012:{}/millrace/0a1b-s1/{}"
POLICIES = list_cluster_policies(load_contract(find_contract("flights")), CLUSTER)


def read_grants(party: str) -> dict[str, set[str]]:
    grants: dict[str, set[str]] = {}
    statements: list[dict[str, Any]] = POLICIES[f"millrace-flights-kafka-{party}"]["Statement"]
    for statement in statements:
        for resource in statement["Resource"]:
            grants.setdefault(resource, set()).update(action.split(":")[1] for action in statement["Action"])
    return grants


def test_the_stream_reads_two_topics_and_nothing_else() -> None:
    assert read_grants("stream") == {
        CLUSTER: {"Connect"},
        PLACE.format("topic", "flights"): {"DescribeTopic", "ReadData"},
        PLACE.format("topic", "flights.rejected"): {"DescribeTopic", "ReadData"},
    }


def test_the_producer_writes_in_transactions_of_its_own() -> None:
    grants = read_grants("producer")

    assert grants[PLACE.format("transactional-id", "millrace-flights-*")] == {
        "AlterTransactionalId",
        "DescribeTransactionalId",
    }
    assert {"WriteData", "ReadData"} < grants[PLACE.format("topic", "flights.progress")]
    assert "ReadData" not in grants[PLACE.format("topic", "flights")]


def test_a_consumer_joins_its_own_group() -> None:
    assert read_grants("direct")[PLACE.format("group", "millrace-flights-direct")] == {"AlterGroup", "DescribeGroup"}
    assert read_grants("reader")[PLACE.format("group", "millrace-reader")] == {"AlterGroup", "DescribeGroup"}


@pytest.mark.parametrize("party", PARTIES)
def test_every_party_may_connect_and_none_may_delete_or_alter_topics(party: str) -> None:
    grants = read_grants(party)

    assert grants[CLUSTER] == {"Connect"}
    assert not {"DeleteTopic", "AlterTopic", "AlterCluster", "DeleteGroup"} & set[str]().union(*grants.values())
