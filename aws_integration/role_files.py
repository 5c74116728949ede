"""The IAM documents of a pipeline as files: one for each role, and for each policy that a consumer's own role takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aws_integration.roles import (
    describe_broker_role,
    describe_consumer_policies,
    describe_crawler_role,
    describe_error_role,
    describe_function_role,
    describe_job_role,
    describe_scheduler_role,
    describe_snowflake_role,
)
from connections.job_secrets import list_job_secrets
from connections.settings import Settings
from pipeline_contract.model import Contract

FOLDER = Path(__file__).with_name("iam")


def describe_files(contract: Contract, settings: Settings) -> dict[str, str]:
    """The text of each file by its name: the properties of a CloudFormation role, or managed policy, as JSON. Pure."""
    roles = {
        "broker": describe_broker_role(settings, 1),
        "crawler": describe_crawler_role(contract, settings),
        "job": describe_job_role(contract, settings, list_job_secrets(settings, contract)),
        "lambda": describe_function_role(contract, settings),
        "pipe_errors": describe_error_role(settings),
        "scheduler": describe_scheduler_role(contract, settings),
        "snowflake": describe_snowflake_role(settings),
    }
    consumers = describe_consumer_policies(contract, settings)
    documents: dict[str, dict[str, Any]] = {
        **{f"{name}_iam_role.json": role.describe() for name, role in roles.items()},
        **{f"consumer_{way}_iam_policy.json": policy for way, policy in consumers.items()},
    }
    return {name: json.dumps(document, indent=2) + "\n" for name, document in sorted(documents.items())}


def compare_files(files: dict[str, str], folder: Path) -> list[str]:
    """What differs between the files and a folder, one line each; none when the folder is current."""
    there = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))}
    return [
        *(f"{folder / name}: not current" for name, text in files.items() if there.get(name) != text),
        *(f"{folder / name}: no longer written" for name in there if name not in files),
    ]


def write_files(files: dict[str, str], folder: Path) -> None:
    """Make a folder hold these files and no other JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
