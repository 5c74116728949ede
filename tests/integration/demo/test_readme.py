"""The README's commands and programs, run as they are written and in their order, on a sandbox that is up already."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.documents import SHELLS, UNTIL_INTERRUPTED, Block, Command, read_blocks, read_commands
from tests.integration.demo.runbook import TIMEOUT_S, Ended, Runbook, wait_for

# Run here, in order. Of the other sections, the commands' options and targets are checked in tests/unit/docs: `make
# demo` is run by test_demo.py, and `--env aws` needs accounts.
RUN = ("Step by step", "Events by HTTP", "Look around", "Your own data")
CHECKED = ("Try it", "On AWS and Snowflake", "To change it")
BLOCKS = [block for block in read_blocks(Path("README.md")) if block.language in (*SHELLS, "python")]
ENDS_THE_SANDBOX = "python -m sandbox down"

pytestmark = pytest.mark.timeout(900)


def test_every_section_with_commands_is_known() -> None:
    assert [block.place for block in BLOCKS if block.heading not in (*RUN, *CHECKED)] == []


def adapt(text: str, runbook: Runbook) -> str:
    """The text with the addresses and the folder of the tests' own sandbox."""
    changes = {
        "port=18084": f"port={runbook.snowflake}",
        "127.0.0.1:15000": f"127.0.0.1:{runbook.aws}",
        "127.0.0.1:19092": f"127.0.0.1:{runbook.kafka}",
        ".sandbox/": f"{runbook.state_dir}/",
    }
    for before, after in changes.items():
        text = text.replace(before, after)
    return text


class Walk:
    """Goes through the blocks; a command that runs until Ctrl-C is stopped where the text says so, before the next drain."""

    def __init__(self, runbook: Runbook) -> None:
        self.runbook = runbook
        self.ended: dict[str, Ended] = {}
        self._stream: subprocess.Popen[bytes] | None = None

    def take(self, block: Block) -> None:
        """Run one block."""
        if block.language == "python":
            self._check(block.place, self.runbook.run(sys.executable, "-c", adapt(block.text, self.runbook)))
            return
        for command in read_commands(block):
            if UNTIL_INTERRUPTED in command.line:
                self._start_stream(command)
            elif command.line != ENDS_THE_SANDBOX:  # other tests go on with it; `down` is tested in test_cli.py
                if "--available-now" in command.line:
                    self.stop_stream()
                self._check(
                    command.line, self.runbook.run("bash", "-euo", "pipefail", "-c", adapt(command.line, self.runbook))
                )

    def _check(self, name: str, ended: Ended) -> None:
        assert ended.status == 0, f"{name}: {ended.status}\n{ended.out[-3000:]}\n{ended.err[-3000:]}"
        self.ended[name] = ended

    def _start_stream(self, command: Command) -> None:
        self._stream, _, self._log = self.runbook.start("bash", "-c", f"exec {adapt(command.line, self.runbook)}")

    def stop_stream(self) -> None:
        """Press Ctrl-C once a batch is published, and wait for the end."""
        stream = self._stream
        assert stream is not None, "nothing runs until Ctrl-C"
        wait_for(lambda: '"event": "batch"' in self._log.read_text() or stream.poll() is not None)
        os.killpg(stream.pid, signal.SIGINT)
        assert stream.wait(TIMEOUT_S) == 0, self._log.read_text()

    def end(self) -> None:
        """Kill what still runs."""
        if self._stream is not None and self._stream.poll() is None:
            launcher = psutil.Process(self._stream.pid)
            for process in [*launcher.children(recursive=True), launcher]:
                process.kill()


def test_the_way_by_hand(runbook: Runbook, demonstration: Ended) -> None:
    walk = Walk(runbook)
    try:
        for block in BLOCKS:
            if block.heading in RUN:
                walk.take(block)
        proof = json.loads(runbook.run("python", "-m", "reconciliation", "check", "flights", "--json").out)
    finally:
        walk.end()

    assert (proof["produced"], proof["loaded"], proof["complete"]) == (3027, 3003, True)
    posted, shown = (
        next(ended.out for line, ended in walk.ended.items() if word in line) for word in ("curl", "order_id")
    )
    assert (json.loads(posted)["accepted"], json.loads(posted)["refused"]) == (3, 5)
    assert [name in shown for name in ("good-viewed", "good-order", "good-boarded", "bad-")] == [
        True,
        True,
        True,
        False,
    ]
    connector, s3, kafka = [walk.ended[block.place].out for block in BLOCKS if block.language == "python"]
    assert connector == "(3003,)\n"
    assert "lake/flights/curated/" in s3
    assert kafka == "3021\n"
