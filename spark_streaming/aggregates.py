"""The aggregate queries: windows over what the ingest has published, published when the watermark has passed them."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.expressions import find_columns
from pipeline_contract.layout import name_batch
from pipeline_contract.manifest import Manifest
from pipeline_contract.model import Aggregate, Contract
from pipeline_contract.outputs import FileOutput, curated_columns, derive_aggregate, derive_late
from spark_streaming.ingest import ingest_outputs
from spark_streaming.late_rows import list_late_files, select_late
from spark_streaming.offsets import range_ends, sum_offsets
from spark_streaming.publisher import Batch, Publisher
from spark_streaming.row_files import read_output, write_output
from spark_streaming.windows import aggregate_rows


def define_aggregate(contract: Contract, aggregate: Aggregate) -> dict[str, str]:
    """All that decides what the query's state means, in words; a changed one needs a new lineage."""
    assert contract.event_time is not None  # noqa: S101 - the contract's checks demand it of an aggregate
    spans = {"window": aggregate.window, "slide": aggregate.slide, "gap": aggregate.gap}
    return {
        "reads": "curated rows",
        "event_time": contract.event_time.column,
        "watermark": str(contract.event_time.watermark),
        **{name: str(span) for name, span in spans.items() if span is not None},
        "group_by": ", ".join(aggregate.group_by) or "nothing",
        **{f"measure {m.name!r}": f"{m.type} {m.expression}" for m in aggregate.measures},
        **{f"column {name!r}": kind for name, kind in source_columns(contract, aggregate).items()},
    }


def source_columns(contract: Contract, aggregate: Aggregate) -> dict[str, str]:
    """The curated columns that an aggregate reads beside the event time, with their types."""
    read = set(aggregate.group_by).union(*(find_columns(m.expression) for m in aggregate.measures))
    return {name: str(kind) for name, kind in curated_columns(contract).items() if name in read}


def aggregate_outputs(contract: Contract, aggregate: Aggregate) -> tuple[FileOutput, FileOutput]:
    """The two outputs of an aggregate's query: its windows, and the rows that came too late for them."""
    return derive_aggregate(contract, aggregate), derive_late(aggregate)


def aggregate_stream(curated: DataFrame, contract: Contract, aggregate: Aggregate) -> DataFrame:
    """The unstarted stream of closed windows; rows later than the watermark are not in them."""
    assert contract.event_time is not None  # noqa: S101 - the contract's checks demand it of an aggregate
    late_by = f"{int(contract.event_time.watermark.total_seconds())} seconds"
    # A watermark wants an instant; in the session's time zone, UTC, it is the same one.
    timed = curated.withColumn("_event_time", F.col("_event_time").cast("timestamp"))
    return aggregate_rows(timed.withWatermark("_event_time", late_by), contract, aggregate)


@dataclass(frozen=True)
class WindowVersion:
    """Which version of its windows a batch or an operation publishes."""

    lineage: str
    as_of: int
    batch_id: str
    withdrawn: bool = False


def add_aggregate_passport(windows: DataFrame, contract: Contract, version: WindowVersion) -> DataFrame:
    """Windows with where they come from: the topic, the lineage, the number of offsets read, the batch."""
    passport = {
        "_topic": F.lit(contract.topic.name),
        "_lineage": F.lit(version.lineage),
        "_as_of": F.lit(version.as_of).cast("bigint"),
        "_withdrawn": F.lit(version.withdrawn),
        "_batch_id": F.lit(version.batch_id),
    }
    return windows.select("*", *(column.alias(name) for name, column in passport.items()))


@dataclass(frozen=True)
class AggregateStage:
    """Writes the staged files of an aggregate's batches: the windows that were closed, and the rows that came too late."""

    spark: SparkSession
    contract: Contract
    aggregate: Aggregate

    def publish(self, publisher: Publisher, batch: Batch, windows: DataFrame) -> Manifest:
        """Publish one micro-batch and return the manifest that stands for it."""
        return publisher.publish(batch, lambda location: self._stage(publisher, batch, windows, location))

    def _stage(self, publisher: Publisher, batch: Batch, windows: DataFrame, location: str) -> None:
        closed, late = aggregate_outputs(self.contract, self.aggregate)
        lineage = publisher.lineage.lineage
        as_of = sum_offsets(range_ends(batch.ranges))
        version = WindowVersion(lineage, as_of, name_batch(lineage, batch.number))
        rows = add_aggregate_passport(windows, self.contract, version)
        write_output(rows, closed, f"{location}{closed.name}", 1)
        files = list_late_files(batch.published, batch.late_before)
        if batch.late_before is not None and files:
            places = [f"s3a://{publisher.ledger.bucket}/{file.final_key}" for file in files]
            curated = read_output(self.spark, ingest_outputs(self.contract)[1], places)
            write_output(select_late(curated, self.aggregate, batch.late_before), late, f"{location}{late.name}", 1)
