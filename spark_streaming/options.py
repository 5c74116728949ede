"""The command-line options that the job's entry script and `python -m spark_streaming` share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class QueryChoice(StrEnum):
    """Which of a pipeline's queries to run."""

    INGEST = "ingest"
    AGGREGATES = "aggregates"
    ALL = "all"


# Bounds what one batch takes of disk and of time to repeat, also where a whole topic is drained.
MAX_OFFSETS_PER_TRIGGER = 1_000_000

Pipeline = Annotated[str, typer.Argument(help="A contract's name, such as flights, or the path of its file.")]
Environment = Annotated[str, typer.Option("--env", help="Settings: conf/environments/<env>.toml.")]
AvailableNow = Annotated[bool, typer.Option("--available-now", help="Drain the topic and stop.")]
Interval = Annotated[str | None, typer.Option("--trigger", help='Take a batch every so often, such as "5 seconds".')]
MaxOffsets = Annotated[int, typer.Option("--max-offsets-per-trigger", min=1, help="At most so many a batch.")]
StartingOffsets = Annotated[
    str | None,
    typer.Option(
        "--starting-offsets", help="Where a new lineage begins: earliest, latest or JSON; else the ledger's end."
    ),
]
CheckpointRoot = Annotated[
    str | None, typer.Option("--checkpoint", help="Folder or s3a:// address of the checkpoints.")
]
MetricsPort = Annotated[
    int | None,
    typer.Option("--metrics-port", min=0, max=65535, help="Serve Prometheus metrics there; 0 takes a free port."),
]
Query = Annotated[QueryChoice, typer.Option("--query", help="Which queries to run.")]
CompactedOutput = Annotated[
    str | None, typer.Option("--output", help="raw, curated or rejected; without it all three.")
]
EventFrom = Annotated[
    str, typer.Option("--from", help='Event time from which on, in UTC: 2013-01-01, or "2 days" before --to.')
]
EventTo = Annotated[str, typer.Option("--to", help="Event time before which, in UTC, such as 2013-02-01.")]


class SourceChoice(StrEnum):
    """Where a backfill reads messages again."""

    KAFKA = "kafka"
    RAW = "raw"


Source = Annotated[SourceChoice, typer.Option("--source", help="Where to read the messages again.")]
WithRejected = Annotated[bool, typer.Option("--rejected", help="Take rejected rows of the range again too.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]
