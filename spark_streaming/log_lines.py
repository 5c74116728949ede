"""Log lines: one JSON object each, with the batch that it is about, whoever writes it: the job, a library, or Spark.

Spark's Java side writes the same fields by `conf/spark/log4j2.properties`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from pyspark.sql import SparkSession

from pipeline_contract.errors import PipelineError
from pipeline_contract.manifest import OffsetRange


@dataclass(frozen=True)
class BatchPlace:
    """The batch that a line is about; offsets by topic and partition, from the first one to the one after the last."""

    query: str
    batch: int
    batch_id: str
    offsets: dict[str, dict[int, tuple[int, int]]]


# The batch that this thread works on.
CURRENT: ContextVar[BatchPlace | None] = ContextVar("batch", default=None)
_NOWHERE: dict[str, Any] = {"query": None, "batch": None, "batch_id": None, "offsets": None}


def locate_batch(query: str, batch: int, batch_id: str, ranges: tuple[OffsetRange, ...]) -> BatchPlace:
    """The place of a batch from its ranges."""
    offsets: dict[str, dict[int, tuple[int, int]]] = {}
    for r in ranges:
        offsets.setdefault(r.topic, {})[r.partition] = (r.start, r.end)
    return BatchPlace(query, batch, batch_id, offsets)


@contextmanager
def work_on(place: BatchPlace, spark: SparkSession) -> Iterator[None]:
    """Name the batch in every line that this thread, Spark's thread of the query and its tasks write in the block.

    A `PipelineError` that leaves the block carries the place, for the line that tells of it.
    """
    token = CURRENT.set(place)
    tags = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asdict(place).items()}
    jvm: Any = spark.sparkContext._jvm
    for name, value in tags.items():
        jvm.org.apache.logging.log4j.ThreadContext.put(f"mdc.{name}", value)
        spark.sparkContext.setLocalProperty(f"mdc.{name}", value)
    try:
        yield
    except PipelineError as error:
        error.context = asdict(place)
        raise
    finally:
        CURRENT.reset(token)


def format_line(event: str, **details: Any) -> str:
    """One line: event, time, level, the current batch or nulls, then the details, which go before all of these."""
    place = CURRENT.get()
    line = {
        "event": event,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": "error" if event == "error" else "info",
        **(asdict(place) if place else _NOWHERE),
        **details,
    }
    return json.dumps(line, default=str) + "\n"


class LineHandler(logging.Handler):
    """Writes the records of Python's logging as lines of the event `log`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(logging.WARNING)
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a failing one must not stop the job."""
        try:
            stack = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
            details = {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
            self._stream.write(format_line("log", **details, stack=stack))
            self._stream.flush()
        except Exception:
            self.handleError(record)


def capture_logging(stream: TextIO) -> None:
    """From now on warnings and errors of every library are lines of `stream`."""
    root = logging.getLogger()
    root.handlers = [LineHandler(stream)]
    # It tells of every exception that crosses to Java; the job tells it once, in a sentence.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
