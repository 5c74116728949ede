"""The script that spark-submit runs: `spark-submit … spark_streaming/job.py run flights --env local`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from threading import Event

import typer
from pyspark.sql import SparkSession

from connections.settings import load_settings
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import PipelineError
from spark_streaming import options as o
from spark_streaming.backfill import backfill_range
from spark_streaming.backfill_plan import parse_request
from spark_streaming.closing import close_windows
from spark_streaming.compaction import compact_lake
from spark_streaming.log_lines import capture_logging
from spark_streaming.pipeline_job import PipelineJob, RunOptions
from spark_streaming.query import Trigger
from spark_streaming.report import Report
from spark_streaming.steps import Listener
from spark_streaming.stopping import listen_for_signals

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
_DEFAULT_INTERVAL = "5 seconds"


@app.callback()
def job() -> None:
    """Keeps `run` and `close` as verbs."""


@app.command()
def run(
    pipeline: o.Pipeline,
    env: o.Environment = "local",
    available_now: o.AvailableNow = False,
    trigger: o.Interval = None,
    max_offsets_per_trigger: o.MaxOffsets = o.MAX_OFFSETS_PER_TRIGGER,
    starting_offsets: o.StartingOffsets = None,
    checkpoint: o.CheckpointRoot = None,
    query: o.Query = o.QueryChoice.ALL,
    metrics_port: o.MetricsPort = None,
    quiet: o.Quiet = False,
) -> None:
    """Run the pipeline's queries inside the Spark application that spark-submit has started."""
    interval = None if available_now else trigger or _DEFAULT_INTERVAL
    run_options = RunOptions(
        query.value, Trigger(interval), max_offsets_per_trigger, starting_offsets, checkpoint, metrics_port
    )
    stop = Event()
    listen_for_signals(stop)

    def work(job: PipelineJob) -> None:
        if not stop.is_set():
            listen_for_signals(stop)  # Spark's start has put a handler of its own in place of SIGINT's
        job.run(run_options, stop)

    raise SystemExit(execute(pipeline, env, work, quiet))


@app.command()
def close(
    pipeline: o.Pipeline,
    env: o.Environment = "local",
    quiet: o.Quiet = False,
) -> None:
    """Publish the windows that the watermark still holds open."""
    raise SystemExit(execute(pipeline, env, close_windows, quiet))


@app.command()
def compact(
    pipeline: o.Pipeline,
    env: o.Environment = "local",
    output: o.CompactedOutput = None,
    quiet: o.Quiet = False,
) -> None:
    """Merge small published files into large ones."""
    raise SystemExit(execute(pipeline, env, lambda job: compact_lake(job, output), quiet))


@app.command()
def backfill(
    pipeline: o.Pipeline,
    event_from: o.EventFrom,
    event_to: o.EventTo,
    env: o.Environment = "local",
    source: o.Source = o.SourceChoice.RAW,
    rejected: o.WithRejected = False,
    quiet: o.Quiet = False,
) -> None:
    """Judge the rows of a range of event time again and publish them as an operation."""

    def work(job: PipelineJob) -> None:
        backfill_range(job, parse_request(event_from, event_to, source.value, rejected))

    raise SystemExit(execute(pipeline, env, work, quiet))


def execute(
    pipeline: str,
    env: str,
    work: Callable[[PipelineJob], None],
    quiet: bool,
    listener: Listener = lambda _: None,
) -> int:
    """Do the work in this Spark application and return the exit code; an error is one message, not a stack."""
    capture_logging(sys.stdout)
    report = Report(sys.stdout, quiet)
    report.say("driver", pid=os.getpid())
    if home := os.environ.get("MILLRACE_HOME"):
        # Contracts, settings and reference data are named from the project's folder, wherever a cluster has put it.
        os.chdir(home)
    try:
        settings = load_settings(env)
        contract = load_contract(find_contract(pipeline))
        report.pipeline = contract.name
        spark = SparkSession.builder.appName(f"millrace {contract.name}").getOrCreate()
        work(PipelineJob(spark, settings, contract, report, listener))
    except PipelineError as error:
        report.say("error", kind=type(error).__name__, message=str(error), **error.context)
        return error.exit_code
    report.summarise()
    return 0


if __name__ == "__main__":
    app()
