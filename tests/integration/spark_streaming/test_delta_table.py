"""A Delta table of published files: one commit a batch whoever commits, caught up from the ledger, merged and vacuumed."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connections.delta_table import is_merged, storage_options
from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import S3Settings, Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.layout import final_key, name_batch
from pipeline_contract.manifest import Lineage, Manifest, PublishedFile
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST, derive_outputs
from spark_streaming.delta_log import DeltaLog, describe_file, find_delta_log
from spark_streaming.delta_upkeep import delete_files, open_delta, plan_merges, plan_vacuum
from tests.orders import build_contract

LINEAGE = "0001-abcdef"
NOW = timedelta(0)


class Lab:
    """One pipeline's ledger and Delta table on a bucket of its own; its batches have three files of one row each."""

    def __init__(self, settings: S3Settings) -> None:
        self.settings = settings
        self.contract: Contract = build_contract(lake={"format": "delta", "partition_by": {"land": "country"}})
        self.s3 = open_s3(settings)
        self.ledger = Ledger(self.s3, settings.bucket, self.contract.name, INGEST)
        self.output = derive_outputs(self.contract)[1]
        self.log = self.open_log()
        self.log.prepare()

    def open_log(self) -> DeltaLog:
        """The table as another driver opens it."""
        log = find_delta_log(self.settings, self.contract, [self.output])
        assert log is not None
        return log

    def publish(self, batch: int) -> Manifest:
        """A batch's files and manifest, as they are before its commit to the table."""
        files = tuple(self._put_file(batch, number) for number in range(3))
        manifest = Manifest(
            pipeline=self.contract.name, query=INGEST, lineage=LINEAGE, batch=batch, epoch=1, attempt="a", ranges=(),
            contract_version=1, contract_hash="h", counts=(), files=files,
        )  # fmt: skip
        self.ledger.put_entry(manifest)
        return manifest

    def _put_file(self, batch: int, number: int) -> PublishedFile:
        key = final_key(self.contract.name, "curated", "land=N%2FO/", name_batch(LINEAGE, batch), number, "parquet")
        body = io.BytesIO()
        pq.write_table(pa.table({"id": pa.array([10 * batch + number], pa.int64())}), body)
        self.s3.put_object(Bucket=self.settings.bucket, Key=key, Body=body.getvalue())
        size = len(body.getvalue())
        return PublishedFile(output="curated", staged_key="s", final_key=key, bytes=size, rows=1, sha256="")

    def ids(self) -> list[int]:
        """What a reader of the table sees."""
        return sorted(self.log.table.open().to_pyarrow_table()["id"].to_pylist())

    def list_keys(self) -> set[str]:
        """Every data file that lies in the table's folder."""
        listed = self.s3.list_objects_v2(Bucket=self.settings.bucket, Prefix=self.log.table.prefix)
        return {item["Key"] for item in listed["Contents"] if item["Key"].endswith(".parquet")}


@pytest.fixture
def lab(unique_bucket: str, session_settings: Settings) -> Lab:
    return Lab(session_settings.s3.model_copy(update={"bucket": unique_bucket}))


def test_a_batch_is_committed_once_by_however_many_drivers(lab: Lab) -> None:
    manifest = lab.publish(0)
    logs = [lab.open_log() for _ in range(6)]

    with ThreadPoolExecutor(max_workers=6) as pool:
        list(pool.map(lambda log: log.add_batch(manifest), logs))
    lab.open_log().add_batch(manifest)

    assert lab.ids() == [0, 1, 2]
    assert lab.log.table.last_version(LINEAGE) == 0
    assert {file.partition["land"] for file in lab.log.table.list_files()} == {"N/O"}


def test_what_the_ledger_has_and_the_table_has_not_is_caught_up(lab: Lab) -> None:
    manifests = [lab.publish(batch) for batch in range(4)]
    lab.log.add_batch(manifests[0])
    lineage = Lineage(
        pipeline=lab.contract.name,
        query=INGEST,
        lineage=LINEAGE,
        number=1,
        checkpoint="c",
        contract_hash="h",
        starts=(),
    )

    for _ in range(2):
        lab.open_log().catch_up(lab.ledger, lineage, manifests[-1])

    assert lab.ids() == [10 * batch + number for batch in range(4) for number in range(3)]


def test_merged_files_show_the_same_rows_and_a_vacuum_keeps_what_the_ledger_names(lab: Lab) -> None:
    for batch in range(2):
        lab.log.add_batch(lab.publish(batch))
    table, published = lab.log.table, lab.list_keys()
    assert [(merge.partition, merge.files) for merge in plan_merges(table.list_files(), 10**6)] == [("land=N/O", 6)]

    assert table.merge_files(10**6) == 1
    first = {key for key in lab.list_keys() if is_merged(key)}
    unseen = lab.publish(2)  # published, and its driver has died before the commit
    assert plan_vacuum(table, NOW).keys == ()
    lab.log.add_batch(unseen)
    assert table.merge_files(10**6) == 1
    plan = plan_vacuum(table, NOW)
    delete_files(lab.s3, lab.settings.bucket, plan.keys)

    assert (set(plan.keys), plan.needed) == (first, 9)
    assert plan_vacuum(table, timedelta(days=7)).keys == ()
    assert lab.ids() == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert published | {file.final_key for file in unseen.files} <= lab.list_keys()
    assert plan_merges(table.list_files(), 10**6) == []


def test_a_new_column_is_added_and_a_changed_one_refused(lab: Lab) -> None:
    lab.log.add_batch(lab.publish(0))
    columns = [column.model_dump() | {"type": str(column.type)} for column in lab.contract.columns]
    wider = build_contract(lake=lab.contract.lake.model_dump(), column=[*columns, {"name": "note", "type": "string"}])
    log = find_delta_log(lab.settings, wider, derive_outputs(wider))
    assert log is not None
    log.prepare()
    assert lab.log.table.open().to_pyarrow_table()["note"].to_pylist() == [None] * 3

    columns[0]["type"] = "string"
    changed = build_contract(lake=lab.contract.lake.model_dump(), column=columns)
    log = find_delta_log(lab.settings, changed, derive_outputs(changed))
    assert log is not None
    with pytest.raises(ConfigurationError, match="column id is not what the table has"):
        log.prepare()


def test_other_formats_and_absent_tables_are_refused(unique_bucket: str, session_settings: Settings) -> None:
    settings = session_settings.model_copy(
        update={"s3": session_settings.s3.model_copy(update={"bucket": unique_bucket})}
    )
    with pytest.raises(ConfigurationError, match=r'lake\.format is "parquet"'):
        open_delta(settings, build_contract())
    with pytest.raises(ConfigurationError, match="there is no Delta table"):
        open_delta(settings, build_contract(lake={"format": "delta"}))


def test_no_credentials_are_given_for_aws() -> None:
    assert storage_options(S3Settings(region="eu-west-1")) == {"aws_region": "eu-west-1", "aws_conditional_put": "etag"}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("", {}),
        ("month=2024-01/", {"month": "2024-01"}),
        ("a=x%3Dy=z/b=%25/", {"a": "x=y=z", "b": "%"}),
        ("land=Ærø%2FSøby +/", {"land": "Ærø/Søby +"}),
    ],
)
def test_partition_values_are_read_from_the_key(path: str, values: dict[str, str]) -> None:
    key = final_key("orders", "curated", path, name_batch(LINEAGE, 0), 0, "parquet")
    file = PublishedFile(output="curated", staged_key="s", final_key=key, bytes=1, rows=1, sha256="")
    assert describe_file(file).partition == values
