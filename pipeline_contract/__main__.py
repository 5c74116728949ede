"""Command line: check contract files, and show what a contract derives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ContractError, PipelineError
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
    files: Annotated[list[str], typer.Argument(help="Contract files, or names of pipelines.", show_default=False)],
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
    pipeline: Annotated[str, typer.Argument(help="A pipeline's name, or its contract file.", show_default=False)],
    json_schema: Annotated[bool, typer.Option("--json-schema", help="Only the JSON Schema of one event.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Show on one page what a contract derives: columns, topic, lake, tables, DDL.

    Example: python -m pipeline_contract show flights
    """
    with exit_on_error():
        contract = load_contract(find_contract(pipeline))
    if json_schema:
        typer.echo(json.dumps(derive_json_schema(contract), indent=2, ensure_ascii=False))
    elif as_json:
        typer.echo(json.dumps(describe_pipeline(contract), ensure_ascii=False))
    else:
        console = Console()
        console = console if console.is_terminal else Console(width=PAGE_WIDTH)
        console.print(render_page(contract))


def _find_problems(name: str) -> list[str]:
    try:
        contract = load_contract(find_contract(name))
    except ContractError as error:
        return error.problems
    except PipelineError as error:
        return [str(error)]
    return find_lookup_problems(contract, Path())


if __name__ == "__main__":
    app()
