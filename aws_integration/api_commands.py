"""The verbs of `python -m aws_integration api`."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aws_integration import presentation
from aws_integration.api_access import advise_deployment, find_key, find_url, open_door
from aws_integration.api_deployment import change_parts, find_parts, open_api_site, plan_parts
from aws_integration.event_plan import describe_api_function
from aws_integration.event_posting import post_events
from aws_integration.function_deployment import (
    change_function,
    choose_code,
    find_function,
    open_function_site,
    plan_function,
)
from aws_integration.function_package import EVENTS
from aws_integration.shared_names import name_api_secret
from connections.aws_clients import open_apigateway
from connections.s3 import is_loopback
from connections.settings import Settings, load_settings
from pipeline_contract import command_options as o
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_api import derive_openapi
from pipeline_contract.event_contract_file import find_event_contract, load_event_contract
from pipeline_contract.event_model import EventContract

EventsArgument = Annotated[str, typer.Argument(help="A set of events, or its contract file.", show_default=False)]
api = typer.Typer(
    no_args_is_help=True,
    help="The API of a set of events. Example: python -m aws_integration api deploy events --dry-run",
)


@api.callback()
def main() -> None:
    """Keeps the verbs."""


@api.command()
def deploy(
    events: EventsArgument,
    environment: o.EnvironmentOption = "local",
    dry_run: o.DryRunOption = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Make what is behind the API on the sandbox, and the API itself; on AWS its stack does. Again changes nothing.

    Example: python -m aws_integration api deploy events
    """
    with exit_on_error():
        contract, settings = _load(events, environment)
        if not is_loopback(settings.s3.endpoint_url):
            raise ConfigurationError(f"`api deploy` is for the sandbox: {advise_deployment(contract, settings)}")
        talk = presentation.open_talk(quiet)
        settings = settings.model_copy(
            update={"function": settings.function.model_copy(update={"secret": name_api_secret(contract.name)})}
        )
        wanted = describe_api_function(events, contract, settings)
        code = choose_code(wanted["FunctionName"], EVENTS, settings, None, Path())
        functions, site = open_function_site(settings), open_api_site(settings)
        runtime = f"python{'.'.join(platform.python_version_tuple()[:2])}"
        found = find_function(functions, wanted["FunctionName"], code)
        steps = plan_function(wanted, code, runtime, "x86_64", found)
        parts = plan_parts(contract, settings, find_parts(site, contract, settings))
        if not dry_run:
            change_function(functions, steps, code, lambda step: talk.print(f"{step.action} {step.what}"))
            change_parts(site, contract, settings, parts, lambda step: talk.print(f"{step.action} {step.what}"))
    presentation.print_steps([*steps, *parts], dry_run, as_json)


@api.command()
def url(events: EventsArgument, environment: o.EnvironmentOption = "local") -> None:
    """Print where events are posted.

    Example: python -m aws_integration api url events
    """
    with exit_on_error():
        typer.echo(find_url(*_load(events, environment)))


@api.command()
def key(events: EventsArgument, environment: o.EnvironmentOption = "local") -> None:
    """Print the API's key, a secret, for the header x-api-key.

    Example: python -m aws_integration api key events
    """
    with exit_on_error():
        contract, settings = _load(events, environment)
        typer.echo(find_key(open_apigateway(settings.s3), contract))


@api.command()
def describe(events: EventsArgument) -> None:
    """Print the API's description as OpenAPI.

    Example: python -m aws_integration api describe events
    """
    with exit_on_error():
        contract = load_event_contract(find_event_contract(events))
        typer.echo(json.dumps(derive_openapi(contract), indent=2, ensure_ascii=False))


@api.command()
def post(
    events: EventsArgument,
    files: Annotated[list[Path], typer.Argument(help="JSON lines, an event each.", show_default=False)],
    environment: o.EnvironmentOption = "local",
    batch: Annotated[int, typer.Option(min=1, help="Most events a request.")] = 100,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Requests at once.")] = 4,
    timeout_s: Annotated[float, typer.Option("--timeout", min=1, help="Seconds that a batch is tried for.")] = 120,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Post the events of files, and say how they were answered; posting them again changes nothing.

    Example: python -m aws_integration api post events tests/data/sample.jsonl --batch 1
    """
    with exit_on_error():
        contract, settings = _load(events, environment)
        lines = [line for path in files for line in read_lines(path)]
        with _show_progress(quiet) as progress:
            task = progress.add_task("events", total=len(lines))
            posted = post_events(
                open_door(contract, settings),
                lines,
                (min(batch, contract.api.max_events), contract.api.max_body_bytes),
                at_once,
                timeout_s,
                lambda count: progress.advance(task, count),
            )
    record = posted.as_record()
    if as_json:
        typer.echo(presentation.dump_json(record))
        return
    told = ", ".join(f"{record[status]:,} {status}" for status in ("accepted", "repeated", "refused"))
    typer.echo(f"{len(lines):,} events posted in {sum(record['requests'].values()):,} requests: {told}")
    for reason, count in record["reasons"].items():
        typer.echo(f"  refused: {reason} {count:,}")


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file without their ends; empty ones are left out."""
    try:
        yield from (line for line in path.read_bytes().split(b"\n") if line.rstrip(b"\r"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error


def _load(events: str, environment: str) -> tuple[EventContract, Settings]:
    return load_event_contract(find_event_contract(events)), load_settings(environment)


def _show_progress(quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=presentation.open_talk(quiet), transient=True)
