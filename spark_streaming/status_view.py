"""The status of a pipeline as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from spark_streaming.offsets import Offsets, sum_offsets
from spark_streaming.status import PipelineStatus, QueryStatus

# A topic of a hundred partitions would hide all else.
_SHOWN_PARTITIONS = 8


def show_status(status: PipelineStatus, console: Console) -> None:
    """Write one table a query, and what could not be asked."""
    for query in status.queries:
        table = Table(title=f"{status.pipeline} {query.query}", show_header=False, title_justify="left")
        for name, value in describe_query(query):
            table.add_row(name, value.replace("[", r"\["))
        console.print(table)
    if status.trouble:
        console.print(f"lag unknown: {status.trouble}", markup=False)


def describe_query(query: QueryStatus) -> Iterator[tuple[str, str]]:
    """The rows of a query's table: what is named, and what it is."""
    yield "state", query.state
    if query.conflict:
        yield "conflict", query.conflict
    if query.lineage is None:
        return
    yield "lineage", query.lineage
    yield "owner", f"{query.owner} (epoch {query.epoch})" if query.owner else "none"
    if query.checkpoint:
        yield "checkpoint", query.checkpoint.location
        yield "planned, committed", f"batch {query.checkpoint.planned}, batch {query.checkpoint.committed}"
    if query.attempts:
        yield "staged, unpublished", f"{query.attempts} attempt(s)"
    if published := query.published:
        yield (
            "published",
            f"batch {published.batch}" + (f" at {published.at:%Y-%m-%d %H:%M:%S %Z}" if published.at else ""),
        )
        yield "rows in it", ", ".join(f"{name} {count:,}" for name, count in published.rows.items()) or "none"
        if published.reasons:
            yield "rejected in it", ", ".join(f"{reason} {count:,}" for reason, count in published.reasons.items())
        if published.watermark:
            yield "watermark", f"{published.watermark:%Y-%m-%d %H:%M:%S} UTC"
        yield "offsets", describe_offsets(published.ends)
    if query.lag is not None:
        yield "lag", f"{sum_offsets(query.lag):,}: {describe_offsets(query.lag)}"
    if query.operations:
        yield "operations", ", ".join(f"{count} {kind}" for kind, count in query.operations.items())


def describe_offsets(offsets: Offsets) -> str:
    """Offsets by topic and partition; of many partitions only the first ones."""
    topics = []
    for topic, of in sorted(offsets.items()):
        shown = [f"{partition}: {offset:,}" for partition, offset in sorted(of.items())[:_SHOWN_PARTITIONS]]
        more = [f"and {len(of) - len(shown)} more"] if len(of) > len(shown) else []
        topics.append(f"{topic} " + ", ".join(shown + more))
    return "; ".join(topics)
