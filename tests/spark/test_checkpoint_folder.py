"""A checkpoint folder as it lies on a disk: Spark's logs and our lineage beside them, opened with Spark and without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pipeline_contract.errors import ConfigurationError, PublishConflict
from pipeline_contract.manifest import Lineage
from spark_streaming.checkpoint import LINEAGE_FILE, Checkpoint
from spark_streaming.checkpoint_files import LocalFiles
from spark_streaming.hadoop_files import HadoopFiles

LINEAGE = Lineage(
    pipeline="orders", query="ingest", lineage="0001-abc", number=1, checkpoint="/c", contract_hash="h", starts=()
)


def write_log(folder: Path, offset: int) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text(f'v1\n{{"batchWatermarkMs":0,"conf":{{}}}}\n{{"orders":{{"0":{offset}}}}}')


Opener = Callable[[Path], Checkpoint]


@pytest.fixture(params=["hadoop", "local"])
def opener(request: pytest.FixtureRequest, spark_session: SparkSession) -> Opener:
    """Opens the checkpoint at a path in one of two ways."""
    if request.param == "hadoop":
        return lambda path: Checkpoint(HadoopFiles(spark_session, str(path)))
    return lambda path: Checkpoint(LocalFiles(str(path)))


def test_a_new_folder_is_empty_and_keeps_its_lineage(opener: Opener, tmp_path: Path) -> None:
    checkpoint = opener(tmp_path / "new folder")

    assert checkpoint.read_lineage() is None
    assert (checkpoint.last_planned(), checkpoint.last_committed()) == (-1, -1)
    checkpoint.write_lineage(LINEAGE)
    assert checkpoint.read_lineage() == LINEAGE


def test_a_newer_lineage_takes_the_place_of_one_that_has_ended(opener: Opener, tmp_path: Path) -> None:
    checkpoint = opener(tmp_path)
    checkpoint.write_lineage(LINEAGE)

    newer = LINEAGE.model_copy(update={"lineage": "0002-def"})
    checkpoint.write_lineage(newer)
    assert checkpoint.read_lineage() == newer


def test_batches_are_read_as_numbers_not_as_text(opener: Opener, tmp_path: Path) -> None:
    checkpoint = opener(tmp_path)
    for batch in (8, 9, 10):
        write_log(tmp_path / "offsets" / str(batch), batch * 100)
    write_log(tmp_path / "commits" / "9", 0)
    for name in ("11.tmp", ".10.crc", "_11", "10.compact"):
        (tmp_path / "offsets" / name).write_text("")

    assert (checkpoint.last_planned(), checkpoint.last_committed()) == (10, 9)
    assert checkpoint.read_offset_log(10).ends == {"orders": {0: 1000}}


def test_damage_is_named(opener: Opener, tmp_path: Path) -> None:
    checkpoint = opener(tmp_path)
    write_log(tmp_path / "offsets" / "0", 5)

    with pytest.raises(ConfigurationError, match=rf"{tmp_path}.*not one of Millrace's.*{LINEAGE_FILE}"):
        checkpoint.read_lineage()
    with pytest.raises(ConfigurationError, match=f"{tmp_path}/offsets/1: missing"):
        checkpoint.read_offset_log(1)
    (tmp_path / "offsets" / "0").write_text("v1")
    with pytest.raises(PublishConflict, match="offset log"):
        checkpoint.read_offset_log(0)


def test_what_one_way_writes_the_other_reads(spark_session: SparkSession, tmp_path: Path) -> None:
    by_spark, by_hand = HadoopFiles(spark_session, str(tmp_path)), LocalFiles(str(tmp_path))

    by_spark.write("commits/7", "of Spark")
    by_hand.write("commits/7", "by hand, and longer")
    assert by_spark.read("commits/7") == by_hand.read("commits/7") == "by hand, and longer"
    by_hand.delete("commits")
    assert by_spark.list_names("commits") == by_hand.list_names("commits") == []
    assert by_spark.read("commits/7") is None
