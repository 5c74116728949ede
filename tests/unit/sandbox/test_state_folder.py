"""The state is kept and lost as one whole, and held by one command at a time."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline_contract.errors import ConfigurationError
from sandbox.state_folder import MARK, check_whole, delete_state, lock_folder, mark_state

PARTS = ("kafka", "aws", "snowflake")


def build_state(state_dir: Path) -> list[Path]:
    """A state that holds something in every part."""
    parts = [state_dir / name for name in PARTS]
    check_whole(state_dir, parts)
    for part in parts:
        (part / "data").write_text("x")
    return parts


class LossCase(NamedTuple):
    name: str
    lose: Callable[[Path], object]
    named: str


LOSSES = [
    LossCase("a part's folder", lambda state: shutil.rmtree(state / "aws"), "aws"),
    LossCase("a part's content and mark", lambda state: (state / "kafka" / MARK).unlink(), "kafka"),
    LossCase("a part from another state", lambda state: (state / "snowflake" / MARK).write_text("other"), "snowflake"),
    LossCase("the mark of the whole", lambda state: (state / MARK).unlink(), "kafka"),
]


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)
def test_a_state_that_is_not_whole_is_refused(tmp_path: Path, case: LossCase) -> None:
    parts = build_state(tmp_path)
    case.lose(tmp_path)
    with pytest.raises(ConfigurationError, match="not whole") as refused:
        check_whole(tmp_path, parts)
    assert str(tmp_path / case.named) in str(refused.value)
    assert "sandbox reset" in str(refused.value)


def test_a_whole_state_passes_again_and_again(tmp_path: Path) -> None:
    parts = build_state(tmp_path)
    check_whole(tmp_path, parts)
    check_whole(tmp_path, parts)


def test_a_first_start_that_was_cut_short_starts_over(tmp_path: Path) -> None:
    parts = [tmp_path / name for name in PARTS]
    mark_state(tmp_path, parts)
    (tmp_path / MARK).unlink()
    (parts[1] / MARK).unlink()
    check_whole(tmp_path, parts)
    assert len({(folder / MARK).read_text() for folder in (*parts, tmp_path)}) == 1


def test_a_deletion_that_was_cut_short_is_no_whole_state(tmp_path: Path) -> None:
    parts = build_state(tmp_path)
    (tmp_path / MARK).unlink()
    with pytest.raises(ConfigurationError, match="not whole"):
        check_whole(tmp_path, parts)


def test_a_state_folder_that_cannot_be_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    lock = lock_folder(tmp_path / "file" / "state", pytest.fail)
    with pytest.raises(ConfigurationError, match=r"file/state: .*sandbox\.state_dir"):
        lock.__enter__()


def test_a_second_command_waits_and_then_holds_the_folder_that_is_there(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    waiting, done = threading.Event(), threading.Event()

    def hold_second() -> None:
        with lock_folder(state_dir, waiting.set):
            assert state_dir.is_dir()
            done.set()

    with lock_folder(state_dir, pytest.fail):
        second = threading.Thread(target=hold_second)
        second.start()
        assert waiting.wait(10)
        assert not done.is_set()
        delete_state(state_dir)
    second.join(10)
    assert done.is_set()
