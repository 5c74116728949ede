"""Glue's API calls about crawlers that moto has no full answer to, each from its JSON to its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sandbox.aws.refusals import CallRefused
from sandbox.glue.crawlers import Crawlers

Parameters = Mapping[str, Any]
Answer = dict[str, Any]


class KnownCrawlers(Protocol):
    """The crawlers as moto keeps them."""

    def find_crawler(self, name: str) -> Parameters | None:
        """Glue's description of a crawler; None where there is none."""

    def update_crawler(self, name: str, changes: Parameters) -> None:
        """Change what is named of a crawler."""


class GlueCalls:
    """Answers the calls about crawlers' runs; their creation and all tables are moto's."""

    def __init__(self, crawlers: Crawlers, known: KnownCrawlers) -> None:
        self.crawlers = crawlers
        self.known = known
        self.by_name: dict[str, Callable[[Parameters], Answer | None]] = {
            "StartCrawler": self.start_crawler,
            "GetCrawler": self.get_crawler,
            "UpdateCrawler": self.update_crawler,
            "StopCrawler": self.refuse_stop,
        }

    def start_crawler(self, parameters: Parameters) -> Answer:
        """Begin a crawl, unless the crawler is at work."""
        description = self._describe(parameters)
        self._refuse_while_running(description["Name"])
        self.crawlers.start(description)
        return {}

    def get_crawler(self, parameters: Parameters) -> Answer:
        """The crawler, with the state and the last run that this emulation gives it."""
        description = dict(self._describe(parameters))
        name = description["Name"]
        description["State"] = "RUNNING" if self.crawlers.is_running(name) else "READY"
        last = self.crawlers.find_last(name)
        if last is not None and last.outcome is not None:
            description["LastCrawl"] = last.describe(name)
        return {"Crawler": description}

    def update_crawler(self, parameters: Parameters) -> Answer:
        """Change a crawler that is not at work."""
        self._describe(parameters)
        self._refuse_while_running(parameters["Name"])
        self.known.update_crawler(parameters["Name"], parameters)
        return {}

    def refuse_stop(self, parameters: Parameters) -> Answer:
        """An emulated crawl takes moments, and is not stopped."""
        self._describe(parameters)
        raise CallRefused("CrawlerNotRunningException", "The emulated crawler cannot be stopped: wait for its end")

    def _describe(self, parameters: Parameters) -> Parameters:
        description = self.known.find_crawler(parameters["Name"])
        if description is None:
            raise CallRefused("EntityNotFoundException", f"Crawler entry with name {parameters['Name']} does not exist")
        return description

    def _refuse_while_running(self, name: str) -> None:
        if self.crawlers.is_running(name):
            raise CallRefused("CrawlerRunningException", f"Crawler with name {name} has already started")
