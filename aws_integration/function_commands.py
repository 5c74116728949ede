"""The verbs of `python -m aws_integration package` and `… function`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from aws_integration import presentation
from aws_integration.function_deployment import (
    change_function,
    choose_code,
    describe_function,
    find_function,
    open_function_site,
    plan_function,
)
from aws_integration.function_package import EVENTS, KAFKA, Architecture, Recipe, build_package, choose_platform
from connections.kafka import describe_topic_ids
from connections.python_packages import PythonPlatform
from connections.settings import load_settings
from pipeline_contract import command_options as o
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.kafka_event import name_function

ArchitectureOption = Annotated[Architecture, typer.Option("--arch", help="The processor that Lambda runs it on.")]
PythonOption = Annotated[str, typer.Option("--python-version", help="Lambda's Python.")]
THIS_PYTHON = PythonPlatform().version
package = typer.Typer(
    no_args_is_help=True,
    help="Deployment packages. Example: python -m aws_integration package kafka --python-version 3.12 --arch arm64",
)
function = typer.Typer(
    no_args_is_help=True,
    help="The Lambda function of a pipeline. Example: python -m aws_integration function deploy flights --dry-run",
)


@package.callback()
@function.callback()
def main() -> None:
    """Keeps the verbs."""


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
    _build(KAFKA, python_version, architecture, as_json, quiet)


@package.command()
def events(
    python_version: PythonOption = THIS_PYTHON,
    architecture: ArchitectureOption = "x86_64",
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Build dist/millrace-events.zip: the handler behind the API of events with all that it imports, contracts included.

    Example: python -m aws_integration package events --python-version 3.12 --arch arm64
    """
    _build(EVENTS, python_version, architecture, as_json, quiet)


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
        code = choose_code(name_function(contract.name), KAFKA, settings, archive, Path())
        ids = describe_topic_ids(settings.kafka, (contract.topic.name, contract.topic.rejected))
        wanted = describe_function(pipeline, contract, settings, ids)
        site = open_function_site(settings)
        found = find_function(site, wanted["FunctionName"], code)
        steps = plan_function(wanted, code, f"python{python_version}", architecture, found)
        if not dry_run:
            talk = presentation.open_talk(quiet)
            change_function(site, steps, code, lambda step: talk.print(f"{step.action} {step.what}"))
    presentation.print_steps(steps, dry_run, as_json)


def _build(recipe: Recipe, python_version: str, architecture: Architecture, as_json: bool, quiet: bool) -> None:
    with exit_on_error():
        built = build_package(recipe, Path(), choose_platform(python_version, architecture), os.environ)
    if as_json:
        typer.echo(presentation.dump_json({**asdict(built), "path": str(built.path)}))
    elif not quiet:
        sizes = f"{built.bytes / 1e6:.0f} MB, {built.files} files, {built.unpacked_bytes / 1e6:.0f} MB unpacked"
        presentation.open_talk(quiet).print(f"{built.path}: {sizes}, for Python {python_version} on {architecture}")
