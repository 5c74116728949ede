"""Late rows: curated rows of which a window had ended before the stream came to them. DataFrame in, DataFrame out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.manifest import LakeFile, Manifest
from pipeline_contract.model import Aggregate
from pipeline_contract.outputs import WINDOW_COLUMNS
from pipeline_contract.passport import PASSPORT
from spark_streaming.windows import assign_windows


def select_late(curated: DataFrame, aggregate: Aggregate, late_before: datetime) -> DataFrame:
    """The rows that Spark leaves out at this watermark, each once for each window that had ended, with its passport."""
    ended = F.col("window_end") <= F.lit(late_before).cast("timestamp_ntz")
    return assign_windows(curated, aggregate).where(ended).select(*WINDOW_COLUMNS, *PASSPORT)


def list_late_files(published: Iterable[Manifest], late_before: datetime | None) -> list[LakeFile]:
    """The curated files that may hold late rows: a window ends after the event time of each of its rows."""
    if late_before is None:
        return []
    return [
        file
        for manifest in published
        if any(count.event_time_min and count.event_time_min < late_before for count in manifest.counts)
        for file in manifest.files_of("curated")
    ]
