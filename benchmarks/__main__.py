"""`python -m benchmarks`: measurements against what they are compared with."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer
from rich.console import Console

from benchmarks.direct_load import compare
from connections.settings import load_settings
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.contract_file import find_contract, load_contract

app = typer.Typer(
    help="Measurements against what they are compared with.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback()
def main() -> None:
    """Each prints one JSON object."""


@app.command(epilog="Example: python -m benchmarks direct-load flights --runs 3")
def direct_load(
    pipeline: Annotated[str, typer.Argument(help="A pipeline with rows in its topic.")] = "flights",
    runs: Annotated[int, typer.Option(min=1, help="Runs of each; the medians count.")] = 3,
    one_by_one: Annotated[int, typer.Option(min=1, help="Rows of each run of executemany.")] = 300,
    env: Annotated[str, typer.Option("--env", help="Settings: a name in conf/environments.")] = "local",
) -> None:
    """Load a pipeline's topic with the consumer, and a part of it by `executemany`, into tables that are dropped again."""
    with exit_on_error():
        settings, contract = load_settings(env), load_contract(find_contract(pipeline))
        comparison = compare(settings, contract, runs, one_by_one, Console(stderr=True))
    typer.echo(orjson.dumps(comparison.model_dump()))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
