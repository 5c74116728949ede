"""Kills and rebalances of a consumer under load, for every destination alike."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from threading import Event

from kafka_consumer.buffer import Limits
from kafka_consumer.destination import open_destination
from pipeline_contract.ways import name_way
from reconciliation.way_check import check_way
from tests.integration.kafka_consumer.consumer_runs import make_runner, running
from tests.integration.kafka_consumer.functions import deploy_function
from tests.integration.kafka_consumer.pipelines import Pipeline, good_ids
from tests.integration.kafka_consumer.s3_ways import S3Way

BATCH = ("--max-rows", "300", "--max-age", "0.05")
LIMITS = Limits(rows=100, bytes=1_000_000, age_s=0.05)
TIMEOUT_S = 600


@dataclass(frozen=True)
class Target:
    """A destination under test: what `--to` calls it, what lies there, and what it needs before.

    `count_ids` counts the curated rows by id, `count_reasons` the rejected ones by reason.
    """

    name: str
    count_ids: Callable[[Pipeline], Counter[int]]
    count_reasons: Callable[[Pipeline], Counter[str]]
    prepare: Callable[[Pipeline], object] = lambda _: None


TARGETS = (
    Target(
        "snowflake",
        lambda pipeline: pipeline.count_ids("direct"),
        lambda pipeline: pipeline.count_reasons("direct"),
    ),
    Target("s3", lambda pipeline: S3Way(pipeline).count_ids(), lambda pipeline: S3Way(pipeline).count_reasons()),
    Target(
        "lambda",
        lambda pipeline: pipeline.count_ids("lambda"),
        lambda pipeline: pipeline.count_reasons("lambda"),
        deploy_function,
    ),
)


def start_consumer(
    pipeline: Pipeline, target: Target, variables: dict[str, str], *options: str
) -> subprocess.Popen[str]:
    """The consumer as a person starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "kafka_consumer", "run", str(pipeline.path), "--to", target.name, *BATCH, *options],
        env={**os.environ, **variables, "MILLRACE_CONSUMER__SESSION_TIMEOUT_S": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_and_repeat(pipeline: Pipeline, target: Target, variables: dict[str, str], kills: int, rows: int) -> None:
    """Kill the consumer again and again, each at a random moment after it was given partitions, and then let it finish."""
    target.prepare(pipeline)
    pipeline.replay(0, rows)
    chance = random.Random(kills)
    for _ in range(kills):
        process = start_consumer(pipeline, target, variables)
        assert process.stderr
        first = next((line for line in process.stderr if "reads topic" in line), "")
        Event().wait(chance.uniform(0, 1.5))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=TIMEOUT_S)
        assert (bool(first), process.returncode) == (True, -signal.SIGKILL)
    process = start_consumer(pipeline, target, variables, "--available-now")
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, said
    check_whole(pipeline, target, rows)


def rebalance_and_repeat(pipeline: Pipeline, target: Target, turns: int, rows_a_turn: int) -> None:
    """Let a second consumer come and go beside the first one, under load."""
    target.prepare(pipeline)
    with ExitStack() as stack:
        errors = [stack.enter_context(run_member(pipeline, target, stack, lambda _: None))]
        for turn in range(turns):
            pipeline.replay(turn * rows_a_turn, rows_a_turn)
            joined = Event()

            def listen(line: str, joined: Event = joined) -> None:
                if "reads topic" in line:
                    joined.set()

            with ExitStack() as second:
                errors.append(second.enter_context(run_member(pipeline, target, second, listen)))
                assert joined.wait(TIMEOUT_S)
    with closing(open_destination(target.name, pipeline.contract, pipeline.settings)) as destination:
        make_runner(pipeline.settings, pipeline.topics, destination).run()
    assert not any(errors), errors
    check_whole(pipeline, target, turns * rows_a_turn)


def run_member(
    pipeline: Pipeline, target: Target, stack: ExitStack, say: Callable[[str], None]
) -> AbstractContextManager[list[BaseException]]:
    """A member of the group with a destination of its own, which the stack closes."""
    destination = open_destination(target.name, pipeline.contract, pipeline.settings)
    stack.enter_context(closing(destination))
    runner = make_runner(pipeline.settings, pipeline.topics, destination, limits=LIMITS, until_drained=False, say=say)
    return running(runner)


def check_whole(pipeline: Pipeline, target: Target, rows: int) -> None:
    """Every good row is there once, and the reconciliation finds nothing to say."""
    assert target.count_ids(pipeline) == good_ids(0, rows)
    statement = check_way(pipeline.settings, pipeline.contract, name_way(target.name), [], 20, lambda _: None)
    assert statement.is_complete, statement.findings
    assert statement.produced == rows
