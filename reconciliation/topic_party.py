"""The topic as a party: every committed message's source, position, and what has expired before them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import orjson
import pyarrow as pa

from connections.kafka import TopicRecord, describe_topic_ids, read_topic, read_watermarks
from connections.schema_registry import open_schemas
from connections.settings import KafkaSettings
from pipeline_contract.avro_values import split_value
from pipeline_contract.model import Contract
from pipeline_contract.passport import SOURCE_FILE, SOURCE_LINE
from pipeline_contract.replay_record import ReplayRecord
from reconciliation.row_keys import PASSPORT_SCHEMA, join_zones, make_zone

Source = tuple[str | None, int | None]
ParseSource = Callable[[bytes | None], Source]
NO_SOURCE: Source = (None, None)
# What our producer writes first into every value; anything else is parsed whole.
_JSON_HEAD = re.compile(rb'\{"_source_file":"([^"\\]*)","_source_line":(\d{1,18})[,}]')
_CSV_HEAD = re.compile(rb'([^",\r\n]*),(\d{1,18})(?:,|$)')


@dataclass(frozen=True)
class TopicSight:
    """The messages of the topic and of its rejected rows; `starts` holds the first offset still there, by place."""

    zone: pa.Table
    ids: dict[str, str]
    starts: dict[tuple[str, int], int]


def read_topics(settings: KafkaSettings, contract: Contract) -> TopicSight:
    """Every committed message of the topic and of its rejected rows, from what is still there to the end."""
    parsers = {
        contract.topic.name: open_source_parser(settings, contract),
        contract.topic.rejected: parse_rejected_source,
    }
    ids = describe_topic_ids(settings, parsers)
    zones, starts = [], {}
    for topic, topic_id in ids.items():
        marks = read_watermarks(settings, topic)
        starts.update({(topic, partition): low for partition, (low, _) in marks.items()})
        zones.append(_read_zone(settings, topic, topic_id, parsers[topic]))
    return TopicSight(join_zones(zones), ids, starts)


def open_source_parser(settings: KafkaSettings, contract: Contract) -> ParseSource:
    """What finds file and line in a value of the contract's format."""
    match contract.topic.value_format:
        case "json":
            return parse_json_source
        case "csv":
            return parse_csv_source
        case "avro":
            return open_avro_parser(open_schemas(settings, contract)())


def read_records(settings: KafkaSettings, contract: Contract) -> dict[str, ReplayRecord]:
    """The newest record of each replay, by `source_file`; none when nothing was ever replayed."""
    if not describe_topic_ids(settings, [contract.topic.progress]):
        return {}
    newest: dict[str, ReplayRecord] = {}
    for message in read_topic(settings, contract.topic.progress):
        if message.value is not None:
            record = ReplayRecord.model_validate_json(message.value)
            newest[record.source_file] = record
    return newest


def parse_json_source(value: bytes | None) -> Source:
    """File and line of a JSON value; nothing where it names none."""
    if value is None:
        return NO_SOURCE
    if match := _JSON_HEAD.match(value):
        try:
            return match[1].decode(), int(match[2])
        except UnicodeDecodeError:
            return NO_SOURCE
    return _read_fields(value, SOURCE_FILE, SOURCE_LINE)


def parse_rejected_source(value: bytes | None) -> Source:
    """File and line of a message of the producer's rejected rows."""
    return NO_SOURCE if value is None else _read_fields(value, "source_file", "source_line")


def parse_csv_source(value: bytes | None) -> Source:
    """File and line of a CSV value, its first two fields; nothing where they are none."""
    if value is None:
        return NO_SOURCE
    try:
        if match := _CSV_HEAD.match(value):
            return match[1].decode(), int(match[2])
        fields = next(csv.reader([value.decode()]), [])
        return fields[0], int(fields[1])
    except (UnicodeDecodeError, csv.Error, ValueError, IndexError):
        return NO_SOURCE


def open_avro_parser(schemas: Mapping[int, str]) -> ParseSource:
    """What finds file and line in an Avro value of one of these schemas; nothing where it is not decoded to its end."""
    from fastavro import parse_schema, schemaless_reader  # noqa: PLC0415 - its library, for Avro alone

    parsed = {number: parse_schema(orjson.loads(schema)) for number, schema in schemas.items()}

    def parse(value: bytes | None) -> Source:
        framed = split_value(value or b"")
        if framed is None or framed[0] not in parsed:
            return NO_SOURCE
        body = BytesIO(framed[1])
        try:
            fields = schemaless_reader(body, parsed[framed[0]], None)
        except (EOFError, ValueError, IndexError, OverflowError):
            return NO_SOURCE
        return NO_SOURCE if body.read(1) else _choose_source(fields, SOURCE_FILE, SOURCE_LINE)

    return parse


def _read_fields(value: bytes, file_key: str, line_key: str) -> Source:
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError:
        return NO_SOURCE
    return _choose_source(fields, file_key, line_key)


def _choose_source(fields: object, file_key: str, line_key: str) -> Source:
    if not isinstance(fields, dict):
        return NO_SOURCE
    file, line = fields.get(file_key), fields.get(line_key)
    return (file, line) if isinstance(file, str) and isinstance(line, int) else NO_SOURCE


def _read_zone(settings: KafkaSettings, topic: str, topic_id: str, parse: ParseSource) -> pa.Table:
    files, lines, partitions, offsets = [], [], [], []
    record: TopicRecord
    for record in read_topic(settings, topic):
        file, line = parse(record.value)
        files.append(file)
        lines.append(line)
        partitions.append(record.partition)
        offsets.append(record.offset)
    count = len(offsets)
    columns = [files, lines, [topic] * count, [topic_id] * count, partitions, offsets, [None] * count]
    return make_zone(pa.table(columns, schema=PASSPORT_SCHEMA))
