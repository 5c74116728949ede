"""Two consumers that both believe that all partitions are theirs, each with batches of its own cut."""

from __future__ import annotations

import random

from connections.kafka import describe_topic_ids, read_range, read_stable_ends
from kafka_consumer.destination import Batch, Partition, Slice
from pipeline_contract.row_judge import Message
from tests.integration.kafka_consumer.s3_ways import S3Way


def run_zombies(way: S3Way, seed: int) -> set[str]:
    """Let both write all of the topic, in turns that chance decides, until each stands at its end; who had a claim."""
    settings, topic = way.pipeline.settings, way.pipeline.name
    topic_id = describe_topic_ids(settings.kafka, [topic])[topic]
    ends = {Partition(topic, topic_id, n): end for n, end in read_stable_ends(settings.kafka, topic).items()}
    messages = {partition: read_messages(way, partition, end) for partition, end in ends.items()}
    chance = random.Random(seed)
    consumers = [way.open(), way.open()]
    stands = [{p: start or 0 for p, start in c.resume(dict.fromkeys(ends)).items()} for c in consumers]
    turn = 0
    while stands != [ends, ends]:
        turn += 1
        one = chance.randrange(2)
        left = [p for p, at in stands[one].items() if at < ends[p]]
        if left:
            batch = cut_batch(chance, f"{one}-{turn}", messages, stands[one], {p: ends[p] for p in left})
            stands[one] |= dict(consumers[one].write(batch).ends)
    return {claim.batch_id[0] for claim in way.read_claims()}


def read_messages(way: S3Way, partition: Partition, end: int) -> list[Message]:
    records = read_range(way.pipeline.settings.kafka, partition.topic, partition.number, 0, end)
    return [Message(*partition, r.offset, r.timestamp_ms, r.key, r.value) for r in records]


def cut_batch(
    chance: random.Random, name: str, messages: dict[Partition, list[Message]], stands: dict[Partition, int],
    ends: dict[Partition, int],
) -> Batch:  # fmt: skip
    """A batch of the next messages of some partitions, each of a length of its own, as the consumer cuts them."""
    slices = []
    for partition in chance.sample(sorted(ends), chance.randint(1, len(ends))):
        rest = [m for m in messages[partition] if m.offset >= stands[partition]]
        taken = rest[: chance.randint(1, 60)]
        # A slice that begins behind the markers before its first message is taken as well.
        first = chance.choice((stands[partition], taken[0].offset))
        end = taken[-1].offset + 1 if len(taken) < len(rest) else ends[partition]
        slices.append(Slice(partition, first, end, tuple(taken)))
    return Batch(name, tuple(slices))
