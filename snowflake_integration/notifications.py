"""The bucket's notifications: S3 tells the pipes' queue of each new object under the pipeline's prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from pipeline_contract.errors import ConfigurationError, ServiceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Every way of creating, not only Put: the stream publishes by copies (SP13).
EVENT = "s3:ObjectCreated:*"
QUEUES = "QueueConfigurations"
_TARGETS = {
    QUEUES: "QueueArn",
    "TopicConfigurations": "TopicArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}
Configuration = dict[str, Any]


class Wiring(NamedTuple):
    """What the bucket is to tell: the queue's address, for one pipeline's prefix."""

    pipeline: str
    prefix: str
    queue_arn: str

    @property
    def id(self) -> str:
        """The name of the bucket's rule; there is one a pipeline."""
        return f"millrace-{self.pipeline}"


def merge_wiring(current: Configuration, wiring: Wiring) -> Configuration | None:
    """The bucket's notifications with this wiring added, or None when nothing needs to change.

    Other rules are kept as they are. Raise `ConfigurationError` where S3 would refuse, since two rules tell of the same
    objects (SP14).
    """
    rule = {
        "Id": wiring.id,
        "QueueArn": wiring.queue_arn,
        "Events": [EVENT],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": wiring.prefix}]}},
    }
    others = remove_wiring(current, wiring.pipeline)
    for kind, target in _TARGETS.items():
        for other in others.get(kind, []):
            if covers(other, wiring):
                return None
            if overlaps(other, wiring.prefix):
                raise ConfigurationError(
                    f"the bucket already tells {other[target]} of new objects under {find_prefix(other)!r} (rule "
                    f"{other.get('Id')!r}), which overlaps {wiring.prefix!r}, and S3 refuses two such rules: send them "
                    "to an SNS topic and give the pipes AWS_SNS_TOPIC, or narrow the other rule (docs/snowflake.md)"
                )
    merged = {**others, QUEUES: [*others.get(QUEUES, []), rule]}
    return None if _normalize(merged) == _normalize(current) else merged


def remove_wiring(current: Configuration, pipeline: str) -> Configuration:
    """The bucket's notifications without this pipeline's rule."""
    own = Wiring(pipeline, "", "").id
    return {
        kind: [rule for rule in rules if rule.get("Id") != own] if kind == QUEUES else rules
        for kind, rules in current.items()
    }


def covers(rule: Configuration, wiring: Wiring) -> bool:
    """Say whether another rule already tells the same queue of everything that is wanted."""
    return (
        rule.get("QueueArn") == wiring.queue_arn
        and EVENT in rule["Events"]
        and wiring.prefix.startswith(find_prefix(rule))
        and not _find_filter(rule, "suffix")
    )


def overlaps(rule: Configuration, prefix: str) -> bool:
    """Say whether another rule tells of the creation of objects that may lie under the prefix."""
    other = find_prefix(rule)
    creates = any(event.startswith("s3:ObjectCreated:") for event in rule["Events"])
    return creates and (other.startswith(prefix) or prefix.startswith(other))


def find_prefix(rule: Configuration) -> str:
    """The prefix that a rule is limited to, empty for the whole bucket."""
    return _find_filter(rule, "prefix")


def _find_filter(rule: Configuration, name: str) -> str:
    rules = rule.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return next((str(item["Value"]) for item in rules if item["Name"].lower() == name), "")


def _normalize(configuration: Configuration) -> list[str]:
    return sorted(
        repr(
            (
                kind,
                rule.get("Id"),
                rule[_TARGETS[kind]],
                sorted(rule["Events"]),
                find_prefix(rule),
                _find_filter(rule, "suffix"),
            )
        )
        for kind, rules in configuration.items()
        if kind in _TARGETS
        for rule in rules
    )


def read_notifications(s3: S3Client, bucket: str) -> Configuration:
    """The bucket's notifications as S3 answers them."""
    try:
        answer: Configuration = dict(s3.get_bucket_notification_configuration(Bucket=bucket))
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"cannot read the notifications of bucket {bucket!r}: {error}") from error
    answer.pop("ResponseMetadata", None)
    return answer


def write_notifications(s3: S3Client, bucket: str, configuration: Configuration) -> None:
    """Replace the bucket's notifications; S3 checks that it may send to every queue."""
    try:
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration=configuration,  # type: ignore[arg-type]
        )
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"cannot write the notifications of bucket {bucket!r}: {error}") from error
