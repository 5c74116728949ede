"""The archive for clusters as `make package` builds it: what is in it, and what is not."""

from __future__ import annotations

import tarfile
from pathlib import Path

from spark_streaming.targets import PACKAGE
from tests.integration.spark_streaming.project_folder import build_project


def test_the_archive_holds_what_a_cluster_needs_and_nothing_of_this_machine(tmp_path: Path) -> None:
    with tarfile.open(build_project(tmp_path) / PACKAGE) as archive:
        members = {member.name: member for member in archive}
    needed = {
        "bin/python", "lib/spark_streaming/job.py", "lib/connections/settings.py", "lib/pipeline_contract/model.py",
        "lib/pyarrow/__init__.py", "lib/boto3/__init__.py", "lib/confluent_kafka/__init__.py",
        "conf/pipelines/flights.toml", "conf/environments/aws.toml", "data/airlines.csv", "data/airports.csv",
    }  # fmt: skip

    assert needed <= set(members)
    assert members["bin/python"].mode == 0o755
    assert not [name for name in members if name.startswith(("lib/pyspark/", "lib/tests/", "lib/sandbox/", "lib/bin/"))]
    assert {(m.mtime, m.uid, m.gid, m.uname) for m in members.values()} == {(0, 0, 0, "")}
    assert list(members) == sorted(members)
