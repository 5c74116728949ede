"""What Spark puts on disks of its own while the job's session runs: rows and keys do not stand there in the clear."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from spark_streaming.submit import session_conf

CANARY = "canary-of-the-scratch-files"
# Cached on disk, shuffled, and handed over by Python: what a batch does where memory is short.
JOB = """
import sys
from pathlib import Path
from pyspark import StorageLevel
from pyspark.sql import SparkSession, functions as F
_, folder, encrypted, canary = sys.argv
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
builder = builder.config("spark.sql.shuffle.partitions", "2").config("spark.shuffle.compress", "false")
builder = builder.config("spark.sql.inMemoryColumnarStorage.compressed", "false")
spark = builder.config("spark.local.dir", folder).config("spark.io.encryption.enabled", encrypted).getOrCreate()
rows = spark.createDataFrame([(f"{canary}-{n}", n) for n in range(100)], "text string, n int")
kept = rows.persist(StorageLevel.DISK_ONLY)
assert kept.groupBy("text").agg(F.max("n")).count() == 100
files = [path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()]
print(sum(len(body) for body in files) > 1000, any(canary.encode() in body for body in files))
"""


@pytest.mark.parametrize(
    "encrypted", ["false", session_conf()["spark.io.encryption.enabled"]], ids=["off", "as_the_job"]
)
def test_scratch_files_show_nothing(tmp_path: Path, encrypted: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", JOB, str(tmp_path), encrypted, CANARY],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", str(encrypted == "false")]
