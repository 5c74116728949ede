"""Staged files counted, named and held against each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import PublishConflict
from pipeline_contract.manifest import PublishedFile
from pipeline_contract.outputs import Output, derive_outputs
from spark_streaming.publisher import count_rows, name_files
from spark_streaming.staging import PartitionRows, StagedFile, count_files, count_partitions, measure_rows

OUTPUTS: dict[str, Output] = {output.kind: output for output in derive_outputs(load_contract(find_contract("flights")))}
EARLY, LATE = datetime(2013, 1, 1), datetime(2013, 1, 2)  # noqa: DTZ001 - times of the lake have no zone
MB = 1_000_000


class Size(NamedTuple):
    id: str
    rows: int
    bytes_per_row: float
    cores: int
    files: int


SIZES = [
    Size("no_rows", 0, 100.0, 4, 1),
    Size("few_rows", 24_999, 100.0, 4, 1),
    Size("nothing_known_of_the_size", 10, 0.0, 4, 1),
    Size("a_task_s_rows", 50_000, 1.0, 4, 2),
    Size("never_more_tasks_than_cores", 1_000_000, 1.0, 4, 4),
    Size("one_core", 1_000_000, 1.0, 1, 1),
    Size("by_size", 1_000_000, 1000.0, 4, 10),
    Size("one_byte_more_than_a_file", 100_000_001, 1.0, 1, 2),
]


@pytest.mark.parametrize("size", SIZES, ids=[size.id for size in SIZES])
def test_how_many_files(size: Size) -> None:
    assert count_files(size.rows, size.bytes_per_row, 100 * MB, size.cores) == size.files


def build_file(kind: str, rows: list[tuple[str, int, datetime | None]], key: str = "k", path: str = "") -> StagedFile:
    table = pa.table(
        {
            "_topic": pa.array([row[0] for row in rows], pa.string()),
            "_partition": pa.array([row[1] for row in rows], pa.int32()),
            "_event_time": pa.array([row[2] for row in rows], pa.timestamp("us")),
        }
    )
    return StagedFile(OUTPUTS[kind], key, path, 10 * len(rows), len(rows), "sha", table)


def test_rows_are_counted_by_partition_over_files() -> None:
    files = [
        build_file("raw", [("a", 0, LATE), ("a", 1, None)]),
        build_file("raw", [("a", 0, EARLY), ("b", 0, None), ("a", 0, None)]),
    ]

    assert count_partitions(files) == {
        ("a", 0): PartitionRows(3, EARLY, LATE),
        ("a", 1): PartitionRows(1, None, None),
        ("b", 0): PartitionRows(1, None, None),
    }
    assert count_partitions([]) == {}


def test_raw_rows_are_curated_and_rejected_ones() -> None:
    staged = [
        build_file("raw", [("a", 0, EARLY)] * 3 + [("b", 1, None)]),
        build_file("curated", [("a", 0, EARLY), ("a", 0, LATE)]),
        build_file("rejected", [("a", 0, None), ("b", 1, None)]),
    ]

    counts = count_rows(staged, "batch")

    assert [(c.topic, c.partition, c.raw, c.curated, c.rejected) for c in counts] == [
        ("a", 0, 3, 2, 1),
        ("b", 1, 1, 0, 1),
    ]
    assert (counts[0].event_time_min, counts[0].event_time_max) == (EARLY, LATE)


class Unequal(NamedTuple):
    id: str
    curated: list[tuple[str, int, Any]]
    rejected: list[tuple[str, int, Any]]


ROW = ("a", 2, None)
UNEQUAL = [
    Unequal("lost", [ROW], []),
    Unequal("doubled", [ROW, ROW], [ROW]),
    Unequal("all_lost", [], []),
    Unequal("in_another_partition", [ROW], [("a", 3, None)]),
    Unequal("in_another_topic", [ROW], [("b", 2, None)]),
]


@pytest.mark.parametrize("case", UNEQUAL, ids=[case.id for case in UNEQUAL])
def test_rows_that_do_not_add_up_stop_the_batch(case: Unequal) -> None:
    staged = [build_file("raw", [ROW, ROW]), build_file("curated", case.curated), build_file("rejected", case.rejected)]

    with pytest.raises(PublishConflict, match="batch b-7: topic 'a' partition 2 has 2 raw rows"):
        count_rows(staged, "b-7")


def test_final_keys_are_numbered_within_output_and_path() -> None:
    staged = [
        build_file("curated", [ROW], f"s/{path}part-{n}", path) for path, n in (("m=2/", 9), ("m=1/", 8), ("m=1/", 7))
    ]

    files = name_files([*staged, build_file("raw", [ROW], "s/raw")], "flights", "b-7")

    assert [(file.staged_key, file.final_key) for file in files] == [
        ("s/m=1/part-7", "lake/flights/curated/m=1/b-7-0000.parquet"),
        ("s/m=1/part-8", "lake/flights/curated/m=1/b-7-0001.parquet"),
        ("s/m=2/part-9", "lake/flights/curated/m=2/b-7-0000.parquet"),
        ("s/raw", "lake/flights/raw/b-7-0000.parquet"),
    ]


def test_the_size_of_a_row_is_measured_over_the_files_of_each_output() -> None:
    files = [
        PublishedFile(output=output, staged_key="s", final_key="f", bytes=size, rows=rows, sha256="sha")
        for output, size, rows in (("raw", 100_000, 5_000), ("raw", 500_000, 5_000), ("curated", 9_999_000, 9_999))
    ]

    assert measure_rows(files) == {"raw": 60.0}
    assert measure_rows([]) == {}
