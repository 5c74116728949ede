"""`python -m demo`: the whole way in the sandbox, with sample data, and the jars that it needs."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.syntax import Syntax

from connections.settings import Settings, load_settings
from demo.command_runner import CommandRunner
from demo.demonstration import Demonstration
from demo.guide import write_event_guide, write_guide
from demo.jars import fetch_kafka_jars, fetch_spark_jars
from demo.stages import Way, plan_events, plan_way
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.data_sets import DataSet, load_data_set
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_model import EventContract

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The whole way in the sandbox, with sample data. Example: python -m demo run flights",
)


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help="flights, readings or events.", show_default=False)],
    environment: Annotated[str, typer.Option("--env", help="Settings: a name in conf/environments.")] = "local",
    way: Annotated[
        str | None,
        typer.Option(
            "--way", help="Of a pipeline: lake (through Spark, S3 and Snowpipe; the default), direct, s3, lambda."
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the sandbox up, and say how to connect to it.")] = False,
) -> None:
    """Take sample data through Kafka and one of the ways behind it, or events by HTTP, and prove that every row is there.

    Everything that it starts it stops again; a sandbox that ran before stays up. The last line on standard output is
    the reconciliation's JSON object, the exit code is the reconciliation's too.

    Example: python -m demo run flights
    """
    console = Console(stderr=True, highlight=False)
    with exit_on_error():
        settings = load_settings(environment)
        contract = load_data_set(pipeline)
        planned = choose_way(contract, environment, settings, way)
    demonstration = Demonstration(console, CommandRunner())
    with demonstration.runner.end_on_signals():
        if running := demonstration.find_running(environment):
            console.print(f"running already, and left so at the end: {', '.join(running)}")
        status, proof = demonstration.run_way(planned, stays_up=keep or bool(running))
        demonstration.show_times()
    if keep:
        show_guide(console, settings, contract)
    if proof:
        typer.echo(proof)
    raise typer.Exit(status)


def choose_way(contract: DataSet, environment: str, settings: Settings, way: str | None) -> Way:
    """The way of a data set's sample data."""
    folder = settings.sandbox.state_dir / "sample-data"
    if not isinstance(contract, EventContract):
        return plan_way(contract, environment, folder, way or "lake")
    if way is not None:
        raise ConfigurationError(f"--way: {contract.name} are events, which have one way: leave the option out")
    return plan_events(contract, environment, folder)


@app.command()
def fetch_jars() -> None:
    """Fetch the jars of Kafka and Spark from Maven Central, where they are not there yet.

    Example: python -m demo fetch-jars
    """
    with exit_on_error():
        fetch_kafka_jars(Console(stderr=True))
        fetch_spark_jars(os.environ)


def show_guide(console: Console, settings: Settings, contract: DataSet) -> None:
    """Say how to look around, and how to end it."""
    console.print("\nThe sandbox stays up. To look around (`.venv/bin/python`):")
    guide = (
        write_event_guide(settings, contract)
        if isinstance(contract, EventContract)
        else write_guide(settings, contract)
    )
    for title, program in guide.items():
        console.print(f"\n[bold]{title}[/bold]")
        console.print(Syntax(program, "python", background_color="default"), soft_wrap=True)
    console.print(
        "`make down` stops it and keeps its state; `python -m sandbox reset` deletes the state too.\n", soft_wrap=True
    )


if __name__ == "__main__":
    sys.exit(app())
