"""The command `python -m kafka_consumer`: a pipeline's topics into a destination, every row exactly once."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import Annotated

import orjson
import typer
from rich.console import Console

from connections.metrics_endpoint import serve_registry
from connections.settings import Settings, load_settings
from kafka_consumer.buffer import Limits
from kafka_consumer.destination import open_destination
from kafka_consumer.metrics import Metrics
from kafka_consumer.plan import RunPlan, build_plan_table, plan_run
from kafka_consumer.report import Report, RunSummary, build_table, open_view
from kafka_consumer.runner import Job, Runner
from kafka_consumer.stopping import catch_signals
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.model import Contract
from pipeline_contract.ways import name_group, name_way

MAX_ROWS = 50_000
MAX_BYTES = 64 * 1024 * 1024
MAX_AGE_S = 5.0

app = typer.Typer(
    help="Kafka into a destination without Spark, every row exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """One consumer, several destinations."""


@app.command(epilog="Example: python -m kafka_consumer run readings --to snowflake --max-age 1")
def run(
    pipeline: Annotated[str, typer.Argument(help="A pipeline's name, or its contract file.", show_default=False)],
    to: Annotated[str, typer.Option("--to", help="snowflake, s3, lambda, or a destination of another package.")],
    available_now: Annotated[bool, typer.Option("--available-now", help="Drain the topics and stop.")] = False,
    max_rows: Annotated[int, typer.Option(min=1, help="Most rows of a batch.")] = MAX_ROWS,
    max_bytes: Annotated[int, typer.Option(min=1, help="Most bytes of a batch.")] = MAX_BYTES,
    max_age: Annotated[
        float, typer.Option(min=0.0, help="Seconds that a row waits at most for its batch.")
    ] = MAX_AGE_S,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve Prometheus metrics here; 0 takes a free port.")
    ] = None,
    env: Annotated[str, typer.Option("--env", help="Settings: a name in conf/environments, or a TOML file.")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print results and errors only.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say where it would begin, and read nothing.")] = False,
) -> None:
    """Write the pipeline's topics to a destination until Ctrl-C; a restart goes on where the destination stands."""
    talk = Console(stderr=True, quiet=quiet, highlight=False, markup=False, soft_wrap=True)
    with exit_on_error():
        settings, contract = load_settings(env), load_contract(find_contract(pipeline))
        job = Job(
            topics=(contract.topic.name, contract.topic.rejected),
            group=name_group(contract.name, name_way(to)),
            limits=Limits(max_rows, max_bytes, max_age),
            max_message_bytes=contract.topic.max_message_bytes,
            until_drained=available_now,
        )
        with catch_signals() as stop, closing(open_destination(to, contract, settings)) as destination:
            if dry_run:
                print_plan(plan_run(settings, job, destination), as_json)
                return
            port = settings.consumer.metrics_port if metrics_port is None else metrics_port
            with ExitStack() as stack:
                report = open_report(stack, settings, contract, name_way(to), port, talk)
                Runner(settings, job, destination, report, stop).run()
    print_summary(report.summarise(), as_json, quiet)


def open_report(
    stack: ExitStack, settings: Settings, contract: Contract, way: str, metrics_port: int | None, talk: Console
) -> Report:
    """The report of a run, and the address of its metrics where there is one."""
    metrics = Metrics(contract.name, way)
    if metrics_port is not None:
        address = settings.consumer.metrics_address
        url = stack.enter_context(serve_registry(metrics.registry, address, metrics_port, "consumer.metrics_port"))
        talk.print(f"metrics at {url}")
    view = stack.enter_context(open_view(talk, f"{contract.name} {way}"))
    if contract.dedupe is not None:
        talk.print(
            f"the contract's [dedupe] is the Spark job's: the way {way} keeps rows whose key was there before "
            "(docs/direct.md)"
        )
    return Report(contract.name, way, view, metrics, talk.print)


def print_plan(plan: RunPlan, as_json: bool) -> None:
    """What a run would do, on standard output."""
    if as_json:
        typer.echo(orjson.dumps(plan.model_dump()))
    else:
        Console().print(build_plan_table(plan))


def print_summary(summary: RunSummary, as_json: bool, quiet: bool) -> None:
    """The result: one JSON object, or a table."""
    if as_json:
        typer.echo(orjson.dumps(summary.model_dump()))
    elif not quiet:
        Console().print(build_table(summary))


if __name__ == "__main__":
    app(prog_name="python -m kafka_consumer")
