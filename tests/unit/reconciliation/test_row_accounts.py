"""Every produced row is in exactly one state, whatever is missing, late, doubled or gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.accounts import Reading, RowAccount, Zones, account_rows
from reconciliation.findings import Finding
from reconciliation.source_party import SourceSight
from reconciliation.topic_party import TopicSight
from reconciliation.zone_checks import find_duplicates, find_raw_gaps, find_unexplained
from tests.unit.reconciliation.zone_builder import FILE, TOPIC_ID, build_range, build_source, build_zone, build_zones

ALL = range(10)
READ = Reading({(TOPIC_ID, 0): 10})


class Case(NamedTuple):
    id: str
    source: SourceSight
    zones: Zones
    reading: Reading
    figures: tuple[int, int, int, int, int, int]  # produced, curated, rejected, loaded, pending, missing
    words: tuple[str, ...]


def whole_source() -> SourceSight:
    return build_source(10, range(2, 12))


def account(source: SourceSight, zones: Zones, reading: Reading = READ) -> RowAccount:
    return account_rows([source], zones, reading, limit=20)


CASES = [
    Case("all_loaded", whole_source(), build_zones(ALL, ALL, ALL, (), ALL), READ, (10, 10, 0, 10, 0, 0), ()),
    Case(
        "some_rejected", whole_source(), build_zones(ALL, ALL, range(8), (8, 9), range(8)), READ, (10, 8, 2, 8, 0, 0), ()
    ),
    Case(
        "not_streamed", whole_source(), build_zones(ALL), Reading({}), (10, 10, 0, 0, 10, 0),
        ("pending rows: in the topic, not read by the stream yet: orders.csv#0123456789ab line 2-11",),
    ),
    Case(
        "partly_streamed", whole_source(), build_zones(ALL, range(6), range(6), (), range(6)),
        Reading({(TOPIC_ID, 0): 6}), (10, 10, 0, 6, 4, 0), ("topic orders partition 0 offset 6-9",),
    ),
    Case(
        "not_loaded", whole_source(), build_zones(ALL, ALL, ALL, (), range(7), waiting=(7, 8, 9)), READ,
        (10, 10, 0, 7, 3, 0), ("pending rows: in a curated object that is not loaded yet",),
    ),
    Case(
        "lost_in_load", whole_source(), build_zones(ALL, ALL, ALL, (), (0, 1, 2, 4, 6, 7, 8, 9)), READ,
        (10, 10, 0, 8, 0, 2), ("missing rows: in a curated object, but not in the table", "line 5, 7;", "offset 3, 5"),
    ),
    Case(
        "lost_in_lake", whole_source(), build_zones(ALL, ALL, (0, 1, 2), (), (0, 1, 2)), READ, (10, 10, 0, 3, 0, 7),
        ("missing rows: read by the stream, but in no curated or rejected object and in no table", "offset 3-9"),
    ),
    Case(
        "unpublished", whole_source(), build_zones(ALL, ALL, range(5), (), range(5)),
        Reading({(TOPIC_ID, 0): 10}, (build_range(5, 10),)), (10, 10, 0, 5, 5, 0),
        ("pending rows: in a batch that is not published whole yet",),
    ),
    Case(
        "lost_in_topic", whole_source(), build_zones(range(8), range(8), range(8), (), range(8)), READ,
        (10, 10, 0, 8, 0, 2), ("missing rows: in the source, but not in the topic: orders.csv#0123456789ab line 10-11",),
    ),
    Case(
        "object_gone_but_loaded", whole_source(), build_zones(ALL, ALL, (), (), ALL), READ, (10, 10, 0, 10, 0, 0), ()
    ),
    Case(
        "expired_from_the_topic", whole_source(), build_zones(range(6, 10), ALL, ALL, (), ALL, start=6), READ,
        (10, 10, 0, 10, 0, 0), (),
    ),
    Case(
        "expired_unread", whole_source(), build_zones(range(6, 10), start=6), Reading({}), (10, 10, 0, 0, 4, 6),
        ("missing rows: in the source, but not in the topic: orders.csv#0123456789ab line 2-7",),
    ),
    Case(
        "source_gone", build_source(10), build_zones(ALL, ALL, ALL, (), ALL), READ, (10, 10, 0, 10, 0, 0),
        ("note source: orders.csv#0123456789ab: is gone",),
    ),
    Case(
        "source_gone_and_rows_too", build_source(10), build_zones(range(7), range(7), range(7), (), range(7)), READ,
        (10, 10, 0, 7, 0, 3), ("missing source: orders.csv#0123456789ab: rows that the replay's record counts",),
    ),
    Case(
        "unfinished", build_source(4, range(2, 12), finished=False), build_zones(range(4), range(4), range(4), (), range(4)),
        READ, (4, 4, 0, 4, 0, 0), ("note source: orders.csv#0123456789ab: its replay is unfinished, 4 rows so far",),
    ),
    Case(
        "unfinished_and_growing", build_source(4, range(2, 12), finished=False), build_zones(range(6)), Reading({}),
        (6, 6, 0, 0, 6, 0), ("unfinished",),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_figures_say_where_the_rows_are(case: Case) -> None:
    found = account(case.source, case.zones, case.reading)

    assert (found.produced, found.curated, found.rejected, found.loaded, found.pending, found.missing) == case.figures
    text = "\n".join(f"{finding.kind} {finding.zone}: {finding.text}" for finding in found.findings)
    assert all(words in text for words in case.words), text
    assert bool(found.findings) == bool(case.words)


NUMBERS = st.sets(st.integers(0, 9))


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(0, 10), st.integers(0, 10))
def test_the_identities_hold_in_every_state(
    topic: set[int], raw: set[int], curated: set[int], rejected: set[int], table: set[int], waiting: set[int],
    end: int, start: int,
) -> None:  # fmt: skip
    zones = build_zones(topic, raw, curated, rejected, table, waiting, start)

    found = account(whole_source(), zones, Reading({(TOPIC_ID, 0): end}))

    assert found.produced == 10 == found.curated + found.rejected
    assert found.curated == found.loaded + found.pending + found.missing
    assert min(found.rejected, found.loaded, found.pending, found.missing) >= 0


def describe(findings: Iterable[Finding]) -> list[str]:
    return [f"{f.kind} {f.zone} ({f.rows}): {f.text}" for f in findings]


def test_a_row_sent_twice_is_named_with_both_offsets() -> None:
    twice = pa.concat_tables([build_zone([0, 1]), build_zone([1], _offset=7)])
    zones = replace(build_zones(), topic=TopicSight(twice, {"orders": TOPIC_ID}, {("orders", 0): 0}))

    found = describe(find_duplicates(zones, 20))

    assert found == [f"duplicate topic (1): there more than once: {FILE} line 3; topic orders partition 0 offset 1, 7"]


def test_rows_in_two_objects_and_in_two_zones_are_named() -> None:
    zones = build_zones(ALL, [*ALL, 4, 5, 4], range(9), (8, 9), ())

    found = describe(find_duplicates(zones, 20))

    assert found == [
        f"duplicate raw objects (3): there more than once: {FILE} line 6-7; topic orders partition 0 offset 4-5; "
        "in raw.parquet",
        f"duplicate curated objects (1): curated and rejected at once: {FILE} line 10; topic orders partition 0 offset 8; "
        "in curated.parquet",
    ]


def test_rows_that_no_message_explains_are_named() -> None:
    zones = build_zones(range(8), range(8), [*range(8), 12], (), range(8))
    found = account(whole_source(), zones)

    unexplained = describe(find_unexplained(found.rows, zones, 20))

    assert unexplained == [
        f"unexplained curated objects (1): no source row and message explain: {FILE} line 14; topic orders partition 0 "
        "offset 12; in curated.parquet"
    ]


def test_what_expired_or_came_from_a_topic_before_is_explained() -> None:
    zones = build_zones(range(6, 10), ALL, ALL, (), ALL, start=6)

    assert describe(find_unexplained(account(whole_source(), zones).rows, zones, 20)) == []


def test_a_message_without_raw_bytes_is_a_gap_once_it_was_read() -> None:
    zones = build_zones(ALL, (0, 1, 2, 3))

    assert describe(find_raw_gaps(zones, Reading({(TOPIC_ID, 0): 6}), 20)) == [
        f"missing raw objects (2): in no raw object: {FILE} line 6-7; topic orders partition 0 offset 4-5"
    ]
    assert describe(find_raw_gaps(zones, Reading({(TOPIC_ID, 0): 6}, (build_range(4, 6),)), 20)) == []
