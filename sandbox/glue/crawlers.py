"""Runs crawlers: each crawl in a thread of its own, its outcome in the catalog and in the crawler's description."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sandbox.athena.objects import ObjectStore, list_visible
from sandbox.glue.crawl import CrawledTable, CrawlFailed, crawl_folder


class Tables(Protocol):
    """The catalog that a crawler writes to."""

    def write_table(self, database: str, table: CrawledTable, crawler: str, policy: Mapping[str, str]) -> None:
        """Create or update a table and its partitions, as the crawler's SchemaChangePolicy says."""


@dataclass
class Crawl:
    """One run of a crawler; it is RUNNING until it has an end."""

    began_s: float = field(default_factory=time.time)
    outcome: Literal["SUCCEEDED", "FAILED"] | None = None
    message: str = ""

    def describe(self, crawler: str) -> dict[str, Any]:
        """Glue's LastCrawlInfo."""
        said = {"ErrorMessage": self.message} if self.message else {}
        place = {"LogGroup": "/aws-glue/crawlers", "LogStream": crawler, "StartTime": self.began_s}
        return {"Status": self.outcome, **said, **place}


class Crawlers:
    """The last run of each crawler since the endpoint's start."""

    def __init__(self, store: ObjectStore, tables: Tables) -> None:
        self._store = store
        self._tables = tables
        self._last: dict[str, Crawl] = {}

    def is_running(self, name: str) -> bool:
        """Say whether a crawler is at work."""
        return name in self._last and self._last[name].outcome is None

    def find_last(self, name: str) -> Crawl | None:
        """The last run of a crawler; None before the first."""
        return self._last.get(name)

    def start(self, description: Mapping[str, Any]) -> None:
        """Begin a run of a crawler, given Glue's description of it."""
        crawl = Crawl()
        self._last[description["Name"]] = crawl
        name = f"crawl-{description['Name']}"
        threading.Thread(target=self._run, args=(description, crawl), name=name, daemon=True).start()

    def _run(self, description: Mapping[str, Any], crawl: Crawl) -> None:
        targets: Sequence[Mapping[str, str]] = (description.get("Targets") or {}).get("S3Targets") or []
        try:
            for target in targets:
                self._crawl_target(description, target["Path"])
        except CrawlFailed as failed:
            crawl.message, crawl.outcome = str(failed), "FAILED"
        except Exception as error:
            crawl.message, crawl.outcome = f"Internal Service Exception: {error}", "FAILED"
        else:
            crawl.outcome = "SUCCEEDED"

    def _crawl_target(self, description: Mapping[str, Any], path: str) -> None:
        table = crawl_folder(path, list_visible(self._store, path), description.get("TablePrefix") or "")
        if table is not None:
            policy = description.get("SchemaChangePolicy") or {}
            self._tables.write_table(description["DatabaseName"], table, description["Name"], policy)
