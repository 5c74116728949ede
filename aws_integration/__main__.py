"""`python -m aws_integration`: the Glue catalog over the objects of the way `s3`, queries on Athena, Lambda functions."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from aws_integration import options as o
from aws_integration import presentation
from aws_integration.catalog import Site, carry_out, look_around, open_site
from aws_integration.crawling import read_crawled, run_crawler
from aws_integration.function_deployment import (
    change_function,
    choose_code,
    describe_function,
    find_function,
    open_function_site,
    plan_function,
)
from aws_integration.function_package import Architecture, build_package, choose_platform
from aws_integration.naming import CatalogNames, derive_catalog_names
from aws_integration.plan import Step, plan_deployment, plan_drop, plan_registration
from aws_integration.projection import describe_projection
from aws_integration.query import run_query
from aws_integration.tables import find_partition_paths, read_partition_values
from connections.kafka import describe_topic_ids
from connections.ledger_objects import LedgerObjects
from connections.python_packages import PythonPlatform
from connections.s3 import open_s3
from connections.settings import Settings, load_settings
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from pipeline_contract.policies import catalog_read_policy, s3_consumer_policy

MB = 10**6
SCAN_LIMIT_MB = 10_000
ArchitectureOption = Annotated[Architecture, typer.Option("--arch", help="The processor that Lambda runs it on.")]
PythonOption = Annotated[str, typer.Option("--python-version", help="Lambda's Python.")]
THIS_PYTHON = PythonPlatform().version
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The AWS side of a pipeline. Example: python -m aws_integration catalog deploy flights --dry-run",
)
catalog = typer.Typer(
    no_args_is_help=True,
    help="The Glue catalog of a pipeline. Example: python -m aws_integration catalog deploy flights --dry-run",
)
package = typer.Typer(
    no_args_is_help=True,
    help="Deployment packages. Example: python -m aws_integration package kafka --python-version 3.12 --arch arm64",
)
function = typer.Typer(
    no_args_is_help=True,
    help="The Lambda function of a pipeline. Example: python -m aws_integration function deploy flights --dry-run",
)
app.add_typer(catalog, name="catalog")
app.add_typer(package, name="package")
app.add_typer(function, name="function")


@package.callback()
@function.callback()
def main() -> None:
    """Keeps the verbs."""


@catalog.command()
def deploy(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    scan_limit_mb: Annotated[
        int, typer.Option(min=10, help="Most megabytes that one query in the workgroup may scan.")
    ] = SCAN_LIMIT_MB,
    dry_run: o.DryRunOption = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Create the pipeline's Glue database, its crawler and its Athena workgroup. Doing it again changes nothing.

    Example: python -m aws_integration catalog deploy flights --dry-run
    """
    with exit_on_error():
        _, settings, names = _load(pipeline, environment)
        site = open_site(settings.s3)
        steps = plan_deployment(names, look_around(site, names), scan_limit_mb * MB)
        _follow(site, steps, dry_run, as_json, quiet)


@catalog.command()
def crawl(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    timeout_s: o.TimeoutOption = 900.0,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Run the crawler, wait for its end, and show the tables that it has guessed.

    Example: python -m aws_integration catalog crawl flights
    """
    with exit_on_error():
        _, settings, names = _load(pipeline, environment)
        site = open_site(settings.s3)
        with presentation.show_waiting(presentation.open_talk(quiet), f"crawler {names.crawler}") as say:
            run_crawler(site.glue, names, timeout_s, say)
        tables = read_crawled(site.glue, names)
    if as_json:
        typer.echo(presentation.dump_json([vars(table) for table in tables]))
    else:
        presentation.open_page().print(presentation.show_crawled(tables))


@catalog.command()
def register(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    projection: Annotated[
        bool, typer.Option("--projection", help="Let Athena count the partitions up instead of looking them up.")
    ] = False,
    dry_run: o.DryRunOption = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Write the tables straight from the contract, and the partitions in which objects lie. Again after new partitions.

    Example: python -m aws_integration catalog register flights --dry-run
    """
    with exit_on_error():
        contract, settings, names = _load(pipeline, environment)
        site = open_site(settings.s3)
        keys = LedgerObjects(open_s3(settings.s3), settings.s3.bucket).list_tree(names.curated.prefix)
        known = [read_partition_values(path) for path in find_partition_paths(names.curated, keys)]
        parameters = describe_projection(contract, known) if projection else {}
        steps = plan_registration(names, look_around(site, names), {names.curated.table: keys}, parameters)
        _follow(site, steps, dry_run, as_json, quiet)


@catalog.command()
def drop(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    yes: Annotated[bool, typer.Option("--yes", help="Drop the database with all its tables.")] = False,
    dry_run: o.DryRunOption = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Drop the pipeline's crawler, database with its tables, and workgroup; the objects in S3 stay.

    Example: python -m aws_integration catalog drop flights --dry-run
    """
    with exit_on_error():
        _, settings, names = _load(pipeline, environment)
        if not (yes or dry_run):
            raise ConfigurationError(
                f"this drops the Glue database {names.database} with all its tables: say --yes, or --dry-run to see the list"
            )
        site = open_site(settings.s3)
        _follow(site, plan_drop(names, look_around(site, names)), dry_run, as_json, quiet)


@app.command()
def query(
    pipeline: o.PipelineArgument,
    statement: Annotated[str, typer.Argument(help="One SELECT, SHOW or DESCRIBE.", show_default=False)],
    environment: o.EnvironmentOption = "local",
    timeout_s: o.TimeoutOption = 300.0,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Run one statement on Athena, show its rows, and say what it has scanned and costs.

    Example: python -m aws_integration query flights "select count(*) from flights where month = '2013-01'"
    """
    talk = presentation.open_talk(quiet)
    with exit_on_error():
        _, settings, names = _load(pipeline, environment)
        with presentation.show_waiting(talk, "Athena") as say:
            answer = run_query(open_site(settings.s3).athena, names, statement, timeout_s, say)
    talk.print(presentation.describe_cost(answer))
    if as_json:
        typer.echo(presentation.dump_json(presentation.answer_record(answer)))
    else:
        presentation.open_page().print(presentation.show_answer(answer))


@app.command()
def policies(pipeline: o.PipelineArgument, environment: o.EnvironmentOption = "aws") -> None:
    """Print the IAM policies of the way into objects, as one JSON object by role.

    Example: python -m aws_integration policies flights --env aws
    """
    with exit_on_error():
        _, settings, names = _load(pipeline, environment)
        documents = {
            settings.aws.crawler_role: catalog_read_policy(names.bucket, names.pipeline),
            f"millrace-consumer-{names.pipeline}-s3": s3_consumer_policy(names.bucket, names.pipeline),
        }
        typer.echo(json.dumps(documents, indent=2))


@package.command()
def kafka(
    python_version: PythonOption = THIS_PYTHON,
    architecture: ArchitectureOption = "x86_64",
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Build dist/millrace-kafka.zip: the handler of Kafka's messages with all that it imports, contracts included.

    Example: python -m aws_integration package kafka --python-version 3.12 --arch arm64
    """
    with exit_on_error():
        built = build_package(Path(), choose_platform(python_version, architecture), os.environ)
    if as_json:
        typer.echo(presentation.dump_json({**asdict(built), "path": str(built.path)}))
    elif not quiet:
        sizes = f"{built.bytes / 1e6:.0f} MB, {built.files} files, {built.unpacked_bytes / 1e6:.0f} MB unpacked"
        presentation.open_talk(quiet).print(f"{built.path}: {sizes}, for Python {python_version} on {architecture}")


@function.command(name="deploy")
def deploy_function(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    archive: Annotated[
        Path | None,
        typer.Option("--package", help="The zip to run; on the sandbox the project's folder is run without one."),
    ] = None,
    python_version: PythonOption = THIS_PYTHON,
    architecture: ArchitectureOption = "x86_64",
    dry_run: o.DryRunOption = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Create the pipeline's function, or bring it up to date, the ids of its topics included. Again changes nothing.

    Example: python -m aws_integration function deploy flights --package dist/millrace-kafka.zip --dry-run
    """
    with exit_on_error():
        settings, contract = load_settings(environment), load_contract(find_contract(pipeline))
        code = choose_code(contract, settings, archive, Path())
        ids = describe_topic_ids(settings.kafka, (contract.topic.name, contract.topic.rejected))
        wanted = describe_function(pipeline, contract, settings, ids)
        site = open_function_site(settings)
        found = find_function(site, wanted["FunctionName"], code)
        steps = plan_function(wanted, code, f"python{python_version}", architecture, found)
        if not dry_run:
            talk = presentation.open_talk(quiet)
            change_function(site, steps, code, lambda step: talk.print(f"{step.action} {step.what}"))
    _show_steps(steps, dry_run, as_json)


def _load(pipeline: str, environment: str) -> tuple[Contract, Settings, CatalogNames]:
    contract, settings = load_contract(find_contract(pipeline)), load_settings(environment)
    return contract, settings, derive_catalog_names(contract, settings)


def _follow(site: Site, steps: Sequence[Step], dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Print the plan, or carry it out and say what was done."""
    if not dry_run:
        talk = presentation.open_talk(quiet)
        carry_out(site, steps, lambda step: talk.print(f"{step.action} {step.what}"))
    _show_steps(steps, dry_run, as_json)


def _show_steps(steps: Sequence[Step], dry_run: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(presentation.dump_json(presentation.plan_records(steps)))
    elif dry_run:
        presentation.open_page().print(presentation.show_plan(steps))
    else:
        typer.echo(presentation.count_steps(steps))


if __name__ == "__main__":
    app()
