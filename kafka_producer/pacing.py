"""When rows are due: at once, evenly, or as far apart as they happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from kafka_producer.row import Row, SourceItem
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract

# The letters of Spark's datetime patterns that strptime has too.
# Source: spark.apache.org/docs/latest/sql-ref-datetime-pattern.html
_DIRECTIVES = {
    "yyyy": "%Y", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d", "HH": "%H", "H": "%H", "mm": "%M", "m": "%M",
    "ss": "%S", "s": "%S", "SSSSSS": "%f", "SSS": "%f", "XXX": "%z", "X": "%z", "Z": "%z", "MMM": "%b", "a": "%p",
    "hh": "%I", "h": "%I",
}  # fmt: skip


class Pace(Protocol):
    """Says when items are due, in seconds after the replay's start; asked once for each item, in order."""

    def schedule(self, items: Sequence[SourceItem], /) -> list[float]:
        """The items' times; what lies before now is due at once."""


class FullSpeed:
    """Everything is due at once."""

    def schedule(self, items: Sequence[SourceItem], /) -> list[float]:
        """Always the start."""
        return [0.0] * len(items)


class EvenPace:
    """One item every `gap_s` seconds, the first at once."""

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._count = 0

    def schedule(self, items: Sequence[SourceItem], /) -> list[float]:
        """Each item's place in the queue times the gap."""
        first = self._count
        self._count += len(items)
        return [place * self._gap_s for place in range(first, self._count)]


class EventPace:
    """As far apart as the rows' event times are, `speed` times as fast, counted from the first row.

    A row from before the first, one without a readable time, and a bad row are due at once.
    """

    def __init__(self, speed: float, read_time: Callable[[Row], datetime | None]) -> None:
        self._speed = speed
        self._read_time = read_time
        self._first: datetime | None = None

    def schedule(self, items: Sequence[SourceItem], /) -> list[float]:
        """The time since the first row's event, divided by the speed."""
        return [self._schedule_item(item) for item in items]

    def _schedule_item(self, item: SourceItem) -> float:
        time = self._read_time(item) if isinstance(item, Row) else None
        if time is None:
            return 0.0
        if self._first is None:
            self._first = time
        return max(0.0, (time - self._first).total_seconds() / self._speed)


def choose_pace(contract: Contract, delay_s: float | None, rate: float | None, speed: float | None) -> Pace:
    """The pace that the options ask for; `ConfigurationError` for more than one, or for one that cannot be."""
    given = {"--delay": delay_s, "--rate": rate, "--speed": speed}
    chosen = {name: value for name, value in given.items() if value is not None}
    if len(chosen) > 1:
        raise ConfigurationError(f"{' and '.join(chosen)} exclude each other: give one of them")
    if any(value <= 0 for value in chosen.values()):
        raise ConfigurationError(f"{next(iter(chosen))} must be greater than 0")
    if delay_s is not None:
        return EvenPace(delay_s)
    if rate is not None:
        return EvenPace(1 / rate)
    if speed is not None:
        return EventPace(speed, open_event_clock(contract))
    return FullSpeed()


def open_event_clock(contract: Contract) -> Callable[[Row], datetime | None]:
    """Reads a row's event time (UTC where the text has no zone); None where it has none that can be read."""
    if contract.event_time is None:
        raise ConfigurationError(f"--speed needs an event time, and contract {contract.name!r} declares none")
    names = [column.name for column in contract.columns]
    place = names.index(contract.event_time.column)
    pattern = contract.columns[place].format
    directives = translate_pattern(pattern) if pattern else None

    def read_time(row: Row) -> datetime | None:
        text = row.values[place]
        try:
            time = datetime.strptime(text or "", directives) if directives else datetime.fromisoformat(text or "")  # noqa: DTZ007
        except ValueError:
            return None
        return time if time.tzinfo else time.replace(tzinfo=UTC)

    return read_time


def translate_pattern(pattern: str) -> str:
    """A datetime pattern of Spark as one of strptime; `ConfigurationError` for a letter that has no counterpart."""
    result = ""
    rest = pattern
    while rest:
        if rest[0] == "'":
            quoted, _, rest = rest[1:].partition("'")
            result += (quoted or "'").replace("%", "%%")
            continue
        run = rest[: len(rest) - len(rest.lstrip(rest[0]))]
        rest = rest[len(run) :]
        if run[0].isalpha():
            if run not in _DIRECTIVES:
                raise ConfigurationError(f"--speed cannot read times written as {pattern!r}: {run!r} is not supported")
            result += _DIRECTIVES[run]
        else:
            result += run.replace("%", "%%")
    return result
