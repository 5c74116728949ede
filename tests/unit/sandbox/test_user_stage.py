"""The files of the emulated user stage, which several sessions put and delete at once."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

from sandbox.snowpipe.user_stage import UserStage


def test_a_listing_passes_over_files_that_others_delete_meanwhile(tmp_path: Path) -> None:
    stage, is_done = UserStage(tmp_path), Event()
    folder = stage.prepare_folder("a")
    (folder / "kept").write_bytes(b"x")

    def come_and_go() -> None:
        while not is_done.is_set():
            for number in range(50):
                (folder / f"passing-{number}").write_bytes(b"x")
            for number in range(50):
                stage.delete_file(f"a/passing-{number}")

    other = Thread(target=come_and_go)
    other.start()
    try:
        listings = [stage.list_files("a/") for _ in range(200)]
    finally:
        is_done.set()
        other.join()

    assert all("a/kept" in [file.key for file in files] for files in listings)
    assert any(len(files) > 1 for files in listings)
