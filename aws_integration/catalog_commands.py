"""The verbs of `python -m aws_integration catalog`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from aws_integration import presentation
from aws_integration.catalog import Site, carry_out, look_around, open_site
from aws_integration.crawling import read_crawled, run_crawler
from aws_integration.naming import CatalogNames, derive_catalog_names
from aws_integration.options import TimeoutOption
from aws_integration.plan import SCAN_LIMIT_BYTES, Step, plan_deployment, plan_drop, plan_registration
from aws_integration.projection import describe_projection
from aws_integration.tables import find_partition_paths, read_partition_values
from connections.ledger_objects import LedgerObjects
from connections.s3 import open_s3
from connections.settings import Settings, load_settings
from pipeline_contract import command_options as o
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract

MB = 10**6
SCAN_LIMIT_MB = SCAN_LIMIT_BYTES // MB
catalog = typer.Typer(
    no_args_is_help=True,
    help="The Glue catalog of a pipeline. Example: python -m aws_integration catalog deploy flights --dry-run",
)


def load_names(pipeline: str, environment: str) -> tuple[Contract, Settings, CatalogNames]:
    """A pipeline's contract, the environment's settings, and the names that follow from both."""
    contract, settings = load_contract(find_contract(pipeline)), load_settings(environment)
    return contract, settings, derive_catalog_names(contract, settings)


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
        _, settings, names = load_names(pipeline, environment)
        site = open_site(settings.s3)
        steps = plan_deployment(names, look_around(site, names), scan_limit_mb * MB)
        _follow(site, steps, dry_run, as_json, quiet)


@catalog.command()
def crawl(
    pipeline: o.PipelineArgument,
    environment: o.EnvironmentOption = "local",
    timeout_s: TimeoutOption = 900.0,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Run the crawler, wait for its end, and show the tables that it has guessed.

    Example: python -m aws_integration catalog crawl flights
    """
    with exit_on_error():
        _, settings, names = load_names(pipeline, environment)
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
        contract, settings, names = load_names(pipeline, environment)
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
        _, settings, names = load_names(pipeline, environment)
        if not (yes or dry_run):
            raise ConfigurationError(
                f"this drops the Glue database {names.database} with all its tables: say --yes, or --dry-run to see the list"
            )
        site = open_site(settings.s3)
        _follow(site, plan_drop(names, look_around(site, names)), dry_run, as_json, quiet)


def _follow(site: Site, steps: Sequence[Step], dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Print the plan, or carry it out and say what was done."""
    if not dry_run:
        talk = presentation.open_talk(quiet)
        carry_out(site, steps, lambda step: talk.print(f"{step.action} {step.what}"))
    presentation.print_steps(steps, dry_run, as_json)
