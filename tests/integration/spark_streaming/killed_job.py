"""The job's entry script for tests: the same job, with a listener that kills the whole driver, JVM included, at one step.

`MILLRACE_TEST_KILL` holds name, phase and how often that step is let pass before, such as `copy:begin:1`.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from itertools import count

from spark_streaming import job
from spark_streaming.steps import Listener, Step


def kill_at(wanted: str) -> Listener:
    """A listener that kills this process group when the wanted step comes."""
    name, phase, passes = wanted.split(":")
    seen = count()

    def listen(step: Step) -> None:
        if (step.name, step.phase) == (name, phase) and next(seen) == int(passes):
            os.killpg(os.getpgrp(), signal.SIGKILL)

    return listen


if __name__ == "__main__":
    job.execute = partial(job.execute, listener=kill_at(os.environ["MILLRACE_TEST_KILL"]))
    job.app(sys.argv[1:])
