"""What the emulated AWS accepts and does not enforce."""

from __future__ import annotations

from typing import NamedTuple


class AcceptedCall(NamedTuple):
    """A kind of call or parameter, and what its acceptance does not mean."""

    call: str
    explanation: str


ACCEPTED_BY_AWS: tuple[AcceptedCall, ...] = (
    AcceptedCall("IAM, bucket policies", "no permission is checked"),
    AcceptedCall("Firehose RoleARN, EncryptionConfiguration, S3BackupMode", "kept and told, and not carried out"),
    AcceptedCall("Lambda AddPermission", "kept and told, and not enforced"),
    AcceptedCall("API Gateway accessLogSettings", "kept and told; every request is logged in one file"),
    AcceptedCall("Glue CreateCrawler Role", "no role is taken: a crawler reads every bucket"),
    AcceptedCall("Glue CreateCrawler Schedule, Classifiers", "a crawler runs when it is started, and reads Parquet"),
    AcceptedCall("Athena EncryptionConfiguration", "results are not encrypted"),
    AcceptedCall("Athena ResultReuseConfiguration", "every query is run"),
)
