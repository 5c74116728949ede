"""Reads what Glue and Athena have of a pipeline, and carries plans out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from aws_integration.naming import CatalogNames
from aws_integration.plan import Found, Step
from connections.aws_clients import explain_refusal, open_athena, open_glue
from connections.settings import S3Settings
from pipeline_contract.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_glue import GlueClient

_NOT_THERE = ("EntityNotFoundException", "InvalidRequestException")


class Site(NamedTuple):
    """The clients that a command needs."""

    glue: GlueClient
    athena: AthenaClient


def open_site(settings: S3Settings) -> Site:
    """Clients of Glue and Athena; nothing is asked yet."""
    return Site(open_glue(settings), open_athena(settings))


def look_around(site: Site, names: CatalogNames) -> Found:
    """What of the pipeline is there already."""
    with explain_refusal(f"read the catalog of {names.pipeline}"):
        database = _get(lambda: site.glue.get_database(Name=names.database))
        crawler = _get(lambda: site.glue.get_crawler(Name=names.crawler)["Crawler"])
        workgroup = _get(lambda: site.athena.get_work_group(WorkGroup=names.workgroup)["WorkGroup"])
        tables = _list_tables(site, names.database) if database is not None else {}
        partitions = {
            output.table: _list_partitions(site, names.database, output.table)
            for output in names.outputs
            if output.partition_keys and output.table in tables
        }
    configuration = None if workgroup is None else workgroup.get("Configuration") or {}
    return Found(database is not None, crawler, configuration, tables, partitions)


def carry_out(site: Site, steps: Sequence[Step], report: Callable[[Step], None]) -> None:
    """Carry the steps of a plan out in order; `report` is told of each that is done."""
    for step in steps:
        with explain_refusal(f"{step.action} the {step.what}"):
            call = getattr(site.glue if step.service == "glue" else site.athena, step.call)
            answer: Mapping[str, Any] = call(**step.request)
        if errors := answer.get("Errors"):
            first = errors[0]
            raise ServiceError(f"AWS: cannot {step.action} the {step.what}: {first.get('ErrorDetail', first)}")
        report(step)


def _list_tables(site: Site, database: str) -> dict[str, Mapping[str, Any]]:
    pages = site.glue.get_paginator("get_tables").paginate(DatabaseName=database)
    return {table["Name"]: table for page in pages for table in page["TableList"]}


def _list_partitions(site: Site, database: str, table: str) -> dict[tuple[str, ...], str]:
    pages = site.glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table)
    return {
        tuple(partition["Values"]): partition.get("StorageDescriptor", {}).get("Location", "")
        for page in pages
        for partition in page["Partitions"]
    }


def _get(ask: Callable[[], Any]) -> Any:
    """The answer, or None where there is no such thing."""
    try:
        return ask()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _NOT_THERE:
            return None
        raise
