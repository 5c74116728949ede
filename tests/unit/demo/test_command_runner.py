"""Commands one after the other, and signals that end the one under way."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from threading import Thread

from demo.command_runner import CommandRunner

# Says that it listens, waits for being asked to end, and ends with a code of its own.
PATIENT = """
import pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
pathlib.Path(sys.argv[1]).touch()
signal.pause()
"""


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def test_exit_codes_and_output_come_back() -> None:
    runner = CommandRunner()

    assert runner.run(python("raise SystemExit(4)")) == 4
    assert runner.capture(python("print('said'); raise SystemExit(1)")) == (1, "said\n")
    assert runner.ask(python("print('said'); raise SystemExit(1)")) == "said\n"
    assert runner.run(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")) == 128 + signal.SIGKILL


def test_a_signal_ends_the_command_and_no_other_is_begun(tmp_path: Path) -> None:
    runner, listening = CommandRunner(), tmp_path / "listening"

    def interrupt() -> None:
        while not listening.exists():
            pass
        os.kill(os.getpid(), signal.SIGINT)

    interrupter, before = Thread(target=interrupt), signal.getsignal(signal.SIGINT)
    with runner.end_on_signals():
        interrupter.start()
        assert runner.run(python(PATIENT, str(listening))) == 128 + signal.SIGINT
        interrupter.join()
        assert runner.run(python(f"open({str(tmp_path / 'begun')!r}, 'w')")) == 128 + signal.SIGINT
        assert runner.run_whatever_comes(python("raise SystemExit(5)")) == 5

    assert not (tmp_path / "begun").exists()
    assert signal.getsignal(signal.SIGINT) is before
