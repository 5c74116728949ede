"""A checkpoint's files on S3, opened without Spark."""

from __future__ import annotations

from connections.s3 import open_s3
from connections.settings import Settings
from spark_streaming.checkpoint_files import open_files


def test_files_are_read_listed_and_deleted(session_settings: Settings, unique_bucket: str) -> None:
    files = open_files(open_s3(session_settings.s3), f"s3a://{unique_bucket}/checkpoints/flights/ingest")
    neighbour = open_files(open_s3(session_settings.s3), f"s3a://{unique_bucket}/checkpoints/flights/ingest-2")
    neighbour.write("commits/0", "stays")

    assert (files.read("commits/0"), files.list_names("commits")) == (None, [])
    for number in range(12):
        files.write(f"commits/{number}", str(number))
    files.write("state/0/1/1.zip", "state")
    assert sorted(map(int, files.list_names("commits"))) == list(range(12))
    files.delete("commits/1")
    assert files.read("commits/1") is None
    assert files.read("commits/11") == "11"
    for folder in ("commits", "state"):
        files.delete(folder)
    assert files.list_names("commits") == files.list_names("state/0/1") == []
    assert neighbour.read("commits/0") == "stays"
