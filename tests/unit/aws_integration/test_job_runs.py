"""The runs that schedules start: the job's own requests, with what EventBridge Scheduler fills in."""

from __future__ import annotations

from datetime import datetime

import pytest

from aws_integration.job_runs import EXECUTION_ID, SCHEDULED_TIME, ask_job_runs, complete_request
from pipeline_contract.errors import ConfigurationError
from spark_streaming.backfill_plan import parse_request


def test_the_job_is_asked_for_a_drain_and_for_the_last_two_days() -> None:
    runs = ask_job_runs("flights", "aws")
    drain, backfill = (run["jobDriver"]["sparkSubmit"]["entryPointArguments"] for run in runs)

    assert (drain[:2], "--available-now" in drain) == (["run", "flights"], True)
    assert backfill[:2] == ["backfill", "flights"]
    assert backfill[backfill.index("--from") + 1] == "2 days"
    assert backfill[backfill.index("--to") + 1] == SCHEDULED_TIME
    assert runs.drain["mode"] == runs.backfill["mode"] == "BATCH"


def test_what_a_schedule_fills_in_is_a_range_for_the_job() -> None:
    """The form of the time is that of Scheduler's documentation."""
    request = parse_request("2 days", "2026-11-21T02:30:00Z", "raw", False)

    assert request.event_range.start == datetime(2026, 11, 19, 2, 30)  # noqa: DTZ001 - times of rows have no zone
    assert request.event_range.end == datetime(2026, 11, 21, 2, 30)  # noqa: DTZ001


def test_a_pipeline_that_the_job_refuses_is_refused_with_its_words() -> None:
    with pytest.raises(ConfigurationError, match="no pipeline 'nothing'"):
        ask_job_runs("nothing", "aws")


def test_names_of_the_api_begin_with_a_capital_and_those_of_spark_stay() -> None:
    asked = complete_request({"applicationId": "x", "a": [{"properties": {"spark.x": "1"}}], "mode": "BATCH"}, "role")

    assert asked == {
        "ApplicationId": "${Application}",
        "ExecutionRoleArn": "role",
        "ClientToken": EXECUTION_ID,
        "Mode": "BATCH",
        "A": [{"Properties": {"spark.x": "1"}}],
    }
