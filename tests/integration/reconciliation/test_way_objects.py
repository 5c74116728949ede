"""The way into objects: what is deleted, doubled or altered there is named; put right again, all is complete."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from connections.s3 import open_s3
from connections.settings import Settings
from reconciliation.__main__ import app
from reconciliation.statement import Statement
from reconciliation.way_check import check_way
from tests.integration.kafka_consumer.s3_ways import S3Way, make_s3_way

ROWS, REJECTED, BATCH = 200, 20, 60
FIGURES = {
    "produced": ROWS, "raw": None, "curated": ROWS - REJECTED, "rejected": REJECTED, "loaded": ROWS - REJECTED,
    "pending": 0, "missing": 0, "duplicates": 0, "complete": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def written(
    kafka_bootstrap: str, s3_endpoint: str, session_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> S3Way:
    """A pipeline of which all rows are in objects, in several claims a partition."""
    name = f"t{uuid.uuid4().hex[:12]}"
    s3 = session_settings.s3.model_copy(update={"bucket": name})
    open_s3(s3).create_bucket(Bucket=name)
    way = make_s3_way(tmp_path_factory.mktemp("way"), name, session_settings.model_copy(update={"s3": s3}))
    way.pipeline.replay(0, ROWS)
    way.drain(rows=BATCH)
    return way


def check(way: S3Way) -> Statement:
    return check_way(way.pipeline.settings, way.pipeline.contract, "s3", [], 20, lambda _: None)


def find_first(way: S3Way, output: str) -> str:
    """The first object of an output that is not one of a partition's last claim."""
    last = {(claim.range.topic, claim.range.partition): claim for claim in way.read_claims()}
    closed = [claim for claim in way.read_claims() if claim not in last.values()]
    return next(item.key for claim in closed for item in claim.objects if item.output == output)


@contextmanager
def restored(way: S3Way) -> Iterator[None]:
    """Whatever is done to the bucket in the block is undone at its end."""
    keys = [*way.list_keys("curated"), *way.list_keys("rejected"), *(claim.key for claim in way.read_claims())]
    kept = {key: way.s3.get_object(Bucket=way.bucket, Key=key)["Body"].read() for key in keys}
    try:
        yield
    finally:
        for page in way.s3.get_paginator("list_objects_v2").paginate(Bucket=way.bucket):
            for item in page.get("Contents", []):
                way.s3.delete_object(Bucket=way.bucket, Key=item["Key"])
        for key, body in kept.items():
            way.s3.put_object(Bucket=way.bucket, Key=key, Body=body)


def delete(way: S3Way, key: str) -> None:
    way.s3.delete_object(Bucket=way.bucket, Key=key)


def double(way: S3Way, key: str) -> None:
    way.s3.copy_object(
        Bucket=way.bucket, CopySource={"Bucket": way.bucket, "Key": key}, Key=key.replace("-0", "-copy-0")
    )


def alter(way: S3Way, key: str) -> None:
    """Add one to each price, and leave the rest."""
    table = pq.read_table(io.BytesIO(way.s3.get_object(Bucket=way.bucket, Key=key)["Body"].read()))
    price = pc.add(table["price"], pa.scalar(1)).cast(table.schema.field("price").type)
    sink = io.BytesIO()
    pq.write_table(table.set_column(table.schema.get_field_index("price"), table.schema.field("price"), price), sink)
    way.s3.put_object(Bucket=way.bucket, Key=key, Body=sink.getvalue())


def spoil(way: S3Way, key: str) -> None:
    way.s3.put_object(Bucket=way.bucket, Key=key, Body=b"not Parquet any more")


class Case(NamedTuple):
    id: str
    output: str
    change: Callable[[S3Way, str], None]
    kind: str
    said: str


CASES = (
    Case("an object deleted", "curated", delete, "missing", "is gone;"),
    Case("an object of rejected rows deleted", "rejected", delete, "missing", "is gone;"),
    Case("an object doubled", "curated", double, "unexplained", "is in no claim"),
    Case("an object altered", "curated", alter, "altered", "SHA-256 of the values"),
    Case("an object spoilt", "curated", spoil, "altered", "cannot be read"),
)


def test_a_way_whose_rows_are_all_there_is_complete_with_the_keys_of_the_main_way(written: S3Way) -> None:
    variables = {
        "MILLRACE_KAFKA__BOOTSTRAP_SERVERS": written.pipeline.settings.kafka.bootstrap_servers,
        "MILLRACE_S3__ENDPOINT_URL": str(written.pipeline.settings.s3.endpoint_url),
        "MILLRACE_S3__BUCKET": written.bucket,
    }

    result = CliRunner().invoke(
        app, ("check", str(written.pipeline.path), "--way", "s3", "--json", "--quiet"), env=variables
    )

    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert {name: said[name] for name in FIGURES} == FIGURES
    assert said["rejected_by_reason"] == {"rule:known_kind": REJECTED}
    assert list(said) == list(Statement("p", 0, 0, 0, 0, 0, 0, 0, 0).as_json())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_was_done_to_an_object_is_named(case: Case, written: S3Way) -> None:
    key = find_first(written, case.output)
    with restored(written):
        case.change(written, key)
        statement = check(written)

    found = [f for f in statement.findings if f.kind == case.kind and case.said in f.text]
    assert len(found) == 1, statement.findings
    assert key.rpartition("/")[0] in found[0].text
    assert statement.exit_code == 1


def test_deleted_rows_are_missing_and_doubled_ones_are_counted(written: S3Way) -> None:
    key = find_first(written, "curated")
    rows = next(item.rows for claim in written.read_claims() for item in claim.objects if item.key == key)
    with restored(written):
        delete(written, key)
        assert check(written).missing == rows
    with restored(written):
        double(written, key)
        assert check(written).duplicates == rows


def test_a_claim_that_is_gone_leaves_a_gap(written: S3Way) -> None:
    with restored(written):
        delete(written, written.read_claims()[0].key)
        statement = check(written)

    assert any("claims are gone between offsets 0 and" in finding.text for finding in statement.findings)
    assert statement.exit_code == 1


def test_what_a_dead_consumer_has_claimed_and_not_put_is_pending_until_the_next_start(written: S3Way) -> None:
    last = max(written.read_claims(), key=lambda claim: (claim.range.topic == written.pipeline.name, claim.range.start))
    with restored(written):
        for item in last.objects:
            delete(written, item.key)
        statement = check(written)
        assert (statement.exit_code, statement.pending + statement.rejected) == (4, last.rows("curated") + REJECTED)


def test_rows_that_no_consumer_has_read_yet_are_pending(written: S3Way) -> None:
    written.pipeline.replay(ROWS, 10)

    assert (check(written).exit_code, check(written).pending) == (4, 10)

    written.drain()
    assert check(written).is_complete
