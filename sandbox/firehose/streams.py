"""A delivery stream and its description as Firehose's API tells it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from sandbox.firehose.destinations import Destination, read_destination

DESTINATION_ID = "destinationId-000000000001"


class DeliveryStream(BaseModel):
    """One stream from direct puts to S3; `version` grows with each change of its destination."""

    model_config = ConfigDict(frozen=True)

    name: str
    arn: str
    version: int = 1
    created_s: float
    updated_s: float | None = None
    configuration: dict[str, Any]
    """Of its destination, complete."""
    encryption: dict[str, Any] | None = None
    """Asked for, kept and told; nothing here is encrypted."""

    @cached_property
    def destination(self) -> Destination:
        """Its destination as delivery needs it."""
        return read_destination(self.configuration)

    def describe(self) -> dict[str, Any]:
        """DeliveryStreamDescription."""
        plain = ("RoleARN", "BucketARN", "BufferingHints", "CompressionFormat", "EncryptionConfiguration")
        described: dict[str, Any] = {
            "DeliveryStreamName": self.name,
            "DeliveryStreamARN": self.arn,
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamType": "DirectPut",
            "VersionId": str(self.version),
            "CreateTimestamp": self.created_s,
            "Destinations": [
                {
                    "DestinationId": DESTINATION_ID,
                    "S3DestinationDescription": {name: self.configuration[name] for name in plain},
                    "ExtendedS3DestinationDescription": self.configuration,
                }
            ],
            "HasMoreDestinations": False,
        }
        if self.updated_s is not None:
            described["LastUpdateTimestamp"] = self.updated_s
        if self.encryption is not None:
            described["DeliveryStreamEncryptionConfiguration"] = {**self.encryption, "Status": "ENABLED"}
        return described
