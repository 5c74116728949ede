"""Command line: prove that every row arrived exactly once, or say where it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from connections.settings import Settings, load_settings
from pipeline_contract import command_options as o
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.data_sets import DataSet, load_data_set
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_model import EventContract
from pipeline_contract.model import Contract
from pipeline_contract.raw_encryption import KEY_VARIABLE, Place, decrypt_value, derive_keys
from reconciliation.check import Say, check_pipeline
from reconciliation.event_check import check_events
from reconciliation.fast_check import check_quickly
from reconciliation.report import render_report
from reconciliation.statement import NOT_FINISHED, Statement
from reconciliation.way_check import READERS, check_way

app = typer.Typer(
    help="Prove that every row arrived exactly once, or say where it is.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
REPORT_WIDTH = 140


@app.callback()
def main() -> None:
    """Compare source, topic, objects, load history and tables of a pipeline."""


Check = Callable[[Settings, Contract, Say], Statement]
EVENTS = "events"


def run_check(
    settings: Settings, contract: DataSet, way: str | None, fast: bool, sources: Sequence[Path], limit: int, say: Say
) -> Statement:
    """The statement of a data set's way: a pipeline's is the lake unless another one is named, events have one."""
    if not isinstance(contract, EventContract):
        return choose_check(way or "lake", fast, sources, limit)(settings, contract, say)
    if way not in (None, EVENTS) or fast or sources:
        raise ConfigurationError(
            f"{contract.name} are events, which have one way: leave --way, --fast and --source out"
        )
    return check_events(settings, contract, datetime.now(UTC).replace(tzinfo=None), limit, say)


def repeat_while_pending(check: Callable[[], Statement], wait_s: float) -> Statement:
    """The first statement by which nothing is on its way or something has failed, or the last one within the time."""
    retrying = Retrying(
        retry=retry_if_result(lambda statement: statement.exit_code == NOT_FINISHED),
        wait=wait_fixed(1),
        stop=stop_after_delay(wait_s),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    statement: Statement = retrying(check)
    return statement


def choose_check(way: str, fast: bool, sources: Sequence[Path], limit: int) -> Check:
    """The check of a pipeline's way; the quick one trusts a ledger, which the lake alone has."""
    if way == "lake":
        return check_quickly if fast else lambda s, c, say: check_pipeline(s, c, sources, limit, say)
    if way not in READERS:
        raise ConfigurationError(f"--way: found {way!r}, allowed: {', '.join(['lake', *sorted(READERS)])}")
    if fast:
        raise ConfigurationError(f"--fast: the way {way} has no ledger to trust; leave the option out")
    return lambda s, c, say: check_way(s, c, way, sources, limit, say)


@app.command()
def check(
    pipeline: o.DataSetArgument,
    env: Annotated[str, typer.Option(help="Environment: a name in conf/environments, or a TOML file.")] = "local",
    source: Annotated[
        list[Path] | None, typer.Option(help="Where a replayed file lies now; may be given several times.")
    ] = None,
    way: Annotated[
        str | None,
        typer.Option(help="The way whose end is checked: lake (unless told otherwise), direct, s3 or lambda."),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Trust the ledger, and count instead of comparing rows.")
    ] = False,
    wait_s: Annotated[
        float, typer.Option("--wait", min=0, help="Check again for so many seconds while rows are on their way.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not tell of the steps.")] = False,
    limit_details: Annotated[int, typer.Option(min=1, help="Most ranges, files and objects named at one place.")] = 20,
) -> None:
    """Account for every row of a pipeline.

    Exit code 0: complete, nothing pending. 1: something is missing, there twice, altered or unexplained. 4: rows are
    still on their way.

    Example: python -m reconciliation check flights
    """
    talk = Console(stderr=True, quiet=quiet)
    with exit_on_error():
        settings = load_settings(env)
        contract = load_data_set(pipeline)
        with talk.status(f"reconciling {contract.name}") as status:

            def say(step: str) -> None:
                status.update(step)
                if not talk.is_terminal:
                    talk.print(step)

            statement = repeat_while_pending(
                lambda: run_check(settings, contract, way, fast, source or [], limit_details, say), wait_s
            )
    if as_json:
        typer.echo(json.dumps(statement.as_json(), ensure_ascii=False))
    else:
        console = Console()
        console = console if console.is_terminal else Console(width=REPORT_WIDTH)
        console.print(render_report(statement))
    raise typer.Exit(statement.exit_code)


@app.command()
def decrypt(
    stored: Annotated[
        str, typer.Argument(help="The value in hexadecimal, as Snowflake shows it; - reads it from standard input.")
    ],
    topic_id: Annotated[str, typer.Option(help="The row's _topic_id.", show_default=False)],
    partition: Annotated[int, typer.Option(help="The row's _partition.", show_default=False)],
    offset: Annotated[int, typer.Option(help="The row's _offset.", show_default=False)],
    column: Annotated[str, typer.Option(help="value, or key of a raw row.")] = "value",
    env: Annotated[str, typer.Option(help="Environment: a name in conf/environments, or a TOML file.")] = "local",
) -> None:
    """Write the bytes of an encrypted raw or rejected row; the key comes from MILLRACE_SPARK__RAW_KEY alone.

    Example: python -m reconciliation decrypt 934D5201… --topic-id 5fxGYyOQTYGkZ2bzYQdPFQ --partition 0 --offset 17
    """
    with exit_on_error():
        key = load_settings(env).spark.raw_key
        if key is None:
            raise ConfigurationError(f"set the key in the environment variable {KEY_VARIABLE}")
        keys, place = derive_keys(key.get_secret_value()), Place(topic_id, partition, offset)
        opened = decrypt_value(keys, place, column, read_hexadecimal(sys.stdin.read() if stored == "-" else stored))
    sys.stdout.buffer.write(opened)


def read_hexadecimal(text: str) -> bytes:
    """The bytes that a text of hexadecimal digits means."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ConfigurationError(
            "the value is not hexadecimal; Snowflake shows it so, or by TO_VARCHAR(value, 'HEX')"
        ) from None


if __name__ == "__main__":
    app()
