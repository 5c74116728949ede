"""The stacks of an environment: which there should be, in which order, and what each is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aws_integration import shared_names as shared
from aws_integration.change_sets import StackWish, find_resource
from aws_integration.event_template import render_events
from aws_integration.function_deployment import Code
from aws_integration.job_runs import JobRuns
from aws_integration.kafka_triggers import needs_group
from aws_integration.plan import SCAN_LIMIT_BYTES
from aws_integration.shared_names import Stack
from aws_integration.templates import (
    ALIAS,
    Runtime,
    render_base,
    render_catalog,
    render_function,
    render_kafka,
    render_stream,
)
from connections.aws_clients import explain_refusal, open_cloudformation, open_kms, open_sts
from connections.s3 import is_loopback
from connections.settings import Settings
from pipeline_contract.data_sets import refuse_names
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_model import EventContract
from pipeline_contract.model import Contract

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_sts import STSClient


class Site(NamedTuple):
    """The clients that a deployment needs."""

    stacks: CloudFormationClient
    keys: KMSClient
    accounts: STSClient


class Contracts(NamedTuple):
    """All contracts there are, by the name that their file goes by."""

    pipelines: Mapping[str, Contract]
    events: Mapping[str, EventContract]


class Named(NamedTuple):
    """A stack, and the pipeline or set of events that it is for; of a stack that all share, the name is empty."""

    stack: Stack
    subject: str

    @property
    def name(self) -> str:
        """What CloudFormation calls it."""
        return shared.name_stack(self.stack, self.subject)


class Sources(NamedTuple):
    """Where a stack's template takes what is known neither by the contract nor by the settings; each is asked when needed."""

    job_runs: Callable[[str], JobRuns]
    code: Callable[[Named], Code]
    topic_ids: Callable[[Contract], dict[str, str]]
    runtime: Runtime


def open_stack_site(settings: Settings) -> Site:
    """The clients; nothing is asked yet."""
    return Site(open_cloudformation(settings.s3), open_kms(settings.s3), open_sts(settings.s3))


def list_stacks(stacks: Sequence[Stack], names: Sequence[str], contracts: Contracts) -> Iterator[Named]:
    """The stacks in the order in which they are made, of these pipelines and sets of events, or of all. Pure.

    A name without a contract may have had one, and stands for both.
    """
    known = {*contracts.pipelines, *contracts.events}
    for stack in Stack:
        if stack not in stacks:
            continue
        if stack in shared.SHARED:
            yield Named(stack, "")
            continue
        having: Mapping[str, object] = contracts.events if stack == Stack.EVENTS else contracts.pipelines
        yield from (Named(stack, name) for name in names or having if name in having or name not in known)


def check_names(names: Sequence[str], contracts: Contracts) -> None:
    """Return if each name is that of a pipeline or of a set of events, or raise `ConfigurationError`."""
    if unknown := [name for name in names if name not in {*contracts.pipelines, *contracts.events}]:
        raise refuse_names(unknown, list(contracts.pipelines), list(contracts.events))


def check_place(stacks: Sequence[Named], settings: Settings) -> None:
    """Return if these stacks can be made where the settings lead, or raise `ConfigurationError`."""
    if any(named.stack == Stack.EVENTS for named in stacks) and is_loopback(settings.s3.endpoint_url):
        raise ConfigurationError(
            "the sandbox's emulated CloudFormation does not read the description of an API, so that the stack events is not "
            "made there: use `python -m aws_integration api deploy`"
        )


def check_account(site: Site, settings: Settings) -> None:
    """Return if the credentials are of the account in the settings, or raise `ConfigurationError`: policies name it."""
    with explain_refusal("ask which account the credentials belong to"):
        account = site.accounts.get_caller_identity()["Account"]
    if account != settings.aws.account_id:
        raise ConfigurationError(
            f"the credentials are of account {account}, but account_id in the section [aws] of environment "
            f"{settings.environment} is {settings.aws.account_id}, and all policies name it: correct one of them"
        )


def wish_stack(site: Site, named: Named, contracts: Contracts, settings: Settings, sources: Sources) -> StackWish:
    """A stack as it should be; what is shared is made for all contracts."""
    if named.stack == Stack.BASE:
        template = render_base(list(contracts.pipelines.values()), settings, find_old_key(site, settings))
        return StackWish(named.name, template, {}, {"millrace:stack": "base"})
    if named.stack == Stack.KAFKA:
        return StackWish(named.name, render_kafka(settings), find_job_group(site), {"millrace:stack": "kafka"})
    if named.stack == Stack.EVENTS:
        events = contracts.events[named.subject]
        template = render_events(named.subject, events, settings, sources.code(named), sources.runtime)
        tags = {"millrace:stack": named.stack, "millrace:events": events.name}
        return StackWish(named.name, template, find_key(site, settings), tags)
    contract = contracts.pipelines[named.subject]
    tags = {"millrace:stack": named.stack, "millrace:pipeline": contract.name}
    if named.stack == Stack.STREAM:
        template = render_stream(contract, settings, sources.job_runs(named.subject))
        parameters = find_job_group(site) if settings.infrastructure.subnet_ids else {}
        return StackWish(named.name, template, parameters, tags)
    if named.stack == Stack.CATALOG:
        return StackWish(named.name, render_catalog(contract, settings, SCAN_LIMIT_BYTES), {}, tags)
    code, ids = sources.code(named), sources.topic_ids(contract)
    template = render_function(named.subject, contract, settings, code, sources.runtime, ids)
    return StackWish(named.name, template, find_job_group(site) if needs_group(settings) else {}, tags)


def find_old_key(site: Site, settings: Settings) -> str | None:
    """The key that an earlier stack has left under the alias; None where there is none, or the stack that is there made it."""
    if find_resource(site.stacks, shared.name_stack(Stack.BASE, ""), "Key") is not None:
        return None
    return _find_key_arn(site, settings)


def find_key(site: Site, settings: Settings) -> dict[str, str]:
    """The parameter with the key under the alias; `ConfigurationError` where there is none yet."""
    arn = _find_key_arn(site, settings)
    if arn is None:
        raise ConfigurationError(
            f"there is no key {ALIAS}; deploy the stack that makes it first: `python -m aws_integration deploy --stack base`"
        )
    return {"KeyArn": arn}


def find_job_group(site: Site) -> dict[str, str]:
    """The parameter with the job's security group; `ConfigurationError` where the base stack has none."""
    base = shared.name_stack(Stack.BASE, "")
    group = find_resource(site.stacks, base, "JobGroup")
    if group is None:
        raise ConfigurationError(
            f"stack {base} has no security group for the job: set vpc_id in the section [infrastructure] of the environment "
            "and deploy it first: `python -m aws_integration deploy --stack base`"
        )
    return {"JobGroup": group}


def _find_key_arn(site: Site, settings: Settings) -> str | None:
    with explain_refusal(f"look for key {ALIAS}"):
        pages = site.keys.get_paginator("list_aliases").paginate()
        found = [alias.get("TargetKeyId") for page in pages for alias in page["Aliases"] if alias["AliasName"] == ALIAS]
    return f"arn:aws:kms:{settings.s3.region}:{settings.aws.account_id}:key/{found[0]}" if found else None
