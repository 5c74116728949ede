"""Kafka's access lists, derived from the contract: what each party of a pipeline needs of the brokers, and nothing else. Pure."""

from __future__ import annotations

import shlex
from typing import Literal, NamedTuple

from pipeline_contract.model import Contract
from pipeline_contract.ways import name_group

Party = Literal["topics", "producer", "stream", "direct", "s3", "lambda", "reader"]
PARTIES: dict[Party, str] = {
    "topics": "creates the topics, or compares them with the contract",
    "producer": "replays files",
    "stream": "the Spark job",
    "direct": "the consumer into Snowflake",
    "s3": "the consumer into S3",
    "lambda": "the consumer that invokes the function",
    "reader": "the reconciliation",
}
# The name that a reader of ours gives, which the client asks for; no group is joined and nothing is committed.
READER_GROUP = "millrace-reader"


class Access(NamedTuple):
    """Operations on a topic, a group or a transactional id; `is_prefix` means all whose names begin so."""

    kind: Literal["topic", "group", "transactional-id"]
    name: str
    operations: tuple[str, ...]
    is_prefix: bool = False


def derive_access(contract: Contract, party: Party) -> list[Access]:
    """What a party may do, as Kafka names it.

    Source: kafka.apache.org/41/security/authorization-and-acls, operations and resources of the protocol's requests.
    """
    topic = contract.topic
    data, progress = (topic.name, topic.rejected), topic.progress
    reads = [Access("topic", name, ("Read", "Describe")) for name in data]
    match party:
        case "topics":
            operations = ("Create", "Describe", "DescribeConfigs")
            return [Access("topic", name, operations) for name in (*data, progress)]
        case "producer":
            return [
                *(Access("topic", name, ("Write", "Describe", "DescribeConfigs", "Create")) for name in data),
                Access("topic", progress, ("Read", "Write", "Describe", "DescribeConfigs", "Create")),
                Access("group", READER_GROUP, ("Read",)),
                Access("transactional-id", f"millrace-{topic.name}-", ("Write", "Describe"), is_prefix=True),
            ]
        case "stream":
            return reads
        case "reader":
            return [*reads, Access("topic", progress, ("Read", "Describe")), Access("group", READER_GROUP, ("Read",))]
        case _:
            return [*reads, Access("group", name_group(contract.name, party), ("Read",))]


def write_commands(principal: str, bootstrap: str, accesses: list[Access]) -> list[str]:
    """The lines of `kafka-acls.sh` that give these to a principal, such as `User:app`."""
    return [
        shlex.join(
            [
                *("kafka-acls.sh", "--bootstrap-server", bootstrap, "--command-config", "admin.properties", "--add"),
                *("--allow-principal", principal),
                *(word for operation in access.operations for word in ("--operation", operation)),
                *(f"--{access.kind}", access.name),
                *(("--resource-pattern-type", "prefixed") if access.is_prefix else ()),
            ]
        )
        for access in accesses
    ]
