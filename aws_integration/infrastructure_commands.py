"""The verbs `deploy`, `diff`, `template` and `teardown` of `python -m aws_integration`: all of AWS as CloudFormation stacks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from aws_integration import presentation
from aws_integration import shared_names as shared
from aws_integration.change_sets import (
    ChangeSet,
    carry_out_changes,
    create_change_set,
    delete_stack,
    find_stack,
    forget_change_set,
    list_resources,
    read_outputs,
)
from aws_integration.function_commands import THIS_PYTHON, ArchitectureOption, PythonOption
from aws_integration.function_deployment import Code, open_function_site, place_package, put_package
from aws_integration.function_package import EVENTS, KAFKA
from aws_integration.job_runs import ask_job_runs
from aws_integration.options import TimeoutOption
from aws_integration.stack_presentation import change_records, describe_summary, show_changes, show_teardown
from aws_integration.stacks import (
    Contracts,
    Named,
    Site,
    Sources,
    check_account,
    check_names,
    check_place,
    list_stacks,
    open_stack_site,
    wish_stack,
)
from aws_integration.subjects import SubjectArgument
from aws_integration.templates import Runtime
from connections.kafka import describe_topic_ids
from connections.settings import Settings, load_settings
from pipeline_contract import command_options as o
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.contract_file import find_contract, list_contracts, load_contract
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_contract_file import find_event_contract, list_event_contracts, load_event_contract
from pipeline_contract.event_layout import name_api_function
from pipeline_contract.kafka_event import name_function

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Pipelines and sets of events by name; all there are by default.", show_default=False),
]
StackOption = Annotated[
    list[shared.Stack] | None,
    typer.Option(
        "--stack",
        help="base, stream, catalog, lambda, events or kafka; again for more. By default the first three, and events "
        "where such are named.",
    ),
]
PackageOption = Annotated[
    Path | None, typer.Option("--package", help="The zip of the function, for the stack lambda or events.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Carry it out without a question.")]
DEFAULT = (shared.Stack.BASE, shared.Stack.STREAM, shared.Stack.CATALOG)
TIMEOUT_S = 1800.0


def deploy(
    names: NamesArgument = None,
    environment: o.EnvironmentOption = "local",
    stack: StackOption = None,
    package: PackageOption = None,
    python_version: PythonOption = THIS_PYTHON,
    architecture: ArchitectureOption = "x86_64",
    yes: YesOption = False,
    timeout_s: TimeoutOption = TIMEOUT_S,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Show what would change in each stack, and after --yes or an answer, change it. Again changes nothing.

    Example: python -m aws_integration deploy flights --env aws --stack base --stack stream
    """
    talk, done = presentation.open_talk(quiet), list[dict[str, Any]]()
    with exit_on_error():
        settings, contracts, site = _open(environment)
        runtime = Runtime(f"python{python_version}", architecture)
        sources = _open_sources(settings, contracts, environment, package, runtime)
        wanted = _list_wanted(stack, names, contracts)
        check_place(wanted, settings)
        for named in wanted:
            change_set = create_change_set(
                site.stacks, wish_stack(site, named, contracts, settings, sources), timeout_s
            )
            if not as_json:
                presentation.open_page().print(show_changes(change_set))
            if change_set.changes:
                _ask(site, change_set, yes)
                if named.stack in (shared.Stack.LAMBDA, shared.Stack.EVENTS):
                    put_package(open_function_site(settings), sources.code(named))
                with presentation.show_waiting(talk, change_set.stack) as say:
                    carry_out_changes(site.stacks, change_set, timeout_s, say)
            else:
                forget_change_set(site.stacks, change_set)
            outputs = read_outputs(find_stack(site.stacks, named.name))
            for name, value in outputs.items():
                talk.print(f"{change_set.stack} {name}: {value}")
            done.append(change_records(change_set) | {"outputs": outputs})
    typer.echo(presentation.dump_json(done) if as_json else describe_summary(done))


def diff(
    names: NamesArgument = None,
    environment: o.EnvironmentOption = "local",
    stack: StackOption = None,
    package: PackageOption = None,
    python_version: PythonOption = THIS_PYTHON,
    architecture: ArchitectureOption = "x86_64",
    timeout_s: TimeoutOption = TIMEOUT_S,
    as_json: o.JsonOption = False,
) -> None:
    """Show what would change in each stack, by change sets that are deleted again. Nothing is changed.

    Example: python -m aws_integration diff flights --env aws --stack base --json
    """
    found = list[dict[str, Any]]()
    with exit_on_error():
        settings, contracts, site = _open(environment)
        runtime = Runtime(f"python{python_version}", architecture)
        sources = _open_sources(settings, contracts, environment, package, runtime)
        for named in _list_wanted(stack, names, contracts):
            change_set = create_change_set(
                site.stacks, wish_stack(site, named, contracts, settings, sources), timeout_s
            )
            forget_change_set(site.stacks, change_set)
            found.append(change_records(change_set))
            if not as_json:
                presentation.open_page().print(show_changes(change_set))
    if as_json:
        typer.echo(presentation.dump_json(found))


def template(
    name: SubjectArgument,
    stack: Annotated[shared.Stack, typer.Option("--stack", help="base, stream, catalog, lambda, events or kafka.")],
    environment: o.EnvironmentOption = "aws",
    package: PackageOption = None,
    python_version: PythonOption = THIS_PYTHON,
    architecture: ArchitectureOption = "x86_64",
) -> None:
    """Print the template of one stack as `deploy` hands it to CloudFormation.

    Example: python -m aws_integration template flights --stack base --env aws
    """
    with exit_on_error():
        settings, contracts, site = _open(environment)
        runtime = Runtime(f"python{python_version}", architecture)
        sources = _open_sources(settings, contracts, environment, package, runtime)
        for named in _list_wanted([stack], [name], contracts):
            typer.echo(wish_stack(site, named, contracts, settings, sources).template)


def teardown(
    names: NamesArgument = None,
    environment: o.EnvironmentOption = "local",
    stack: Annotated[
        list[shared.Stack] | None, typer.Option("--stack", help="As for deploy; by default all that are there.")
    ] = None,
    yes: YesOption = False,
    dry_run: o.DryRunOption = False,
    timeout_s: TimeoutOption = TIMEOUT_S,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Delete stacks, the shared one last. Buckets, the key, secrets and disks with data stay, and are named.

    Example: python -m aws_integration teardown flights --env aws --stack stream --dry-run
    """
    talk, done = presentation.open_talk(quiet), list[dict[str, Any]]()
    with exit_on_error():
        _, contracts, site = _open(environment)
        for named in reversed(list(list_stacks(stack or list(shared.Stack), names or [], contracts))):
            if find_stack(site.stacks, named.name) is None:
                continue
            deleted, kept = list_resources(site.stacks, named.name)
            done.append({"stack": named.name, "deleted": deleted, "kept": kept})
            if not as_json:
                presentation.open_page().print(show_teardown(named.name, deleted, kept))
            if dry_run:
                continue
            if not yes and not _confirm(f"delete stack {named.name}"):
                raise ConfigurationError(f"stack {named.name} stays: answer y, or say --yes")
            with presentation.show_waiting(talk, named.name) as say:
                delete_stack(site.stacks, named.name, timeout_s, say)
    if as_json:
        typer.echo(presentation.dump_json(done))
    elif not dry_run:
        typer.echo(f"{len(done)} stacks deleted; {sum(len(stack['kept']) for stack in done)} resources stay")


def _list_wanted(stacks: list[shared.Stack] | None, names: list[str] | None, contracts: Contracts) -> list[Named]:
    """The stacks that are asked for, or those that need no more than names; `ConfigurationError` where there is none."""
    check_names(names or [], contracts)
    found = list(list_stacks(stacks or (*DEFAULT, *([shared.Stack.EVENTS] if names else [])), names or [], contracts))
    if not found:
        raise ConfigurationError(
            f"{', '.join(names or [])}: no stack {', '.join(stacks or [])}; pipelines have stream, catalog and lambda, "
            "sets of events have events"
        )
    return found


def _open(environment: str) -> tuple[Settings, Contracts, Site]:
    """The settings, all contracts by name, and clients of the account that the settings name."""
    settings = load_settings(environment)
    contracts = Contracts(
        {name: load_contract(find_contract(name)) for name in list_contracts()},
        {name: load_event_contract(find_event_contract(name)) for name in list_event_contracts()},
    )
    site = open_stack_site(settings)
    check_account(site, settings)
    return settings, contracts, site


def _open_sources(
    settings: Settings, contracts: Contracts, environment: str, package: Path | None, runtime: Runtime
) -> Sources:
    def code(named: Named) -> Code:
        if named.stack == shared.Stack.EVENTS:
            function, recipe = name_api_function(contracts.events[named.subject].name), EVENTS
        else:
            function, recipe = name_function(contracts.pipelines[named.subject].name), KAFKA
        return place_package(function, recipe, settings, package)

    return Sources(
        partial(ask_job_runs, environment=environment),
        code,
        lambda contract: describe_topic_ids(settings.kafka, (contract.topic.name, contract.topic.rejected)),
        runtime,
    )


def _ask(site: Site, change_set: ChangeSet, yes: bool) -> None:
    """Return if the changes are wanted; otherwise forget them and raise `ConfigurationError`."""
    if not yes and not _confirm(f"change stack {change_set.stack}"):
        forget_change_set(site.stacks, change_set)
        raise ConfigurationError(f"stack {change_set.stack} is as it was: answer y, or say --yes")


def _confirm(what: str) -> bool:
    """Whether somebody says yes; nobody does where nobody is there to ask."""
    try:
        return typer.confirm(f"{what}?", err=True)
    except typer.Abort:
        typer.echo(err=True)
        return False
