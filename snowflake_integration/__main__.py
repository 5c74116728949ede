"""`python -m snowflake_integration`: render, deploy, query, watch and tear down a pipeline's Snowflake side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated

import typer

from connections.contract_history import read_contracts
from connections.ledger_objects import LedgerObjects
from connections.settings import Settings, load_settings
from connections.warehouse import execute_statement, name_warehouse, open_warehouse
from pipeline_contract import command_options as o
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.data_sets import DataSet, load_data_set
from pipeline_contract.errors import CheckFailed, ConfigurationError
from pipeline_contract.evolution import check_evolution
from pipeline_contract.model import Contract
from snowflake_integration import presentation
from snowflake_integration.access import describe_policies, describe_trust
from snowflake_integration.backfill import apply_backfill, describe_application, describe_applied, plan_applications
from snowflake_integration.deployment import Done, Site, carry_out, look_around, open_site
from snowflake_integration.migration import check_tables, plan_migration
from snowflake_integration.naming import derive_names
from snowflake_integration.options import TimeoutOption
from snowflake_integration.pipes import read_load_states, take_role
from snowflake_integration.plan import Step, plan_deployment, plan_teardown
from snowflake_integration.rendering import (
    DEPLOYED,
    ERROR_NOTIFICATIONS,
    choose_scripts,
    compare_scripts,
    render_scripts,
    script_folder,
    write_scripts,
)
from snowflake_integration.waiting import wait_loaded

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The Snowflake side of a pipeline. Example: python -m snowflake_integration deploy flights --dry-run",
)


@app.command()
def render(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "aws",
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file is not current.")] = False,
    quiet: o.QuietOption = False,
) -> None:
    """Render the pipeline's SQL scripts to snowflake_integration/sql/PIPELINE/.

    Example: python -m snowflake_integration render flights --env aws
    """
    with exit_on_error():
        contract, settings = _load(pipeline, environment)
        folder = script_folder(contract.name)
        scripts = render_scripts(contract, settings)
        if check:
            if differences := compare_scripts(scripts, folder):
                advice = f"python -m snowflake_integration render {pipeline} --env {environment}"
                raise CheckFailed("\n".join((*differences, f"run: {advice}")))
        else:
            write_scripts(scripts, folder)
    presentation.open_talk(quiet).print(f"{folder}: {len(scripts)} scripts {'are current' if check else 'written'}")


@app.command()
def deploy(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    dry_run: o.DryRunOption = False,
    first: Annotated[
        str, typer.Option("--from", help="Begin with this script, when an administrator has run those before.")
    ] = DEPLOYED[0],
    error_notifications: Annotated[
        bool, typer.Option("--error-notifications", help="Run script 08 too; it needs an SNS topic.")
    ] = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    timeout_s: TimeoutOption = 300.0,
) -> None:
    """Run the rendered scripts 01 to 07 and tell S3 to notify the pipes. Doing it again changes nothing that is loaded.

    Example: python -m snowflake_integration deploy flights --env local --dry-run
    """
    with exit_on_error():
        numbers = choose_scripts(first, ERROR_NOTIFICATIONS if error_notifications else DEPLOYED[-1])
        contract, settings = _load(pipeline, environment)
        # The settings' role may not exist yet, and the scripts say which role they need.
        with open_site(contract, settings, timeout_s, role="") as site:
            take_role(site.connection, settings.warehouse.role)
            found = look_around(site.connection, site.names)
            check_tables(site.names, found, contract.name)
            steps = plan_deployment(render_scripts(contract, settings), site.names, found, site.bucket, numbers)
            _follow(site, steps, settings, dry_run, as_json, quiet)


@app.command()
def migrate(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    dry_run: o.DryRunOption = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    timeout_s: TimeoutOption = 300.0,
) -> None:
    """Bring tables that stand to the contract's newest version, then pipes and views. Doing it again changes nothing.

    Example: python -m snowflake_integration migrate flights --dry-run
    """
    with exit_on_error():
        contract, settings = _load_pipeline(pipeline, environment)
        with open_site(contract, settings, timeout_s) as site:
            check_evolution(read_contracts(LedgerObjects(site.s3, site.bucket), contract.name), contract)
            found = look_around(site.connection, site.names)
            steps = plan_migration(render_scripts(contract, settings), site.names, found, site.bucket, contract.name)
            _follow(site, steps, settings, dry_run, as_json, quiet)


@app.command()
def teardown(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    dry_run: o.DryRunOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Drop the tables with all their rows.")] = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Drop the pipeline's pipes, tables, views and stage, and its notification; the files in S3 stay.

    Example: python -m snowflake_integration teardown flights --dry-run
    """
    with exit_on_error():
        contract, settings = _load(pipeline, environment)
        names = derive_names(contract, settings)
        steps = plan_teardown(render_scripts(contract, settings), names, settings.s3.bucket)
        if not (yes or dry_run):
            raise ConfigurationError(
                f"teardown drops the tables of {contract.name} in {name_warehouse(settings.warehouse)} with all their "
                "rows: say --yes, or --dry-run to see the list"
            )
        with open_site(contract, settings, settings.warehouse.timeout_s) as site:
            _follow(site, steps, settings, dry_run, as_json, quiet)


@app.command()
def query(
    statement: Annotated[str, typer.Argument(help="One SQL statement.", show_default=False)],
    environment: o.EnvironmentOption = "local",
    pipeline: Annotated[
        str | None, typer.Option("--pipeline", help="Resolve names in this pipeline's schema.", show_default=False)
    ] = None,
    as_json: o.JsonOption = False,
) -> None:
    """Run one statement and show its rows.

    Example: python -m snowflake_integration query --pipeline flights "select count(*) from flights"
    """
    with exit_on_error():
        settings = load_settings(environment)
        database, schema = "MILLRACE", None
        if pipeline is not None:
            names = load_data_set(pipeline).warehouse
            database, schema = names.database.upper(), names.schema_.upper()
        with closing(open_warehouse(settings.warehouse, database=database, schema=schema)) as connection:
            answer = execute_statement(connection, statement)
    if as_json:
        typer.echo(presentation.dump_json(presentation.answer_records(answer)))
    else:
        presentation.open_page().print(presentation.show_answer(answer))


@app.command()
def status(
    pipeline: o.PipelineArgument, environment: o.EnvironmentOption = "local", as_json: o.JsonOption = False
) -> None:
    """Show the pipes, and how many of the lake's objects are loaded, refused or pending.

    Example: python -m snowflake_integration status flights
    """
    with exit_on_error():
        contract, settings = _load(pipeline, environment)
        with open_site(contract, settings, settings.warehouse.timeout_s) as site:
            states = read_load_states(site.connection, site.s3, site.names, site.bucket)
    presentation.print_states(states, as_json)


@app.command("wait-loaded")
def wait_until_loaded(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    timeout_s: TimeoutOption = 300.0,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Wait until the pipes have loaded every object of the lake. Exit 4 at the timeout, 1 when a file was refused.

    Example: python -m snowflake_integration wait-loaded flights --timeout 60
    """
    with exit_on_error():
        contract, settings = _load(pipeline, environment)
        with (
            open_site(contract, settings, timeout_s) as site,
            presentation.show_progress(presentation.open_talk(quiet)) as progress,
        ):
            states = wait_loaded(site.connection, site.s3, site.names, site.bucket, timeout_s, progress)
    presentation.print_states(states, as_json)


@app.command("apply-backfill")
def apply_backfills(
    pipeline: o.PipelineArgument,
    run: Annotated[
        int | None,
        typer.Argument(min=1, help="Number of the backfill's operation; without it all.", show_default=False),
    ] = None,
    environment: o.EnvironmentOption = "local",
    dry_run: o.DryRunOption = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    timeout_s: TimeoutOption = 300.0,
) -> None:
    """Bring the lake's backfills into the tables, each in one transaction; those that are there already change nothing.

    Example: python -m snowflake_integration apply-backfill flights --dry-run
    """
    with exit_on_error():
        contract, settings = _load_pipeline(pipeline, environment)
        with open_site(contract, settings, timeout_s) as site:
            applications = plan_applications(site, run)
            if dry_run:
                statements = [text for a in applications for text in describe_application(site, contract, a)]
                typer.echo(json.dumps(statements) if as_json else ";\n".join(statements))
                return
            for application in applications:
                apply_backfill(site, contract, application, presentation.open_talk(quiet).print)
    numbers = [application.backfill.number for application in applications]
    typer.echo(json.dumps({"applied": numbers}) if as_json else describe_applied(numbers))


@app.command()
def policies(pipeline: o.PipelineArgument, environment: o.EnvironmentOption = "aws") -> None:
    """Print the IAM policies that the AWS side needs, as one JSON object by role.

    Example: python -m snowflake_integration policies flights --env aws
    """
    with exit_on_error():
        contract, settings = _load_pipeline(pipeline, environment)
        typer.echo(json.dumps(describe_policies(contract, settings), indent=2))


@app.command()
def trust(pipeline: o.PipelineArgument, environment: o.EnvironmentOption = "aws") -> None:
    """Print the trust policy of Snowflake's role, read from the storage integration that script 03 made.

    Example: python -m snowflake_integration trust flights --env aws
    """
    with exit_on_error():
        _contract, settings = _load(pipeline, environment)
        with closing(open_warehouse(settings.warehouse, role="")) as connection:
            execute_statement(connection, "USE ROLE ACCOUNTADMIN")
            typer.echo(json.dumps(describe_trust(connection, settings), indent=2))


def _load(name: str, environment: str) -> tuple[DataSet, Settings]:
    return load_data_set(name), load_settings(environment)


def _load_pipeline(name: str, environment: str) -> tuple[Contract, Settings]:
    return load_contract(find_contract(name)), load_settings(environment)


def _follow(site: Site, steps: Sequence[Step], settings: Settings, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Print the plan, or carry it out and say what came of each step."""
    talk = presentation.open_talk(quiet)
    if dry_run:
        if as_json:
            typer.echo(presentation.dump_json(presentation.plan_records(steps)))
        else:
            presentation.open_page().print(presentation.show_plan(steps))
        return

    def report(done: Done) -> None:
        talk.print(f"{done.step.script:<32} {done.step.title[:90]:<90} {done.duration_s:6.2f} s  {done.outcome}")

    done = carry_out(site, steps, report)
    if as_json:
        typer.echo(presentation.dump_json(presentation.done_records(done)))
    else:
        typer.echo(f"{len(done)} steps done in {name_warehouse(settings.warehouse)}")


if __name__ == "__main__":
    app()
