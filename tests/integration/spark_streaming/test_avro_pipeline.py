"""Avro values all the way: two versions of a schema by the real producer, a damaged value, Spark, table, reconciliation."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from connections.schema_registry import SchemaRegistry
from tests.integration.spark_streaming.job_runs import Pipeline

NOTE = '[[column]]\nname = "note"\ntype = "string"\n\n'


@pytest.mark.timeout(900)
def test_rows_of_two_schemas_arrive_and_a_damaged_value_is_rejected(pipeline: Pipeline) -> None:
    base = pipeline.path.read_text().replace('key = ["id"]', 'key = ["id"]\nvalue_format = "avro"')
    pipeline.path.write_text(base)
    pipeline.replay(pipeline.write_rows(0, 200))
    pipeline.path.write_text(base.replace("[[rule]]", NOTE + "[[rule]]", 1))
    second = pipeline.folder / "second.csv"
    second.write_text("id,at,kind,note\n" + "".join(f"{n},2024-01-02 10:00:{n:02d},a,n{n} é\n" for n in range(10)))
    pipeline.replay(second)
    send(pipeline, b"\0\0\0\0\1cut")
    pipeline.deploy()

    drained = pipeline.drain("--query", "ingest")
    assert drained.code == 0, drained.error
    assert drained.events[-1]["rows"]["ingest"] == {"raw": 211, "curated": 208, "rejected": 3}

    report = pipeline.reconcile()
    assert (report["produced"], report["curated"], report["rejected"], report["loaded"]) == (211, 208, 3, 208), report
    assert report["rejected_by_reason"] == {"decode:avro": 1, "rule:known_kind": 2}
    assert (report["pending"], report["missing"], report["duplicates"]) == (0, 0, 0), report
    assert [finding for finding in report["findings"] if finding["kind"] != "note"] == []
    notes = pipeline.query("SELECT NOTE, COUNT(*) AS N FROM EVENTS GROUP BY NOTE ORDER BY NOTE NULLS FIRST")
    assert [(row["NOTE"], row["N"]) for row in notes] == [(None, 198), *((f"n{n} é", 1) for n in range(10))]
    schemas = SchemaRegistry(pipeline.settings.kafka).read_schemas(f"{pipeline.name}-value")
    assert [("note" in schema) for _, schema in sorted(schemas.items())] == [False, True]


def send(pipeline: Pipeline, value: bytes) -> None:
    """One message of somebody else's."""
    producer = Producer({"bootstrap.servers": pipeline.settings.kafka.bootstrap_servers})
    producer.produce(pipeline.name, value)
    assert producer.flush(30) == 0
