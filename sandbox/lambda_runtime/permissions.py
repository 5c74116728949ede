"""Who may invoke a function, pure."""

from __future__ import annotations

from typing import Any


def build_statement(asked: dict[str, Any], arn: str) -> dict[str, Any]:
    """A statement of a function's policy: docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html."""
    conditions = {"ArnLike": {"AWS:SourceArn": asked["SourceArn"]}} if "SourceArn" in asked else {}
    if "SourceAccount" in asked:
        conditions["StringEquals"] = {"AWS:SourceAccount": asked["SourceAccount"]}
    kind = "Service" if asked["Principal"].endswith(".amazonaws.com") else "AWS"
    return {
        "Sid": asked["StatementId"],
        "Effect": "Allow",
        "Principal": {kind: asked["Principal"]},
        "Action": asked["Action"],
        "Resource": arn,
        **({"Condition": conditions} if conditions else {}),
    }
