"""The folder with all of the sandbox's state: locked while a command works on it, kept and lost as one whole."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline_contract.errors import ConfigurationError

MARK = "state-id"


@contextmanager
def lock_folder(state_dir: Path, report_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the state folder alone, creating it if need be; another command that holds it is waited for."""
    while True:
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(state_dir, os.O_RDONLY)
        except OSError as error:
            raise ConfigurationError(
                f"the sandbox cannot keep its state in {state_dir}: {error.strerror}. Choose another folder with the setting "
                "sandbox.state_dir (environment variable MILLRACE_SANDBOX__STATE_DIR)"
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report_waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            # A `reset` that was waited for has removed the folder that was locked here.
            if state_dir.is_dir() and os.path.samestat(os.fstat(descriptor), state_dir.stat()):
                yield
                return
        finally:
            os.close(descriptor)


def check_whole(state_dir: Path, parts: Sequence[Path]) -> None:
    """Mark a new state folder, or check that every part still belongs to the state that was begun with it.

    Raises `ConfigurationError` naming the parts that are missing or from another state.
    """
    marks = {folder: read_mark(folder) for folder in (*parts, state_dir)}
    if marks[state_dir] is None and not any(has_content(part) for part in parts):
        mark_state(state_dir, parts)
        return
    wrong = [str(folder) for folder, mark in marks.items() if mark is None or mark != marks[state_dir]]
    if wrong:
        raise ConfigurationError(
            f"the sandbox's state in {state_dir} is not whole: {', '.join(wrong)} was removed or comes from another "
            "state, so that topics, objects and tables would not fit together. "
            "Start from nothing with `python -m sandbox reset`"
        )


def mark_state(state_dir: Path, parts: Sequence[Path]) -> None:
    """Draw a state id and write it to every part, and to the folder itself last, which makes it count."""
    state_id = uuid.uuid4().hex
    for folder in (*parts, state_dir):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(state_id)


def read_mark(folder: Path) -> str | None:
    """The state id in a folder, or None without one."""
    try:
        return (folder / MARK).read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None


def has_content(part: Path) -> bool:
    """Say whether a part holds more than its mark."""
    return part.is_dir() and any(entry.name != MARK for entry in part.iterdir())


def delete_state(state_dir: Path) -> None:
    """Delete the state; its mark goes first, so that an interrupted deletion never passes for a whole state."""
    (state_dir / MARK).unlink(missing_ok=True)
    shutil.rmtree(state_dir)
