"""The runs of the Spark job that a schedule starts on EMR Serverless: asked of the job's own command, and put on a clock."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline_contract.errors import ConfigurationError

# EventBridge Scheduler fills these in:
# docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
EXECUTION_ID = "<aws.scheduler.execution-id>"
# Any time will do in the place of the one that the schedule fills in.
_SOME_TIME = "2000-01-03"
# Text that is a map's key by the user's choice, and not a name of AWS's API.
_FREE_KEYS = ("properties", "tags")


class JobRuns(NamedTuple):
    """What `StartJobRun` is asked for: a run that drains the topic, and one that backfills the last two days."""

    drain: Mapping[str, Any]
    backfill: Mapping[str, Any]


class Schedule(NamedTuple):
    """A schedule of EventBridge's and the call that it makes."""

    name: str
    purpose: str
    expression: str
    request: Mapping[str, Any]


def ask_job_runs(pipeline: str, environment: str) -> JobRuns:
    """The requests as the job's own command prints them; `ConfigurationError` with its message where it refuses."""
    backfill = _ask("backfill", pipeline, environment, ["--from", "2 days", "--to", _SOME_TIME])
    arguments = backfill["jobDriver"]["sparkSubmit"]["entryPointArguments"]
    arguments[arguments.index(_SOME_TIME)] = SCHEDULED_TIME
    return JobRuns(_ask("run", pipeline, environment, ["--available-now"]), backfill)


def describe_schedules(pipeline: str, runs: JobRuns, job_role: str) -> dict[str, Schedule]:
    """The schedules of a pipeline by their ids in a template; `${Application}` stands for the application. Pure."""
    return {
        "Drain": Schedule(
            f"millrace-{pipeline}-drain",
            f"Drain the topic of {pipeline}, every hour",
            "cron(7 * * * ? *)",
            complete_request(runs.drain, job_role),
        ),
        "Backfill": Schedule(
            f"millrace-{pipeline}-backfill",
            f"Judge the last two days of {pipeline} again, every night",
            "cron(30 2 * * ? *)",
            complete_request(runs.backfill, job_role),
        ),
    }


def complete_request(request: Mapping[str, Any], job_role: str) -> dict[str, Any]:
    """A request as Scheduler takes it: with the stack's application and role, a token, and names that begin with a capital.

    Source: docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
    """
    own = {"applicationId": "${Application}", "executionRoleArn": job_role, "clientToken": EXECUTION_ID}
    named: dict[str, Any] = _capitalize({**request, **own})
    return named


def _capitalize(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name[0].upper() + name[1:]: inner if name in _FREE_KEYS else _capitalize(inner)
            for name, inner in value.items()
        }
    return [_capitalize(one) for one in value] if isinstance(value, list) else value


def _ask(verb: str, pipeline: str, environment: str, options: Sequence[str]) -> dict[str, Any]:
    """The request of one run; the command prints `aws emr-serverless start-job-run --cli-input-json` and the JSON."""
    printing = ["--env", environment, "--print-command", "--target", "emr-serverless"]
    command = [sys.executable, "-m", "spark_streaming", verb, pipeline, *options, *printing]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if answer.returncode:
        raise ConfigurationError(answer.stderr.strip().removeprefix("Error: "))
    request: dict[str, Any] = json.loads(shlex.split(answer.stdout)[-1])
    return request
