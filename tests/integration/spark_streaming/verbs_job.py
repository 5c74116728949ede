"""The job's entry script for tests: the same job, several verbs after one another in one Spark application.

The arguments are those of the verbs, parted by `then`. `MILLRACE_TEST_KILL` may hold a step as in `killed_job.py`.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from itertools import groupby

from spark_streaming import job
from tests.integration.spark_streaming.killed_job import kill_at

if __name__ == "__main__":
    if "MILLRACE_TEST_KILL" in os.environ:
        job.execute = partial(job.execute, listener=kill_at(os.environ["MILLRACE_TEST_KILL"]))
    for is_verb, words in groupby(sys.argv[1:], lambda word: word != "then"):
        if is_verb:
            try:
                job.app(list(words))
            except SystemExit as end:
                if end.code:
                    raise
