"""Runs spark-submit as a child: shows what the job says, passes signals on to its driver, and waits for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import TextIO, cast

from rich.console import Console

from spark_streaming.terminal import JobView, SubmitNoise


def run_command(command: Sequence[str], environment: Mapping[str, str], json_summary: bool) -> int:
    """Run the command to its end and return its exit code.

    The first SIGINT or SIGTERM asks the driver to finish its batch and stop, a second one ends it at once: nothing is
    lost by that either.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    view = JobView(console, wants_json=not console.is_terminal)
    noise = SubmitNoise(view.take)
    with subprocess.Popen(  # noqa: S603 - the command is ours
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        start_new_session=True,
    ) as child, signals_to(child, view):  # fmt: skip
        errors = Thread(target=take_lines, args=(cast(TextIO, child.stderr), noise.take), daemon=True)
        errors.start()
        take_lines(cast(TextIO, child.stdout), view.take)
        errors.join()
        status = child.wait()
    if status and view.driver_pid is None:
        console.print(f"spark-submit ended with {status} before the job began:\n{noise.explain()}", markup=False)
        return 3
    if json_summary and view.summary is not None:
        sys.stdout.write(json.dumps(view.summary) + "\n")
    return status if status >= 0 else 128 - status


def take_lines(stream: TextIO, take: Callable[[str], None]) -> None:
    """Give each line of a stream, to its end."""
    for line in stream:
        take(line)


@contextmanager
def signals_to(child: subprocess.Popen[str], view: JobView) -> Iterator[None]:
    """While the block runs, signals go to the driver: spark-submit's own process would stop Spark under it."""

    def forward(number: int, _: object) -> None:
        first = not asked
        asked.append(number)
        if first and view.driver_pid is not None:
            view.take("stopping after the batch that is under way; once more to stop at once")
            os.kill(view.driver_pid, signal.SIGTERM)
        else:
            os.killpg(child.pid, signal.SIGKILL)

    asked: list[int] = []
    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
