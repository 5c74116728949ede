"""How to look around in a sandbox that stays up: plain clients, with the addresses as they are."""

from __future__ import annotations

from connections.s3 import SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY
from connections.settings import Settings
from connections.warehouse import SANDBOX_PASSWORD
from pipeline_contract.event_layout import delivered_prefix
from pipeline_contract.event_model import EventContract
from pipeline_contract.layout import output_prefix
from pipeline_contract.model import Contract, Warehouse


def write_guide(settings: Settings, contract: Contract) -> dict[str, str]:
    """A Python program for each part of the sandbox, by the part's name."""
    return {
        "Snowflake (emulated), with the plain connector": _write_snowflake(settings, contract.warehouse),
        "S3 (emulated), with plain boto3": _write_s3(settings, output_prefix(contract.name, "curated")),
        "Kafka (real), with another client than the producer's": _write_kafka(settings, contract),
    }


def write_event_guide(settings: Settings, contract: EventContract) -> dict[str, str]:
    """A Python program for each part of the sandbox that events go through, by the part's name."""
    return {
        "Snowflake (emulated), with the plain connector": _write_snowflake(settings, contract.warehouse),
        "S3 (emulated), with plain boto3": _write_s3(settings, delivered_prefix(contract.name)),
    }


def _write_snowflake(settings: Settings, place: Warehouse) -> str:
    of = settings.warehouse
    return f'''\
import snowflake.connector

connection = snowflake.connector.connect(
    account="{of.account}",
    user="{of.user}",
    password="{SANDBOX_PASSWORD}",
    host="{of.host}",
    port={of.port},
    protocol="{of.protocol}",
    database="{place.database.upper()}",
    schema="{place.schema_.upper()}",
)
print(connection.cursor().execute("select count(*) from {place.table}").fetchone())
connection.close()
'''  # noqa: S608 - a program to read and run, with names from a contract that was checked


def _write_s3(settings: Settings, prefix: str) -> str:
    return f'''\
import boto3

s3 = boto3.client(
    "s3",
    endpoint_url="{settings.s3.endpoint_url}",
    region_name="{settings.s3.region}",
    aws_access_key_id="{SANDBOX_ACCESS_KEY_ID}",
    aws_secret_access_key="{SANDBOX_SECRET_ACCESS_KEY}",
)
listed = s3.list_objects_v2(Bucket="{settings.s3.bucket}", Prefix="{prefix}")
for item in listed["Contents"]:
    print(item["Size"], item["Key"])
'''


def _write_kafka(settings: Settings, contract: Contract) -> str:
    return f'''\
from kafka import KafkaConsumer

consumer = KafkaConsumer(
    "{contract.topic.name}",
    bootstrap_servers="{settings.kafka.bootstrap_servers}",
    isolation_level="read_committed",
    auto_offset_reset="earliest",
    consumer_timeout_ms=5000,
)
print(sum(1 for _ in consumer))
consumer.close()
'''
