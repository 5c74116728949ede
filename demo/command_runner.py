"""Runs one command after the other; a signal ends the one under way, and no other is begun after it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CommandRunner:
    """Starts commands in sessions of their own, so that a Ctrl-C reaches each once, from here."""

    def __init__(self) -> None:
        self.interrupted_by: signal.Signals | None = None
        self._child: subprocess.Popen[str] | None = None

    @contextmanager
    def end_on_signals(self) -> Iterator[None]:
        """While the block runs, a signal is noted, and asks the command that `run` or `capture` has started to end."""
        before = {number: signal.signal(number, self._end) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self, command: Sequence[str]) -> int:
        """Run a command to its end, its output where ours goes; its exit code, 128 + n where signal n ended the way."""
        return self._follow(command, None)[0]

    def capture(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command to its end and return its exit code, as `run` does, and what it wrote to standard output."""
        return self._follow(command, subprocess.PIPE)

    def ask(self, command: Sequence[str]) -> str:
        """What a command writes to standard output, and nothing of its talk; its exit code does not matter."""
        return subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, text=True, check=False
        ).stdout

    def run_whatever_comes(self, command: Sequence[str]) -> int:
        """Run a command that no signal reaches, for tidying up."""
        return subprocess.run(command, stdin=subprocess.DEVNULL, start_new_session=True, check=False).returncode  # noqa: S603

    def _follow(self, command: Sequence[str], stdout: int | None) -> tuple[int, str]:
        if self.interrupted_by is not None:
            return 128 + self.interrupted_by, ""
        child = subprocess.Popen(  # noqa: S603 - the commands are the demonstration's own
            command, stdin=subprocess.DEVNULL, stdout=stdout, start_new_session=True, text=True
        )
        self._child = child
        if self.interrupted_by is not None:  # between the start and the line above
            child.terminate()
        written, _ = child.communicate()
        self._child = None
        if self.interrupted_by is not None:
            return 128 + self.interrupted_by, written or ""
        return child.returncode if child.returncode >= 0 else 128 - child.returncode, written or ""

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.interrupted_by = signal.Signals(number)
        if self._child is not None:
            # A Ctrl-C that met a command of Python's in its imports would end it with a stack.
            self._child.terminate()
