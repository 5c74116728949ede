"""Canary secrets and personal data go through every way, and are then looked for wherever they must not be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from confluent_kafka import Producer

from connections.job_secrets import list_job_secrets
from connections.s3 import open_s3
from connections.settings import FunctionSettings, Settings
from connections.warehouse import open_warehouse, run_query
from pipeline_contract.outputs import derive_outputs
from pipeline_contract.raw_encryption import Place, decrypt_value, derive_keys
from tests.integration.kafka_consumer.functions import deploy_function
from tests.integration.kafka_consumer.pipelines import Pipeline as WayPipeline
from tests.integration.security.canaries import (
    BIRTHDAY,
    MAIL,
    OPEN,
    PERSON,
    PERSONAL,
    PHONE,
    SECRETS,
    find_canaries,
    read_files,
    read_texts,
)
from tests.integration.security.watched_job import wait_for, watch_job
from tests.integration.spark_streaming.job_runs import CONTRACT, Pipeline

COLUMNS = """
[[column]]
name = "mail"
type = "string"
protect = "hash"

[[column]]
name = "phone"
type = "bigint"
protect = "hash"

[[column]]
name = "person"
type = "string"
protect = "mask"

[[column]]
name = "birthday"
type = "date"
protect = "drop"

[[rule]]
name = "reachable"
expression = "mail like '%@%'"
"""
HEADER = "id,at,kind,mail,phone,person,birthday"
ROWS, BAD = 60, 5
RAW_KEY = SECRETS["MILLRACE_SPARK__RAW_KEY"]


@pytest.fixture
def pipeline(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> Pipeline:
    """A deployed pipeline with personal data, whose commands are given every secret that there is."""
    contract = CONTRACT.format(name=unique_name).replace("('a', 'b')", f"('a', 'b', '{OPEN}')")
    dedupe = '[dedupe]\nkey = ["id"]\nwithin = "1 day"\n\n[raw]\nzone = "encrypted"\n\n[[column]]'
    path = tmp_path / f"{unique_name}.toml"
    path.write_text(contract.replace("[[column]]", dedupe, 1) + COLUMNS)
    names = {"MILLRACE_KAFKA__SASL_USERNAME": "app", "MILLRACE_KAFKA__SCHEMA_REGISTRY_USERNAME": "app"}
    variables = sandbox_variables | names | SECRETS
    made = Pipeline(tmp_path, unique_name, sandbox_settings, variables, str(tmp_path / "checkpoints"))
    made.deploy()
    return made


def write_row(number: int, day: str, **changes: str) -> dict[str, str]:
    """A row of canaries."""
    return {
        "id": str(number), "at": f"{day} 10:{number % 60:02d}:00", "kind": OPEN, "mail": f"{MAIL}{number}@quux.example",
        "phone": f"{PHONE}{number:04d}", "person": f"{PERSON}{number}", "birthday": BIRTHDAY,
    } | changes  # fmt: skip


def write_source(path: Path, day: str, first: int) -> Path:
    """Good rows, a duplicate, and rows that type, rule and producer refuse."""
    rows = [write_row(first + n, day) for n in range(ROWS)]
    rows += [
        write_row(first, day),
        write_row(first + 101, day, phone=f"{PHONE}x"),
        write_row(first + 102, day, birthday=f"{BIRTHDAY}x"),
        write_row(first + 103, day, mail=MAIL),
        write_row(first + 104, day, birthday=f"{BIRTHDAY},{PERSON}"),
    ]
    path.write_text("\n".join([HEADER, *(",".join(row.values()) for row in rows)]) + "\n")
    return path


def send_foreign(pipeline: Pipeline, day: str) -> int:
    """Messages of another producer: fields of other names, broken JSON, bytes that are no text."""
    row = write_row(900, day)
    values = [
        json.dumps(row | {"mail_2": row["mail"], "nested": {"who": PERSON}}).encode(),
        json.dumps(row)[:-1].encode(),
        json.dumps(row).encode().replace(b"quux", b"\xff\xfe"),
        f"{MAIL},{PHONE},{PERSON},{BIRTHDAY}".encode(),
    ]
    producer = Producer({"bootstrap.servers": pipeline.settings.kafka.bootstrap_servers})
    for value in values:
        producer.produce(pipeline.name, value=value, key=f"{MAIL}900".encode())
    assert producer.flush(30) == 0
    return len(values)


def has_read(pipeline: Pipeline, sent: int) -> bool:
    """Say whether the ingest has published so many messages."""
    return sent == sum(count.raw for manifest in pipeline.ledger().read_manifests() for count in manifest.counts)


def read_objects(pipeline: Pipeline) -> Iterator[tuple[str, bytes]]:
    """Every object of the bucket that belongs to the pipeline."""
    s3, bucket = open_s3(pipeline.settings.s3), pipeline.settings.s3.bucket
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            if pipeline.name in item["Key"]:
                yield item["Key"], s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()


def read_tables(pipeline: Pipeline) -> Iterator[tuple[str, bytes]]:
    """Every row of every table and view of the pipeline's schema."""
    schema = pipeline.name.upper()
    with closing(open_warehouse(pipeline.settings.warehouse, database="MILLRACE", schema=schema)) as connection:
        found = run_query(
            connection,
            f"select table_name from millrace.information_schema.tables where table_schema = '{schema}'",
        )
        for name in sorted(str(row["TABLE_NAME"]) for row in found):
            rows = run_query(connection, f'select * from "{name}"')
            yield name, repr(rows).encode()
            blobs = (bytes(v) for row in rows for v in row.values() if isinstance(v, bytes | bytearray))
            yield f"{name}, binary", b"\n".join(blobs)


def read_function_logs(pipeline: Pipeline) -> Iterator[tuple[str, bytes]]:
    """The logs of the pipeline's function."""
    for path in sorted(pipeline.settings.sandbox.state_dir.rglob("*.log")):
        if pipeline.name in path.name:
            yield path.name, path.read_bytes()


def store_secret(pipeline: Pipeline) -> str:
    """The function's secret in the emulated Secrets Manager."""
    s3 = pipeline.settings.s3
    client = boto3.client(
        "secretsmanager", endpoint_url=s3.endpoint_url, region_name=s3.region,
        aws_access_key_id="sandbox", aws_secret_access_key="sandbox",
    )  # fmt: skip
    content = {
        "protect_key": SECRETS["MILLRACE_SPARK__PROTECT_KEY"],
        "raw_key": RAW_KEY,
        "key_passphrase": SECRETS["MILLRACE_WAREHOUSE__PRIVATE_KEY_PASSPHRASE"],
    }
    client.create_secret(Name=pipeline.name, SecretString=json.dumps(content))
    return pipeline.name


def run_commands(pipeline: Pipeline, commands: dict[str, list[str]]) -> dict[str, str]:
    """All that these commands write, by their names; each of them must succeed."""
    texts = {}
    for name, (package, *arguments) in commands.items():
        done = pipeline.command(package, *arguments)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        texts[name] = done.stdout + done.stderr
    return texts


def check_rejected(pipeline: Pipeline, rows: list[dict[str, Any]]) -> None:
    """Hold that who has the key reads the rejected rows' bytes, and that canaries went this way."""
    keys = derive_keys(RAW_KEY)
    opened = [
        decrypt_value(keys, Place(row["_TOPIC_ID"], row["_PARTITION"], row["_OFFSET"]), "value", bytes(row["VALUE"]))
        for row in rows
    ]
    assert len(opened) > BAD
    assert all(MAIL.encode() in value for value in opened), opened


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
def test_no_way_shows_a_secret_or_personal_data(pipeline: Pipeline, tmp_path: Path) -> None:
    contract, path = pipeline.contract, str(pipeline.path)
    texts = run_commands(
        pipeline,
        {"replay": ["kafka_producer", "replay", path, str(write_source(tmp_path / "first.csv", "2024-03-02", 0))]},
    )
    sent = ROWS + BAD + send_foreign(pipeline, "2024-03-02")
    with watch_job(pipeline, tmp_path / "job", list_job_secrets(pipeline.settings, contract)) as job:
        wait_for(job, partial(has_read, pipeline, sent))
        # A day later, and then a day before all: those rows come too late for their windows.
        for day, first in (("2024-03-03", 1000), ("2024-03-01", 2000)):
            source = write_source(tmp_path / f"{day}.csv", day, first)
            texts |= run_commands(pipeline, {f"replay {day}": ["kafka_producer", "replay", path, str(source)]})
            sent += ROWS + BAD
            wait_for(job, partial(has_read, pipeline, sent))
        pages = list(job.read_pages())
    settings = pipeline.settings.model_copy(update={"function": FunctionSettings(secret=store_secret(pipeline))})
    deploy_function(WayPipeline(pipeline.folder, pipeline.name, settings), settings)
    span = ["--from", "2024-03-01", "--to", "2024-03-04"]
    texts |= run_commands(
        pipeline,
        {
            "drain": ["spark_streaming", "run", path, "--available-now", "--checkpoint", pipeline.checkpoint],
            "backfill": ["spark_streaming", "backfill", path, *span, "--source", "raw", "--rejected"],
            "loaded": ["snowflake_integration", "wait-loaded", path],
            "applied": ["snowflake_integration", "apply-backfill", path],
            **{way: ["kafka_consumer", "run", path, "--to", way, "--available-now"] for way in ("snowflake", "s3", "lambda")},
            **{f"check {way}": ["reconciliation", "check", path, "--way", way] for way in ("lake", "direct", "s3", "lambda")},
        },
    )  # fmt: skip

    tables, objects, left = (
        list(read_tables(pipeline)),
        list(read_objects(pipeline)),
        list(read_files(tmp_path / "job")),
    )
    checkpoints = list(read_files(Path(pipeline.checkpoint)))
    logs = [*read_texts(texts), *read_function_logs(pipeline)]
    everywhere = [*tables, *objects, *left, *checkpoints, *logs, *pages]
    assert find_canaries(everywhere, [*SECRETS.values(), *PERSONAL]) == set()
    for places in (tables, objects, checkpoints):
        assert find_canaries(places, [OPEN]), "what is open is not found, so nothing is said by what is not found"
    assert {output.name for output in derive_outputs(contract)} <= {key.split("/")[2] for key, _ in objects} | {
        f"aggregates/{a.name}" for a in contract.aggregates
    }
    for table in ("EVENTS_REJECTED", "EVENTS_DIRECT_REJECTED", "EVENTS_LAMBDA_REJECTED"):
        check_rejected(pipeline, pipeline.query(f"select * from {table}"))
