"""A stream over what the ingest has published: windows and late rows against a batch query and Spark's own count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, Row, SparkSession

from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import S3Settings
from pipeline_contract.errors import NotFinished, PipelineError, PublishConflict, ServiceError
from pipeline_contract.manifest import BatchPosition, Lineage, Manifest, OffsetRange
from pipeline_contract.model import Aggregate
from pipeline_contract.outputs import aggregate_query
from spark_streaming.aggregates import aggregate_stream, source_columns
from spark_streaming.curated_source import CuratedRequest, CuratedStream, read_curated_stream
from spark_streaming.late_rows import list_late_files, select_late
from spark_streaming.lineage import Start
from spark_streaming.published_batches import LedgerOrigin, PublishedBatches, check_drained, extend_ranges, read_run
from spark_streaming.publisher import Batch
from spark_streaming.query import RunningQuery, find_failure, open_checkpoint, start_patiently, stop_when_drained
from spark_streaming.windows import aggregate_rows
from tests.orders import TOPIC, TOPIC_IDS, build_contract
from tests.spark.published_rows import Order, PublishedRows

BEGIN = datetime(2024, 5, 1)  # noqa: DTZ001 - times of the lake have no zone
WATERMARK = timedelta(minutes=30)
MEASURES = [
    {"name": "orders", "type": "bigint", "expression": "count(*)"},
    {"name": "most", "type": "integer", "expression": "max(count)"},
]
# Each row a group of its own: Spark counts what it drops after it has begun to add up.
TUMBLING = {"name": "tumbling", "window": "20 minutes", "group_by": ["id"], "measures": MEASURES}
SLIDING = {"name": "sliding", "window": "40 minutes", "slide": "15 minutes", "group_by": ["id"], "measures": MEASURES}
SESSION = {"name": "session", "gap": "10 minutes", "group_by": ["id"], "measures": MEASURES}
CONTRACT = build_contract(
    event_time={"column": "at", "watermark": "30 minutes"}, aggregate=[TUMBLING, SLIDING, SESSION]
)
FIRST = BatchPosition(lineage="0001-abcdef", batch=-1)


@dataclass
class SeenBatches:
    """What the batches of one query gave, and which of their rows are said to be late."""

    spark: SparkSession
    batches: PublishedBatches
    aggregate: Aggregate
    orders: dict[int, Order]
    windows: list[Row] = field(default_factory=list)
    late: list[tuple[int, datetime]] = field(default_factory=list)
    dropped: int = 0

    def take(self, frame: DataFrame, number: int) -> None:
        """One batch."""
        self.windows += frame.collect()
        batch = self.batches.read(number)
        self._put_manifest(batch)
        if batch.late_before is None:
            return
        # What may be passed over holds no late row.
        files = {file.final_key for file in list_late_files(batch.published, batch.late_before)}
        for manifest in batch.published:
            rows = select_late(self._curated(manifest), self.aggregate, batch.late_before).collect()
            assert not rows or files & {file.final_key for file in manifest.files}
            self.late += [(row["_offset"], row["window_end"]) for row in rows]

    def _put_manifest(self, batch: Batch) -> None:
        """What the job leaves of a batch: the next one begins where it ends."""
        own = self.batches.own
        manifest = Manifest(
            pipeline=own.pipeline, query=own.query, lineage=self.batches.lineage.lineage, batch=batch.number, epoch=1,
            attempt="first", contract_version=1, contract_hash="h", ranges=batch.ranges, counts=(), files=(),
        )  # fmt: skip
        assert own.put_entry(manifest) == manifest

    def _curated(self, manifest: Manifest) -> DataFrame:
        [read] = manifest.ranges
        rows = [(None, None, TOPIC, "id", 0, n, self.orders[n].at, "b") for n in range(read.start, read.end)]
        schema = (
            "_source_file string, _source_line long, _topic string, _topic_id string, _partition int, _offset long, "
            "_event_time timestamp_ntz, _batch_id string"
        )
        return self.spark.createDataFrame(rows, schema)


@pytest.fixture
def published(s3_settings: S3Settings) -> PublishedRows:
    return PublishedRows(open_s3(s3_settings), s3_settings.bucket, CONTRACT)


@pytest.fixture
def s3_settings(s3_endpoint: str, unique_bucket: str) -> S3Settings:
    return S3Settings(endpoint_url=s3_endpoint, bucket=unique_bucket)


def build_request(s3_settings: S3Settings, aggregate: Aggregate, max_rows: int) -> CuratedRequest:
    columns = source_columns(CONTRACT, aggregate) | {"_event_time": "timestamp"}
    return CuratedRequest(
        s3=s3_settings, pipeline=TOPIC, after=FIRST, format="parquet", columns=columns, max_rows=max_rows, tasks=2
    )


def build_orders(first: int, count: int, random: Random) -> list[Order]:
    """Orders a minute apart, of which some come up to two hours late."""
    delays = (random.choice((0, 0, 0, 5, 25, 45, 120)) for _ in range(count))
    return [Order(first + n, BEGIN + timedelta(minutes=3 * (first + n) - late)) for n, late in enumerate(delays)]


def start_aggregate(spark: SparkSession, request: CuratedRequest, seen: SeenBatches, location: Path) -> RunningQuery:
    stream = aggregate_stream(read_curated_stream(spark, request), CONTRACT, seen.aggregate)
    writer = stream.writeStream.option("checkpointLocation", str(location)).foreachBatch(seen.take)
    timed = writer.trigger(processingTime="0 seconds")
    query = start_patiently(lambda: RunningQuery(seen.aggregate.name, timed.start()))
    stop_when_drained(query)
    return query


def finish(query: RunningQuery, seen: SeenBatches) -> None:
    assert query.stream.awaitTermination(120)
    seen.dropped += sum(
        operator.numRowsDroppedByWatermark for p in query.stream.recentProgress for operator in p.stateOperators
    )


@pytest.mark.timeout(900)
def test_windows_and_late_rows_are_what_spark_says(
    spark_session: SparkSession, published: PublishedRows, s3_settings: S3Settings, tmp_path: Path
) -> None:
    random = Random(7)
    orders = build_orders(0, 60, random)
    runs = [(orders[:20], orders[20:30]), (orders[30:45], orders[45:60])]
    every = {order.number: order for order in orders}
    seen = [see_batches(spark_session, published, aggregate, every, tmp_path) for aggregate in CONTRACT.aggregates]
    for batches in runs:  # the second one goes on from the checkpoint of the first
        for batch in batches:
            published.publish(batch)
        for of in seen:
            request = build_request(s3_settings, of.aggregate, 1)
            finish(start_aggregate(spark_session, request, of, tmp_path / of.aggregate.name), of)

    for of in seen:
        assert of.late, of.aggregate.name
        assert len(of.late) == of.dropped, of.aggregate.name
        check_windows(spark_session, of, orders)


def see_batches(
    spark: SparkSession, published: PublishedRows, aggregate: Aggregate, orders: dict[int, Order], folder: Path
) -> SeenBatches:
    lineage = Lineage(
        pipeline=TOPIC, query=aggregate_query(aggregate), lineage="0001-own", number=1, checkpoint="", contract_hash="",
        starts=(build_range(0, 0),), begins_after=FIRST,
    )  # fmt: skip
    own = Ledger(published.s3, published.bucket, TOPIC, lineage.query)
    batches = PublishedBatches(published.ledger, own, open_checkpoint(spark, str(folder / aggregate.name)), lineage)
    return SeenBatches(spark, batches, aggregate, orders)


def check_windows(spark: SparkSession, seen: SeenBatches, orders: Sequence[Order]) -> None:
    """Hold that the closed windows are those of a batch query over all rows that were not late for them."""
    rows = [(order.number, order.at, order.number % 7) for order in orders]
    frame = spark.createDataFrame(rows, "id long, _event_time timestamp_ntz, count int")
    whole = {tuple(row) for row in aggregate_rows(frame, CONTRACT, seen.aggregate).collect()}
    closed = seen.batches.read(seen.batches.checkpoint.last_planned()).watermark
    late = set(seen.late)
    expected = {row for row in whole if row[1] <= closed and (row[2], row[1]) not in late}
    assert {tuple(row) for row in seen.windows} == expected
    assert len(seen.windows) == len(expected) > 10


def build_range(start: int, end: int) -> OffsetRange:
    return OffsetRange(topic=TOPIC, topic_id=TOPIC_IDS[TOPIC], partition=0, start=start, end=end)


def test_a_batch_waits_for_its_files_and_takes_whole_ingest_batches(
    published: PublishedRows, s3_settings: S3Settings
) -> None:
    orders = [Order(n, BEGIN) for n in range(12)]
    stream = CuratedStream(build_request(s3_settings, CONTRACT.aggregates[0], 8))
    assert stream.latestOffset() == stream.initialOffset() == FIRST.model_dump()

    for n in (0, 3, 6):
        published.publish(orders[n : n + 3])
    waiting = published.put_manifest(orders[9:])

    # Two batches of three rows fit in eight; the same again as long as nothing is planned.
    assert stream.latestOffset() == stream.latestOffset() == {"lineage": published.lineage, "batch": 1}
    assert len(stream.partitions(FIRST.model_dump(), stream.latestOffset())) == 2
    # The fourth is not copied yet.
    assert stream.latestOffset() == {"lineage": published.lineage, "batch": 2}
    with pytest.raises(NotFinished, match=r"batch 3 .* is not published whole yet"):
        check_drained(published.ledger, register_reader(published, read_to=2))
    published.put_file(orders[9:], waiting)
    check_drained(published.ledger, register_reader(published, read_to=2))
    assert stream.latestOffset() == {"lineage": published.lineage, "batch": 3}
    # A restarted query is told where it stands.
    stream.partitions({"lineage": published.lineage, "batch": 3}, {"lineage": published.lineage, "batch": 3})
    assert stream.latestOffset() == {"lineage": published.lineage, "batch": 3}


def register_reader(published: PublishedRows, read_to: int) -> Ledger:
    """The ledger of an aggregate's query that begins behind a batch."""
    own = Ledger(published.s3, published.bucket, TOPIC, "aggregate-tumbling")
    own.register_lineage(
        Lineage(
            pipeline=TOPIC, query=own.query, lineage="0001-own", number=1, checkpoint="", contract_hash="",
            starts=(), begins_after=BatchPosition(lineage=published.lineage, batch=read_to),
        )
    )  # fmt: skip
    return own


class Damage(NamedTuple):
    id: str
    key: str
    kind: type[PipelineError]
    said: str


DAMAGES = [
    Damage(
        "manifest_gone", "_ledger/orders/ingest/0001-abcdef/0000000001.json", PublishConflict,
        r"manifest of batch 1 of lineage 0001-abcdef is missing, .* restore it",
    ),
    Damage(
        "file_gone", "lake/orders/curated/0001-abcdef-0000000001-0000.parquet", ServiceError,
        r"cannot read the published s3://\w+/lake/orders/curated/0001-abcdef-0000000001-0000.parquet",
    ),
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.id for damage in DAMAGES])
def test_nothing_is_passed_over(
    spark_session: SparkSession, published: PublishedRows, s3_settings: S3Settings, tmp_path: Path, damage: Damage
) -> None:
    for n in range(3):
        published.publish([Order(n, BEGIN)])
    published.s3.delete_object(Bucket=published.bucket, Key=damage.key)
    stream = read_curated_stream(spark_session, build_request(s3_settings, CONTRACT.aggregates[0], 8))
    writer = stream.writeStream.format("noop").option("checkpointLocation", str(tmp_path))
    query = start_patiently(lambda: RunningQuery("orders/tumbling", writer.start()))

    with pytest.raises(StreamingQueryException):
        query.stream.processAllAvailable()

    # Spark runs the source in other processes; the error is ours again.
    failure = find_failure(query)
    assert type(failure) is damage.kind
    assert re.search(damage.said, str(failure))


def test_a_lineage_begins_at_the_first_batch_or_where_it_is_told(published: PublishedRows) -> None:
    with pytest.raises(NotFinished, match="--query ingest"):
        read_run(Ledger(published.s3, published.bucket, "nothing", "ingest"), TOPIC)
    for n in (0, 5, 10):
        published.publish([Order(number, BEGIN) for number in range(n, n + 5)])
    run = read_run(published.ledger, TOPIC)

    def choose(wanted: str | None) -> Start:
        return LedgerOrigin(published.ledger, run, wanted).choose_start(None)

    after = {batch: BatchPosition(lineage=published.lineage, batch=batch) for batch in (0, 1, 2)}
    assert choose(None) == choose("earliest") == Start((build_range(0, 0),), FIRST)
    assert choose('{"orders": {"0": 5}}') == Start((build_range(5, 5),), after[0])
    # Whole batches are read: offset 12 lies in the one that begins at 10.
    assert choose('{"orders": {"0": 12}}') == Start((build_range(10, 10),), after[1])
    assert choose("latest") == Start((build_range(15, 15),), after[2])


def test_an_ingest_that_began_anew_is_not_counted_on() -> None:
    first, second = build_manifest(0, 10), build_manifest(10, 15)
    assert extend_ranges([build_range(0, 0)], [first, second]) == (build_range(0, 15),)
    assert extend_ranges([build_range(0, 15)], []) == (build_range(15, 15),)

    with pytest.raises(
        PublishConflict, match="began anew: topic 'orders' partition 0 was read up to 15, and goes on at 0"
    ):
        extend_ranges([build_range(0, 15)], [first])


def build_manifest(start: int, end: int) -> Manifest:
    values: dict[str, Any] = {"pipeline": TOPIC, "query": "ingest", "lineage": "0001-abcdef", "batch": 0, "epoch": 1}
    return Manifest(
        **values,
        attempt="a",
        contract_version=1,
        contract_hash="",
        ranges=(build_range(start, end),),
        counts=(),
        files=(),
    )
