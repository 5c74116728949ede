"""The job's entry script for tests: the same job, which sends its own driver signals in the middle of a batch.

`MILLRACE_TEST_SIGNALS` names them, such as `INT,TERM`; they are sent when the first batch has been staged, each one once
that before it has been heard.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from functools import partial

from spark_streaming import job
from spark_streaming.steps import Listener, Step


def send_signals(signals: Sequence[signal.Signals]) -> Listener:
    """A listener that sends the signals to this driver once the first batch has been staged."""
    waiting = list(signals)

    def listen(step: Step) -> None:
        if (step.name, step.phase) == ("stage", "end"):
            while waiting:
                os.kill(os.getpid(), waiting.pop(0))
                while signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
                    os.sched_yield()

    return listen


if __name__ == "__main__":
    names = os.environ["MILLRACE_TEST_SIGNALS"].split(",")
    job.execute = partial(job.execute, listener=send_signals([signal.Signals[f"SIG{name}"] for name in names]))
    job.app(sys.argv[1:])
