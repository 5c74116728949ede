"""Where the reading begins, and why it may not begin there."""

from __future__ import annotations

import pytest

from kafka_consumer.destination import Partition
from kafka_consumer.starts import Available, OffsetsGone, check_topic_id, choose_starts
from pipeline_contract.errors import TopicMismatch

PARTITION = Partition("topic", "now", 3)


@pytest.mark.parametrize(("wanted", "start"), [(None, 10), (10, 10), (15, 15), (20, 20)])
def test_a_partition_begins_where_it_was_left_or_at_its_first_offset(wanted: int | None, start: int) -> None:
    assert choose_starts({PARTITION: wanted}, {PARTITION: Available(10, 20)}) == {PARTITION: start}


@pytest.mark.parametrize("wanted", [9, 21])
def test_an_offset_that_is_not_there_is_named_with_those_that_are(wanted: int) -> None:
    with pytest.raises(OffsetsGone, match=rf"topic 'topic' partition 3: wanted {wanted}, available 10 to 20"):
        choose_starts({PARTITION: wanted}, {PARTITION: Available(10, 20)})


def test_a_topic_of_another_id_is_named_with_both() -> None:
    check_topic_id(PARTITION, "now", "what is there")
    with pytest.raises(TopicMismatch, match=r"partition 3 was deleted and created again: what is there .* before, now"):
        check_topic_id(PARTITION, "before", "what is there")
