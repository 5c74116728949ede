"""Runs the pipeline's crawler and waits for its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from aws_integration.naming import CatalogNames
from connections.aws_clients import explain_refusal
from pipeline_contract.errors import NotFinished, ServiceError

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient


@dataclass(frozen=True)
class CrawledTable:
    """A table that the crawler has written: its columns and partition keys with their guessed types."""

    name: str
    location: str
    columns: dict[str, str]
    partition_keys: dict[str, str]


def run_crawler(glue: GlueClient, names: CatalogNames, timeout_s: float, say: Callable[[str], None]) -> None:
    """Start the crawler, or join the run that is under way, and return at its end.

    Raise `ServiceError` with Glue's own message when it failed, and `NotFinished` at the timeout; it goes on then.
    """
    with explain_refusal(f"start crawler {names.crawler} (is the catalog deployed?)"):
        try:
            glue.start_crawler(Name=names.crawler)
        except glue.exceptions.CrawlerRunningException:
            say("the crawler is at work already")
    retrying = Retrying(
        retry=retry_if_result(lambda crawler: crawler["State"] != "READY"),
        stop=stop_after_delay(timeout_s),
        wait=wait_exponential(multiplier=0.05, max=5),
    )
    try:
        crawler = retrying(_look, glue, names, say)
    except RetryError:
        raise NotFinished(f"crawler {names.crawler} still runs after {timeout_s:.0f} s: ask again later") from None
    last = crawler.get("LastCrawl", {})
    if last.get("Status") != "SUCCEEDED":
        raise ServiceError(
            f"crawler {names.crawler}: {last.get('Status')}: {last.get('ErrorMessage', 'no reason given')}"
        )


def read_crawled(glue: GlueClient, names: CatalogNames) -> list[CrawledTable]:
    """The tables that the pipeline's crawler has written."""
    with explain_refusal(f"read the tables of {names.database}"):
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=names.database)
        tables = [table for page in pages for table in page["TableList"]]
    return [
        CrawledTable(
            table["Name"],
            table.get("StorageDescriptor", {}).get("Location", ""),
            {
                column["Name"]: column.get("Type", "")
                for column in table.get("StorageDescriptor", {}).get("Columns", [])
            },
            {key["Name"]: key.get("Type", "") for key in table.get("PartitionKeys", [])},
        )
        for table in tables
        if table.get("Parameters", {}).get("UPDATED_BY_CRAWLER") == names.crawler
    ]


def _look(glue: GlueClient, names: CatalogNames, say: Callable[[str], None]) -> Any:
    with explain_refusal(f"look at crawler {names.crawler}"):
        crawler = glue.get_crawler(Name=names.crawler)["Crawler"]
    say(f"crawler {names.crawler}: {crawler.get('State', '').lower()}")
    return crawler
