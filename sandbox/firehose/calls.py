"""Firehose's calls: docs.aws.amazon.com/firehose/latest/APIReference, with its limits and the names of its errors."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws.refusals import CallRefused
from sandbox.firehose.delivery import Delivery
from sandbox.firehose.destinations import complete_configuration, read_destination
from sandbox.firehose.streams import DESTINATION_ID, DeliveryStream

NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
# docs.aws.amazon.com/firehose/latest/dev/limits.html
MAX_RECORD_BYTES = 1000 * 1024
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_STREAMS = 5000
LISTED = 10
SLOW_DOWN = "Slow down."

Asked = Mapping[str, Any]
Call = Callable[[Asked], dict[str, Any]]


class FirehoseCalls:
    """Answers each call from the streams of one region's name; every region has the same ones."""

    def __init__(self, delivery: Delivery, account_id: str, region: str) -> None:
        self._delivery = delivery
        self._arn = f"arn:aws:firehose:{region}:{account_id}:deliverystream/"
        self.by_name: dict[str, Call] = {
            "CreateDeliveryStream": self._create,
            "DescribeDeliveryStream": self._describe,
            "ListDeliveryStreams": self._list,
            "DeleteDeliveryStream": self._delete,
            "UpdateDestination": self._update,
            "PutRecord": self._put_record,
            "PutRecordBatch": self._put_record_batch,
        }

    def _create(self, asked: Asked) -> dict[str, Any]:
        name = asked["DeliveryStreamName"]
        if not NAME.fullmatch(name):
            raise _refuse(f"DeliveryStreamName {name!r} must match [a-zA-Z0-9_.-]+ and have at most 64 characters")
        if asked.get("DeliveryStreamType", "DirectPut") != "DirectPut":
            raise _refuse(f"DeliveryStreamType {asked['DeliveryStreamType']} is not emulated")
        if "ExtendedS3DestinationConfiguration" not in asked:
            raise _refuse("a destination other than ExtendedS3DestinationConfiguration is not emulated")
        if self._delivery.find(name):
            text = f"Firehose {name} under accountId {self._arn.split(':')[4]} already exists"
            raise CallRefused("ResourceInUseException", text)
        if len(self._delivery.list_names()) >= MAX_STREAMS:
            raise CallRefused("LimitExceededException", f"You have reached the limit of {MAX_STREAMS} Firehose streams")
        stream = DeliveryStream(
            name=name,
            arn=self._arn + name,
            created_s=time.time(),
            configuration=complete_configuration(asked["ExtendedS3DestinationConfiguration"]),
            encryption=asked.get("DeliveryStreamEncryptionConfigurationInput"),
        )
        read_destination(stream.configuration)
        self._delivery.save(stream)
        return {"DeliveryStreamARN": stream.arn}

    def _describe(self, asked: Asked) -> dict[str, Any]:
        return {"DeliveryStreamDescription": self._require(asked).describe()}

    def _list(self, asked: Asked) -> dict[str, Any]:
        start = asked.get("ExclusiveStartDeliveryStreamName", "")
        names = [name for name in self._delivery.list_names() if name > start]
        limit = asked.get("Limit", LISTED)
        return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}

    def _delete(self, asked: Asked) -> dict[str, Any]:
        self._delivery.delete(self._require(asked).name)
        return {}

    def _update(self, asked: Asked) -> dict[str, Any]:
        stream = self._require(asked)
        if asked["CurrentDeliveryStreamVersionId"] != str(stream.version):
            text = f"Cannot update firehose: {stream.name} since the current version id: {stream.version} "
            text += f"and specified version id: {asked['CurrentDeliveryStreamVersionId']} do not match"
            raise CallRefused("ConcurrentModificationException", text)
        if asked["DestinationId"] != DESTINATION_ID:
            raise _refuse(f"Destination Id {asked['DestinationId']} not found")
        changes = {k: v for k, v in asked.get("ExtendedS3DestinationUpdate", {}).items() if k != "S3BackupUpdate"}
        hints = {**stream.configuration["BufferingHints"], **changes.get("BufferingHints", {})}
        configuration = {**stream.configuration, **changes, "BufferingHints": hints}
        destination = read_destination(configuration)
        if (destination.keys is None) != (stream.destination.keys is None):
            raise _refuse("Dynamic Partitioning can be enabled or disabled only when a stream is created")
        changed = {"configuration": configuration, "version": stream.version + 1, "updated_s": time.time()}
        self._delivery.save(DeliveryStream.model_validate(stream.model_dump() | changed))
        return {}

    def _put_record(self, asked: Asked) -> dict[str, Any]:
        stream = self._require(asked)
        (identity,) = self._delivery.put(stream, [_read_record(asked["Record"])])
        if identity is None:
            raise CallRefused("ServiceUnavailableException", SLOW_DOWN)
        return {"RecordId": identity, "Encrypted": stream.encryption is not None}

    def _put_record_batch(self, asked: Asked) -> dict[str, Any]:
        stream = self._require(asked)
        if not 1 <= len(asked["Records"]) <= MAX_BATCH_RECORDS:
            text = "1 validation error detected: Value at 'records' failed to satisfy constraint: "
            raise _refuse(f"{text}Member must have length between 1 and {MAX_BATCH_RECORDS}")
        records = [_read_record(record) for record in asked["Records"]]
        if sum(map(len, records)) > MAX_BATCH_BYTES:
            raise _refuse(f"Records size exceeds {MAX_BATCH_BYTES} bytes limit")
        ids = self._delivery.put(stream, records)
        failure = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": SLOW_DOWN}
        return {
            "FailedPutCount": ids.count(None),
            "Encrypted": stream.encryption is not None,
            "RequestResponses": [failure if identity is None else {"RecordId": identity} for identity in ids],
        }

    def _require(self, asked: Asked) -> DeliveryStream:
        name = asked["DeliveryStreamName"]
        stream = self._delivery.find(name)
        if stream is None:
            text = f"Firehose {name} under account {self._arn.split(':')[4]} not found."
            raise CallRefused("ResourceNotFoundException", text)
        return stream


def _read_record(record: Mapping[str, str]) -> bytes:
    data = base64.b64decode(record["Data"])
    if len(data) > MAX_RECORD_BYTES:
        raise _refuse(f"Record size exceeds {MAX_RECORD_BYTES} bytes limit")
    return data


def _refuse(message: str) -> CallRefused:
    return CallRefused("InvalidArgumentException", message)
