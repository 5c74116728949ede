"""Half-open ranges of event time, and what is known of the event times in a file. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline_contract.manifest import Backfill, Compaction, Manifest, OperationFile

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of rows have no zone


@dataclass(frozen=True)
class EventRange:
    """Event times from `start` on and before `end`, both in UTC without a zone."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"[{self.start.isoformat()}, {self.end.isoformat()})"

    def overlaps(self, other: EventRange | None) -> bool:
        """Whether a time lies in both; nothing is known to lie in no range."""
        return other is not None and other.start < self.end and self.start < other.end

    def widen(self, margin: timedelta) -> EventRange:
        """The range with a margin on both sides, as far as there are years."""
        first, last = datetime.min, datetime.max  # noqa: DTZ901 - times of rows have no zone
        return EventRange(self.start - min(margin, self.start - first), self.end + min(margin, last - self.end))

    def surrounds(self, other: EventRange, margin: timedelta) -> bool:
        """Whether the range holds another with more than a margin on both sides, or ends where the years do."""
        first, last = datetime.min, datetime.max  # noqa: DTZ901 - times of rows have no zone
        begins = self.start == first or other.start - self.start > margin
        return begins and (self.end == last or self.end - other.end > margin)

    def widen_to_windows(self, window: timedelta, slide: timedelta) -> EventRange:
        """From the start of the first window that holds a time of the range to the end of the last one.

        Windows are aligned to 1970-01-01 UTC, as Spark's are.
        """
        first = _EPOCH + ((self.start - window - _EPOCH) // slide + 1) * slide
        last = _EPOCH + -((_EPOCH - self.end) // slide + 1) * slide
        return EventRange(first, last + window)


def join_ranges(ranges: Iterable[EventRange | None]) -> EventRange | None:
    """The smallest range that holds all of these; None for none."""
    known = [r for r in ranges if r is not None]
    return EventRange(min(r.start for r in known), max(r.end for r in known)) if known else None


def find_file_ranges(
    manifests: Iterable[Manifest], operations: Iterable[Compaction | Backfill]
) -> dict[str, EventRange | None]:
    """By key the range in which the event times of a file's rows lie; of a batch's files that of its curated rows."""
    ranges: dict[str, EventRange | None] = {}
    for manifest in manifests:
        whole = join_ranges(_close(count.event_time_min, count.event_time_max) for count in manifest.counts)
        ranges.update((file.final_key, whole) for file in manifest.files)
    for operation in operations:
        ranges.update((file.final_key, file_range(file)) for file in operation.files)
    return ranges


def file_range(file: OperationFile) -> EventRange | None:
    """The range in which the event times of an operation's file lie."""
    return _close(file.event_time_min, file.event_time_max)


def _close(lowest: datetime | None, highest: datetime | None) -> EventRange | None:
    """The half-open range that holds both bounds; times have microseconds."""
    if lowest is None or highest is None:
        return None
    return EventRange(lowest, highest + timedelta(microseconds=1))
