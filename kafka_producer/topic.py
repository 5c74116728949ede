"""The topics of a pipeline: what the contract wants, created where absent, compared where there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from connections.kafka import open_admin, wait_for
from connections.kafka_errors import explain_errors
from connections.settings import KafkaSettings
from pipeline_contract.errors import ServiceError, TopicMismatch
from pipeline_contract.model import Contract


class TopicPlan(NamedTuple):
    """A topic as it must be: the configuration entries that matter, as Kafka writes them."""

    name: str
    partitions: int
    config: Mapping[str, str]


class TopicState(NamedTuple):
    """A topic as it is."""

    plan: TopicPlan
    topic_id: str
    replicas: int
    created: bool


def plan_topics(contract: Contract) -> tuple[TopicPlan, ...]:
    """The three topics of a pipeline: data, rejected rows, progress."""
    topic = contract.topic
    kept = {
        "cleanup.policy": "delete",
        "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
        "max.message.bytes": str(topic.max_message_bytes),
    }
    return (
        TopicPlan(topic.name, topic.partitions, kept),
        TopicPlan(topic.rejected, 1, kept),
        TopicPlan(topic.progress, 1, {"cleanup.policy": "compact"}),
    )


def ensure_topics(settings: KafkaSettings, contract: Contract) -> list[TopicState]:
    """Create what is absent and check the rest; `TopicMismatch` lists every difference, and then nothing is created."""
    admin = open_admin(settings)
    plans = plan_topics(contract)
    known = read_partitions(settings, admin, plans)
    differences = find_differences(settings, admin, [plan for plan in plans if plan.name in known], known)
    if differences:
        lines = "\n".join(f"  - {difference}" for difference in differences)
        raise TopicMismatch(
            f"the topics of pipeline {contract.name!r} on {settings.bootstrap_servers} differ from the contract:\n{lines}"
            "\nAlter the topic (kafka-configs.sh, kafka-topics.sh) or the contract's [topic]; nothing was sent"
        )
    absent = [plan for plan in plans if plan.name not in known]
    if absent:
        create_topics(settings, admin, absent)
    found = wait_until_described(settings, admin, plans)
    created = {plan.name for plan in absent}
    return [TopicState(plan, *found[plan.name][1:], plan.name in created) for plan in plans]


def create_topics(settings: KafkaSettings, admin: AdminClient, plans: list[TopicPlan]) -> None:
    """Create topics; one that somebody else has created in the meantime is fine."""
    wanted = [NewTopic(p.name, p.partitions, settings.replication_factor, config=dict(p.config)) for p in plans]
    futures = admin.create_topics(wanted, operation_timeout=settings.timeout_s, request_timeout=settings.timeout_s)
    for name, future in futures.items():
        try:
            wait_for(settings, f"create topic {name!r}", future)
        except ServiceError as error:
            cause = error.__cause__
            if not (isinstance(cause, KafkaException) and cause.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS):
                raise


def read_partitions(
    settings: KafkaSettings, admin: AdminClient, plans: tuple[TopicPlan, ...]
) -> dict[str, tuple[int, str, int]]:
    """For each of these topics that exists: how many partitions, its id, how many replicas."""
    futures = admin.describe_topics(TopicCollection([plan.name for plan in plans]), request_timeout=settings.timeout_s)
    found = {}
    for name, future in futures.items():
        with explain_errors(settings, f"describe topic {name!r}"):
            try:
                topic = future.result(timeout=settings.timeout_s * 2)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue
                raise
        topic_id = str(topic.topic_id).replace("+", "-").replace("/", "_")
        found[name] = (len(topic.partitions), topic_id, len(topic.partitions[0].replicas))
    return found


def wait_until_described(
    settings: KafkaSettings, admin: AdminClient, plans: tuple[TopicPlan, ...]
) -> dict[str, tuple[int, str, int]]:
    """As `read_partitions`, once every topic that was just created is known to the brokers."""
    retrying = Retrying(
        retry=retry_if_result(lambda found: len(found) < len(plans)),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(settings.timeout_s),
        retry_error_callback=lambda _: None,
    )
    found: dict[str, tuple[int, str, int]] | None = retrying(read_partitions, settings, admin, plans)
    if found is None:
        raise ServiceError(
            f"Kafka at {settings.bootstrap_servers}: the topics {', '.join(p.name for p in plans)} were created, but "
            f"the broker does not know them all after {settings.timeout_s:.0f} s"
        )
    return found


def find_differences(
    settings: KafkaSettings,
    admin: AdminClient,
    plans: list[TopicPlan],
    known: Mapping[str, tuple[int, str, int]],
) -> list[str]:
    """One line for each way in which an existing topic is not what its plan wants."""
    if not plans:
        return []
    resources = [ConfigResource(ConfigResource.Type.TOPIC, plan.name) for plan in plans]
    futures = admin.describe_configs(resources, request_timeout=settings.timeout_s)
    found = {
        resource.name: wait_for(settings, f"read the configuration of topic {resource.name!r}", future)
        for resource, future in futures.items()
    }
    lines = []
    for plan in plans:
        actual = {"partitions": str(known[plan.name][0])}
        actual |= {key: str(found[plan.name][key].value) for key in plan.config}
        wanted = {"partitions": str(plan.partitions), **plan.config}
        lines += [
            f"{plan.name}: {key} is {actual[key]}, the contract wants {wanted[key]}"
            for key in wanted
            if actual[key] != wanted[key]
        ]
    return lines
