"""What a run would do, before anything is read: its group, and where it would begin in each partition."""

from __future__ import annotations

from contextlib import closing

from pydantic import BaseModel, ConfigDict
from rich.table import Table

from connections.kafka import list_partitions, open_admin
from connections.settings import Settings
from kafka_consumer.client import BrokerWatch, open_client, read_topic_ids
from kafka_consumer.destination import Destination, Partition
from kafka_consumer.offsets import GroupOffsets, read_available
from kafka_consumer.runner import Job
from kafka_consumer.starts import choose_starts


class PlannedPartition(BaseModel):
    """Where the reading of a partition would begin, and where it ends now."""

    model_config = ConfigDict(frozen=True)

    topic: str
    topic_id: str
    partition: int
    committed: int | None
    start: int
    end: int


class RunPlan(BaseModel):
    """What a run would do."""

    model_config = ConfigDict(frozen=True)

    group: str
    partitions: tuple[PlannedPartition, ...]


def plan_run(settings: Settings, job: Job, destination: Destination) -> RunPlan:
    """The plan of a run over every partition; the group is asked and not joined."""
    ids, admin = read_topic_ids(settings, job.topics), open_admin(settings.kafka)
    partitions = [
        Partition(topic, ids[topic], number)
        for topic in job.topics
        for number in list_partitions(settings.kafka, admin, topic)
    ]
    with closing(open_client(settings, job.group, job.limits.bytes, BrokerWatch())) as client:
        committed = GroupOffsets(client, settings.kafka, job.group).read(partitions)
        available = {p: read_available(client, settings.kafka, p) for p in partitions}
    starts = choose_starts(destination.resume(committed), available)
    return RunPlan(
        group=job.group,
        partitions=tuple(
            PlannedPartition(
                topic=p.topic, topic_id=p.topic_id, partition=p.number, committed=committed[p], start=starts[p],
                end=available[p].high,
            )
            for p in partitions
        ),
    )  # fmt: skip


def build_plan_table(plan: RunPlan) -> Table:
    """The plan as a table."""
    columns = ("topic", "partition", "committed", "begins at", "ends at")
    table = Table(*columns, title=f"Group {plan.group}; nothing is read", title_justify="left")
    for p in plan.partitions:
        committed = "—" if p.committed is None else str(p.committed)
        table.add_row(p.topic, str(p.partition), committed, str(p.start), str(p.end))
    return table
