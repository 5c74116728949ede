"""What the job says, and how a person reads it."""

from __future__ import annotations

import io
import json
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from spark_streaming.report import BatchReport, Report
from spark_streaming.steps import Step, announce
from spark_streaming.terminal import JobView, SubmitNoise, describe_event, parse_event

ROWS = {"raw": 1200, "curated": 1190, "rejected": 10}
LAG = {"events": {0: 3000, 1: 2000}}
BATCH = BatchReport("ingest", 3, "b-3", ROWS, 2.0, reasons={"rule:known": 10}, lag=LAG)


class Event(NamedTuple):
    id: str
    event: dict[str, Any]
    shown: str


EVENTS = [
    Event("driver", {"event": "driver", "seconds": 0.1, "pid": 7}, ""),
    Event("error", {"event": "error", "seconds": 1, "message": "topic [x] is gone"}, "error: topic [x] is gone"),
    Event("note", {"event": "note", "seconds": 1.25, "text": "[bold]"}, "    1.2 s  [bold]"),
    Event(
        "query",
        {"event": "query", "seconds": 1, "query": "ingest", "lineage": "0001-a", "checkpoint": "/c[1]"},
        "    1.0 s  ingest runs on lineage 0001-a, checkpoint /c[1]",
    ),
    Event(
        "batch",
        {
            "event": "batch",
            "seconds": 9,
            "query": "ingest",
            "batch": 3,
            "rows": BATCH.rows,
            "batch_seconds": 2.0,
            "behind": 5000,
        },
        "    9.0 s  ingest batch 3: raw 1,200  curated 1,190  rejected 10  in 2.0 s  (600 rows/s)  behind 5,000",
    ),
    Event(
        "batch_of_windows",
        {
            "event": "batch",
            "seconds": 9,
            "query": "a",
            "batch": 0,
            "rows": {"aggregates/h": 4},
            "batch_seconds": 0.5,
            "behind": 0,
        },
        "    9.0 s  a batch 0: aggregates/h 4  in 0.5 s",
    ),
    Event("summary", {"event": "summary", "seconds": 12}, "   12.0 s  done"),
    Event("unknown", {"event": "else", "seconds": 1}, ""),
]


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200, highlight=False, soft_wrap=True)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("event", EVENTS, ids=[event.id for event in EVENTS])
def test_an_event_is_one_line(event: Event, console: Console) -> None:
    console.print(describe_event(event.event))

    assert shown(console) == event.shown + "\n"


@pytest.mark.parametrize("line", ["", "no json", "7", "[]", '{"a": 1}', "{"], ids=repr)
def test_other_lines_are_no_events(line: str) -> None:
    assert parse_event(line) is None


def run_job(stream: io.StringIO, quiet: bool = False) -> None:
    report = Report(stream, quiet)
    report.say("driver", pid=42)
    report.add_batch(BATCH)
    report.add_batch(BATCH)
    with announce(report.add_step, "stage", "ingest", "b-0"):
        pass
    report.say("error", kind="ServiceError", message="S3: gone")
    report.summarise()


def test_a_report_adds_up_its_batches_and_passes_them_on() -> None:
    stream = io.StringIO()
    run_job(stream)

    events = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [event["event"] for event in events] == ["driver", "batch", "batch", "error", "summary"]
    assert events[1] == events[1] | {"query": "ingest", "batch": 3, "behind": 5000, "watermark": None}
    assert events[-1]["rows"] == {"ingest": {"raw": 2400, "curated": 2380, "rejected": 20}}
    assert events[-1]["batches"] == {"ingest": 2}
    assert list(events[-1]["seconds_by_phase"]) == ["stage"]


def test_a_quiet_report_says_errors_and_the_summary() -> None:
    stream = io.StringIO()
    run_job(stream, quiet=True)

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["driver", "error", "summary"]


def test_a_step_that_fails_has_no_end() -> None:
    steps: list[Step] = []

    def fail() -> None:
        with announce(steps.append, "copy", "ingest", "b-0", "key"):
            raise OSError

    with pytest.raises(OSError, match=r"^$"):
        fail()
    assert [(step.name, step.phase, step.subject) for step in steps] == [("copy", "begin", "key")]


def view_job(view: JobView) -> None:
    stream = io.StringIO()
    run_job(stream)
    for line in stream.getvalue().splitlines(keepends=True):
        view.take(line)
    view.take("Traceback [most] recent")


def test_a_view_shows_lines_and_keeps_the_summary(console: Console) -> None:
    view = JobView(console, wants_json=False)
    view_job(view)

    assert view.driver_pid == 42
    assert view.summary is not None
    assert view.summary["rows"]["ingest"]["raw"] == 2400
    assert "event" not in view.summary
    text = shown(console)
    assert "ingest batch 3: raw 1,200" in text
    assert "error: S3: gone" in text
    assert "2,400" in text
    assert text.endswith("Traceback [most] recent\n")
    assert "{" not in text


def test_a_view_without_a_terminal_passes_json_lines_on(console: Console) -> None:
    view = JobView(console, wants_json=True)
    view_job(view)

    lines = [json.loads(line) for line in shown(console).splitlines()]
    assert [line["event"] for line in lines] == ["driver", "batch", "batch", "error", "summary", "log"]
    assert lines[-1]["message"] == "Traceback [most] recent"
    assert all({"time", "level", "query", "batch", "batch_id", "offsets"} <= set(line) for line in lines)


def test_the_resolver_s_noise_is_held_back_until_it_has_ended(console: Console) -> None:
    noise = SubmitNoise(lambda line: console.print(line.rstrip(), markup=False))

    for line in (
        ":: loading settings\n", "downloading https://repo/a.jar ...\n", "\tfound x\n",
        "\t0 artifacts copied, 21 already retrieved (0kB/9ms)\n", "\tconfs: [default]\n", "\n",
        "WARNING: Using incubator modules: jdk.incubator.vector\n", "a [real] warning\n",
    ):  # fmt: skip
        noise.take(line)

    assert shown(console) == "downloading https://repo/a.jar ...\na [real] warning\n"
    assert ":: loading settings" in noise.explain()


def test_what_was_held_back_explains_a_start_that_failed(console: Console) -> None:
    noise = SubmitNoise(lambda line: console.print(line.rstrip(), markup=False))

    for number in range(100):
        noise.take(f"line {number}\n")

    assert shown(console) == ""
    assert noise.explain().splitlines() == [f"line {number}" for number in range(40, 100)]
