"""The services that the tests share are what their settings say."""

from __future__ import annotations

import os
import subprocess
import sys

from connections.s3 import open_s3
from connections.settings import Settings


def test_the_session_sandbox_has_its_bucket_and_all_services(
    sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    buckets = [bucket["Name"] for bucket in open_s3(sandbox_settings.s3).list_buckets()["Buckets"]]
    assert sandbox_settings.s3.bucket in buckets
    status = subprocess.run(
        [sys.executable, "-m", "sandbox", "status"],
        env={**os.environ, **sandbox_variables},
        check=False,
        capture_output=True,
        text=True,
    )
    assert status.returncode == 0, status.stderr
    assert status.stdout.count("running") == 5


def test_names_differ(unique_name: str, unique_topic: str, unique_bucket: str) -> None:
    assert unique_name == unique_topic == unique_bucket
    assert unique_name.isalnum()
    assert unique_name[0].isalpha()
