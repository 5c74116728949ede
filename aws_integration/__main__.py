"""`python -m aws_integration`: the Glue catalog over the objects of the way `s3`, queries on Athena, Lambda functions."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aws_integration import presentation
from aws_integration.api_commands import api
from aws_integration.catalog import open_site
from aws_integration.catalog_commands import catalog, load_names
from aws_integration.function_commands import function, package
from aws_integration.infrastructure_commands import deploy, diff, teardown, template
from aws_integration.options import TimeoutOption
from aws_integration.query import run_query
from aws_integration.role_commands import roles
from aws_integration.way_policies import list_policies
from connections.settings import load_settings
from pipeline_contract import command_options as o
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.data_sets import load_data_set

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The AWS side of a pipeline. Example: python -m aws_integration catalog deploy flights --dry-run",
)
app.add_typer(api, name="api")
app.add_typer(catalog, name="catalog")
app.add_typer(package, name="package")
app.add_typer(function, name="function")
for verb in (roles, deploy, diff, teardown, template):
    app.command()(verb)


@app.command()
def query(
    pipeline: o.PipelineArgument,
    statement: Annotated[str, typer.Argument(help="One SELECT, SHOW or DESCRIBE.", show_default=False)],
    environment: o.EnvironmentOption = "local",
    timeout_s: TimeoutOption = 300.0,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Run one statement on Athena, show its rows, and say what it has scanned and costs.

    Example: python -m aws_integration query flights "select count(*) from flights where month = '2013-01'"
    """
    talk = presentation.open_talk(quiet)
    with exit_on_error():
        _, settings, names = load_names(pipeline, environment)
        with presentation.show_waiting(talk, "Athena") as say:
            answer = run_query(open_site(settings.s3).athena, names, statement, timeout_s, say)
    talk.print(presentation.describe_cost(answer))
    if as_json:
        typer.echo(presentation.dump_json(presentation.answer_record(answer)))
    else:
        presentation.open_page().print(presentation.show_answer(answer))


@app.command()
def policies(name: o.DataSetArgument, environment: o.EnvironmentOption = "aws") -> None:
    """Print the IAM policies of the ways into objects, through Lambda, through the API and from MSK, as one JSON object by role.

    Example: python -m aws_integration policies flights --env aws
    """
    with exit_on_error():
        typer.echo(json.dumps(list_policies(load_data_set(name), load_settings(environment)), indent=2))


if __name__ == "__main__":
    app()
