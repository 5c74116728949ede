"""Command line: check contract files, and show what a contract derives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline_contract import command_options as o
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.data_sets import load_data_set
from pipeline_contract.errors import ContractError, PipelineError
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_page import describe_events, render_event_page
from pipeline_contract.event_schema import derive_event_schema
from pipeline_contract.json_schema import derive_json_schema
from pipeline_contract.lookup_files import find_lookup_problems
from pipeline_contract.page import describe_pipeline, render_page

app = typer.Typer(
    help="Check pipeline contracts, and show what they derive.", no_args_is_help=True, pretty_exceptions_enable=False
)
# Wide enough for a page whose reader is a file or a pager.
PAGE_WIDTH = 160


@app.command()
def check(
    files: Annotated[
        list[str], typer.Argument(help="Contract files, or names of pipelines and sets of events.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing of the files that hold.")] = False,
) -> None:
    """Check contract files: every problem of every file. Exit code 2 if there is any.

    Example: python -m pipeline_contract check conf/pipelines/*.toml
    """
    found = {name: _find_problems(name) for name in files}
    if as_json:
        typer.echo(json.dumps({"ok": not any(found.values()), "problems": found}, ensure_ascii=False))
    for name, problems in found.items():
        if problems:
            typer.echo(f"Error: {ContractError(name, problems)}", err=True)
        elif not quiet and not as_json:
            typer.echo(f"OK {name}")
    if any(found.values()):
        raise typer.Exit(2)


@app.command()
def show(
    name: o.DataSetArgument,
    json_schema: Annotated[bool, typer.Option("--json-schema", help="Only the JSON Schema of one event.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Show on one page what a contract derives: columns, topic, lake, tables, DDL.

    Example: python -m pipeline_contract show flights
    """
    with exit_on_error():
        contract = load_data_set(name)
    if json_schema:
        schema = derive_event_schema(contract) if isinstance(contract, EventContract) else derive_json_schema(contract)
        typer.echo(json.dumps(schema, indent=2, ensure_ascii=False))
    elif as_json:
        facts = describe_events(contract) if isinstance(contract, EventContract) else describe_pipeline(contract)
        typer.echo(json.dumps(facts, ensure_ascii=False))
    else:
        console = Console()
        console = console if console.is_terminal else Console(width=PAGE_WIDTH)
        console.print(render_event_page(contract) if isinstance(contract, EventContract) else render_page(contract))


def _find_problems(name: str) -> list[str]:
    try:
        contract = load_data_set(name)
    except ContractError as error:
        return error.problems
    except PipelineError as error:
        return [str(error)]
    return [] if isinstance(contract, EventContract) else find_lookup_problems(contract, Path())


if __name__ == "__main__":
    app()
