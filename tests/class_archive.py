"""An archive of Spark's classes, with which the JVMs of tests need half the time to start.

Source: docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html, dynamic archives. A JVM that the archive does not fit
passes over it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pyspark

from sandbox.java import find_java

SPARK_HOME = Path(pyspark.__file__).parent
TRAINING = Path(__file__).with_name("class_archive_job.py")
# Runs of seconds never earn back what the JVM's second compiler costs.
QUICK_START = "-XX:TieredStopAtLevel=1"
TIMEOUT_S = 300


def provide_class_archive() -> str:
    """The options for `SPARK_SUBMIT_OPTS`; the archive is made by the first process that asks for it."""
    told = sha256(f"{find_java(None)} {pyspark.__version__} {SPARK_HOME}".encode()).hexdigest()[:12]
    archive = Path(sys.prefix) / f"spark-classes-{told}.jsa"
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            make_archive(archive)
    return f"{QUICK_START} -XX:SharedArchiveFile={archive}"


def make_archive(archive: Path) -> None:
    """Run what a streaming job needs of Spark once, and keep the classes that it loaded."""
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    subprocess.run(
        [SPARK_HOME / "bin" / "spark-submit", "--master", "local[2]", TRAINING],
        env=os.environ
        | {"SPARK_SUBMIT_OPTS": f"{QUICK_START} -XX:ArchiveClassesAtExit={partial}", "PYSPARK_PYTHON": sys.executable},
        check=True,
        capture_output=True,
        timeout=TIMEOUT_S,
    )
    partial.rename(archive)
