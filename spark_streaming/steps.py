"""The named steps of the publish protocol, told to whoever listens: the progress report, and tests that kill in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Literal

StepName = Literal["stage", "inspect", "manifest", "copy", "delta", "close", "windows", "operation"]


@dataclass(frozen=True)
class Step:
    """One step of one batch, at its begin or its end; `subject` is what it works on, such as a key."""

    name: StepName
    phase: Literal["begin", "end"]
    query: str
    batch_id: str
    subject: str = ""
    seconds: float = 0.0


Listener = Callable[[Step], None]


@contextmanager
def announce(listener: Listener, name: StepName, query: str, batch_id: str, subject: str = "") -> Iterator[None]:
    """Tell the listener when the block begins and, with its duration, when it has ended well."""
    listener(Step(name, "begin", query, batch_id, subject))
    started = monotonic()
    yield
    listener(Step(name, "end", query, batch_id, subject, monotonic() - started))
