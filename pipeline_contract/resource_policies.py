"""Policies that hang on a key, a bucket, a topic or a queue: who may use it at all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline_contract.policies import Document, Statement, bucket_arn, build_document, topic_arn
from pipeline_contract.service_policies import queue_arn

# Who sends to the topic of alarms, and through the key that encrypts it.
NOTIFIERS = ("budgets", "cloudwatch")


def key_policy(account_id: str) -> Document:
    """Who may use the key: whom IAM lets within the account, and the services that send alarms through it."""
    return build_document(
        _admit("AccountByItsPolicies", {"AWS": f"arn:aws:iam::{account_id}:root"}, ["kms:*"], "*"),
        _admit("Notify", _services(*NOTIFIERS, "sns"), ["kms:Decrypt", "kms:GenerateDataKey"], "*")
        | {"Condition": {"StringEquals": {"aws:SourceAccount": account_id}}},
    )


def bucket_policy(bucket: str) -> Document:
    """What nobody may do with a bucket: reach it without TLS."""
    return build_document(_deny_plain_text(["s3:*"], bucket_arn(bucket), f"{bucket_arn(bucket)}/*"))


def topic_policy(region: str, account_id: str, topic: str) -> Document:
    """Who may publish to the topic of alarms: this account's alarms and budgets, over TLS."""
    arn = topic_arn(region, account_id, topic)
    return build_document(
        _admit("Notify", _services(*NOTIFIERS), ["sns:Publish"], arn)
        | {"Condition": {"StringEquals": {"aws:SourceAccount": account_id}}},
        _deny_plain_text(["sns:Publish"], arn),
    )


def queue_policy(region: str, account_id: str, queue: str, topic: str) -> Document:
    """Who may send to the queue of alarms: the topic, over TLS."""
    arn = queue_arn(region, account_id, queue)
    return build_document(
        _admit("TopicSends", _services("sns"), ["sqs:SendMessage"], arn)
        | {"Condition": {"ArnEquals": {"aws:SourceArn": topic_arn(region, account_id, topic)}}},
        _deny_plain_text(["sqs:SendMessage", "sqs:ReceiveMessage"], arn),
    )


def _services(*names: str) -> dict[str, list[str]]:
    return {"Service": [f"{name}.amazonaws.com" for name in names]}


def _admit(name: str, principal: dict[str, Any], actions: Sequence[str], resource: str) -> Statement:
    return {"Sid": name, "Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": resource}


def _deny_plain_text(actions: Sequence[str], *resources: str) -> Statement:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": list(actions),
        "Resource": list(resources),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
