"""The curated files that are current, by the event time of their rows: where a row's earlier fellows are looked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from connections.ledger import Ledger
from connections.operations import read_operations
from pipeline_contract.manifest import Manifest
from spark_streaming.dedupe import Span, span_times

_CURATED = "curated"


class _Bounded(NamedTuple):
    key: str
    earliest: datetime | None
    latest: datetime | None


class AcceptedFiles:
    """The current curated files of a pipeline; the ledger is read once, and after that only what is new in it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._operations = 0
        self._files: dict[str, Span] = {}
        self._loaded = False

    def find(self, spans: Sequence[Span]) -> list[str]:
        """The keys of the files that may hold a row of one of these spans of event time, in order."""
        self._catch_up()
        return sorted(key for key, held in self._files.items() if any(held.overlaps(span) for span in spans))

    def add(self, manifest: Manifest) -> None:
        """Take in what a batch has published; asked again, nothing changes."""
        if self._loaded:
            self._take(_bound_files(manifest))

    def _catch_up(self) -> None:
        # Operations first: whatever they supersede stands in a manifest that is read after them.
        operations = read_operations(self._ledger, after=self._operations)
        if not self._loaded:
            for manifest in self._ledger.read_manifests():
                self._take(_bound_files(manifest))
            self._loaded = True
        for operation in operations:
            for key in operation.superseded.get(_CURATED, ()):
                self._files.pop(key, None)
            files = (file for file in operation.files if file.output == _CURATED)
            self._take(_Bounded(file.final_key, file.event_time_min, file.event_time_max) for file in files)
        self._operations += len(operations)

    def _take(self, files: Iterable[_Bounded]) -> None:
        for file in files:
            if file.earliest is not None and file.latest is not None:
                self._files[file.key] = span_times(file.earliest, file.latest)


def _bound_files(manifest: Manifest) -> Iterable[_Bounded]:
    """A manifest's curated files, each with the bounds of the whole batch."""
    earliest = min((c.event_time_min for c in manifest.counts if c.event_time_min), default=None)
    latest = max((c.event_time_max for c in manifest.counts if c.event_time_max), default=None)
    return (_Bounded(file.final_key, earliest, latest) for file in manifest.files if file.output == _CURATED)
