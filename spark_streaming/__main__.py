"""`python -m spark_streaming run flights`: assembles the spark-submit command of the job and runs it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from connections.ledger import Ledger
from connections.python_packages import PythonPlatform
from connections.s3 import open_s3
from connections.settings import load_settings
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import PipelineError
from pipeline_contract.outputs import INGEST
from spark_streaming import options as o
from spark_streaming.backfill_plan import parse_request, plan_backfill
from spark_streaming.checkpoint_changes import plan_rewind, plan_start_over
from spark_streaming.cluster_package import build_package
from spark_streaming.compaction_plan import choose_outputs, plan_compaction
from spark_streaming.current_files import list_current_files, print_files
from spark_streaming.delta_commands import Answer, AsJson, DryRun, OlderThan, optimize_table, vacuum_table
from spark_streaming.launch import run_command
from spark_streaming.operating import change_checkpoint, open_query, open_started
from spark_streaming.status import read_status
from spark_streaming.status_view import show_status
from spark_streaming.submission import Submission, plan_submission
from spark_streaming.submit import build_environment
from spark_streaming.targets import Target

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
PrintCommand = Annotated[bool, typer.Option("--print-command", help="Only print the command that starts the job.")]
PrintTarget = Annotated[Target | None, typer.Option("--target", help="Print the command for this kind of cluster.")]
PlanAsJson = Annotated[bool, typer.Option("--json", help="Print the plan as a JSON object a line.")]
OneQuery = Annotated[str, typer.Option("--query", help="ingest, or aggregate-<name>.")]


@app.callback()
def spark_streaming() -> None:
    """Keeps the verbs."""


@app.command(epilog="Example: python -m spark_streaming run flights --available-now")
def run(
    pipeline: o.Pipeline,
    *,
    env: o.Environment = "local",
    available_now: o.AvailableNow = False,
    trigger: o.Interval = None,
    max_offsets_per_trigger: o.MaxOffsets = o.MAX_OFFSETS_PER_TRIGGER,
    starting_offsets: o.StartingOffsets = None,
    checkpoint: o.CheckpointRoot = None,
    query: o.Query = o.QueryChoice.ALL,
    metrics_port: o.MetricsPort = None,
    json_summary: o.Json = False,
    quiet: o.Quiet = False,
    print_command: PrintCommand = False,
    target: PrintTarget = None,
) -> None:
    """Read the pipeline's topic and publish raw, curated and rejected rows, and closed windows, to the lake."""
    arguments = {
        "--trigger": trigger,
        "--max-offsets-per-trigger": max_offsets_per_trigger,
        "--starting-offsets": starting_offsets,
        "--checkpoint": checkpoint,
        "--query": query.value,
        "--metrics-port": metrics_port,
    }
    flags = {"--available-now": available_now, "--quiet": quiet}
    submission = prepare(["run", pipeline, "--env", env], arguments, flags, checkpoint, target)
    submit(submission, json_summary, print_command or target is not None)


@app.command(epilog="Example: python -m spark_streaming close flights")
def close(
    pipeline: o.Pipeline,
    env: o.Environment = "local",
    json_summary: o.Json = False,
    quiet: o.Quiet = False,
    print_command: PrintCommand = False,
    target: PrintTarget = None,
) -> None:
    """Publish the windows that the watermark still holds open, once the topic is drained."""
    submission = prepare(["close", pipeline, "--env", env], {}, {"--quiet": quiet}, None, target)
    submit(submission, json_summary, print_command or target is not None)


@app.command(epilog="Example: python -m spark_streaming package --python-version 3.12")
def package(
    python_version: Annotated[
        str | None, typer.Option("--python-version", help="Python of the cluster's nodes; else the one that runs this.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Their platform, such as aarch64-manylinux_2_28; else this one.")
    ] = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Build dist/millrace.tar.gz: what a cluster needs of this project, its contracts and reference data included."""
    with exit_on_error():
        python = PythonPlatform(python_version or PythonPlatform().version, platform)
        built = build_package(Path(), python, os.environ)
    if as_json:
        sys.stdout.write(json.dumps(asdict(built), default=str) + "\n")
    elif not quiet:
        size, unpacked = built.bytes / 1e6, built.unpacked_bytes / 1e6
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"{built.path}: {size:.0f} MB, {built.files} files ({unpacked:.0f} MB), for Python {python.version}"
        )


@app.command(epilog="Example: python -m spark_streaming compact flights --dry-run")
def compact(
    pipeline: o.Pipeline,
    env: o.Environment = "local",
    output: o.CompactedOutput = None,
    dry_run: o.DryRun = False,
    json_summary: o.Json = False,
    quiet: o.Quiet = False,
    print_command: PrintCommand = False,
    target: PrintTarget = None,
) -> None:
    """Merge small files that the warehouse has loaded into files of the contract's target size."""
    if dry_run:
        with exit_on_error():
            settings, contract = load_settings(env), load_contract(find_contract(pipeline))
            print_plan(plan_compaction(settings, contract, choose_outputs(contract, output)).describe(), json_summary)
        return
    submission = prepare(["compact", pipeline, "--env", env], {"--output": output}, {"--quiet": quiet}, None, target)
    submit(submission, json_summary, print_command or target is not None)


@app.command(epilog="Example: python -m spark_streaming backfill flights --from 2013-01-01 --to 2013-02-01 --dry-run")
def backfill(
    pipeline: o.Pipeline,
    event_from: o.EventFrom,
    event_to: o.EventTo,
    env: o.Environment = "local",
    source: o.Source = o.SourceChoice.RAW,
    rejected: o.WithRejected = False,
    dry_run: o.DryRun = False,
    json_summary: o.Json = False,
    quiet: o.Quiet = False,
    print_command: PrintCommand = False,
    target: PrintTarget = None,
) -> None:
    """Judge the rows of a half-open range of event time again with today's contract, and replace what was published."""
    with exit_on_error():
        request = parse_request(event_from, event_to, source.value, rejected)
        if dry_run:
            settings, contract = load_settings(env), load_contract(find_contract(pipeline))
            ledger = Ledger(open_s3(settings.s3), settings.s3.bucket, contract.name, INGEST)
            print_plan(plan_backfill(ledger, contract, request).describe(), json_summary)
            return
    arguments: dict[str, str | int | None] = {"--from": event_from, "--to": event_to, "--source": source.value}
    submission = prepare(
        ["backfill", pipeline, "--env", env], arguments, {"--rejected": rejected, "--quiet": quiet}, None, target
    )
    submit(submission, json_summary, print_command or target is not None)


@app.command(epilog="Example: python -m spark_streaming files flights --output curated")
def files(
    pipeline: o.Pipeline,
    output: Annotated[str, typer.Option("--output", help="raw, curated or rejected.")] = "curated",
    env: o.Environment = "local",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array, with rows, bytes and SHA-256.")] = False,
) -> None:
    """List the files that hold an output's rows now: what is published, after compactions and backfills."""
    with exit_on_error():
        settings, contract = load_settings(env), load_contract(find_contract(pipeline))
        print_files(settings.s3.bucket, list_current_files(settings, contract, output), as_json)


def print_plan(lines: list[str], as_json: bool) -> None:
    """Write a plan, a line for each of its steps, or one JSON array of them."""
    sys.stdout.write(json.dumps(lines) + "\n" if as_json else "".join(f"{line}\n" for line in lines))


@app.command(epilog="Example: python -m spark_streaming status flights")
def status(
    pipeline: o.Pipeline,
    env: o.Environment = "local",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say where each query is, by its ledger, its checkpoint and the topic; 1: they disagree, 3: Kafka is away."""
    with exit_on_error():
        found = read_status(load_settings(env), load_contract(find_contract(pipeline)))
        if as_json:
            sys.stdout.write(json.dumps(asdict(found), default=str) + "\n")
        else:
            show_status(found, Console(highlight=False, soft_wrap=True))
    raise SystemExit(1 if any(query.conflict for query in found.queries) else 3 if found.trouble else 0)


@app.command(epilog="Example: python -m spark_streaming rewind flights --query ingest --to-batch 41 --dry-run")
def rewind(
    pipeline: o.Pipeline,
    query: OneQuery,
    to_batch: Annotated[int, typer.Option("--to-batch", min=-1, help="The batch to be the last committed one.")],
    env: o.Environment = "local",
    dry_run: o.DryRun = False,
    as_json: PlanAsJson = False,
) -> None:
    """Set a query's checkpoint back to one of the last two published batches; nothing published is touched."""
    with exit_on_error():
        settings, contract = load_settings(env), load_contract(find_contract(pipeline))
        ledger, checkpoint = open_query(settings, contract, query)
        change_checkpoint(ledger, checkpoint, lambda: plan_rewind(ledger, checkpoint, to_batch), dry_run, as_json)


@app.command(
    epilog="Example: python -m spark_streaming start-over flights --query aggregate-hourly_departures --dry-run"
)
def start_over(
    pipeline: o.Pipeline,
    query: Annotated[str | None, typer.Option("--query", help="One query alone, such as ingest; else all.")] = None,
    env: o.Environment = "local",
    dry_run: o.DryRun = False,
    as_json: PlanAsJson = False,
) -> None:
    """Empty the checkpoints, so that the next start begins new lineages; nothing published is touched or done twice."""
    with exit_on_error():
        settings, contract = load_settings(env), load_contract(find_contract(pipeline))
        opened = [open_query(settings, contract, query)] if query else open_started(settings, contract)
        for ledger, checkpoint in opened:
            plan = partial(plan_start_over, ledger, checkpoint)
            change_checkpoint(ledger, checkpoint, plan, dry_run, as_json)


@app.command(epilog="Example: python -m spark_streaming optimize flights --dry-run")
def optimize(
    pipeline: o.Pipeline,
    env: o.Environment = "local",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Merge the small files of a Delta table, partition by partition, up to the contract's target size."""
    with exit_on_error():
        settings, contract = load_settings(env), load_contract(find_contract(pipeline))
        optimize_table(settings, contract, dry_run, Answer(as_json, quiet))


@app.command(epilog='Example: python -m spark_streaming vacuum flights --older-than "7 days"')
def vacuum(
    pipeline: o.Pipeline,
    older_than: OlderThan = "7 days",
    env: o.Environment = "local",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Delete what merges of a Delta table have left behind; the batches' own files stay."""
    with exit_on_error():
        settings, contract = load_settings(env), load_contract(find_contract(pipeline))
        vacuum_table(settings, contract, older_than, dry_run, Answer(as_json, quiet))


def prepare(
    verb: list[str],
    arguments: dict[str, str | int | None],
    flags: dict[str, bool],
    checkpoint: str | None,
    target: Target | None = None,
) -> Submission:
    """Check what can be checked without Spark, and assemble the command of one verb of the job."""
    given = [part for name, value in arguments.items() if value is not None for part in (name, str(value))]
    job_arguments = [*verb, *given, *(name for name, wanted in flags.items() if wanted)]
    try:
        settings = load_settings(verb[3])
        contract = load_contract(find_contract(verb[1]))
        return plan_submission(settings, contract, job_arguments, checkpoint, target)
    except PipelineError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {error}", markup=False, style="red")
        raise SystemExit(error.exit_code) from None


def submit(submission: Submission, json_summary: bool, print_command: bool) -> None:
    """Run the command, or print it as a shell would take it."""
    if print_command:
        sys.stdout.write(shlex.join(submission.command) + "\n")
        return
    environment = build_environment(os.environ, submission.settings.s3)
    raise SystemExit(run_command(submission.command, environment, json_summary))


if __name__ == "__main__":
    app()
