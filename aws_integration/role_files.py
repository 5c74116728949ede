"""The IAM documents as files: one for each role, and for each policy that a role of the reader's own takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_integration.event_roles import describe_api_role, describe_sender_policy, describe_stream_role
from aws_integration.roles import (
    Role,
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
from pipeline_contract.event_model import EventContract
from pipeline_contract.model import Contract

FOLDER = Path(__file__).with_name("iam")
# What the files of a set of events begin with, and those of a pipeline do not.
EVENTS = "events_"


def describe_subject_files(contract: Contract | EventContract, settings: Settings) -> dict[str, str]:
    """The text of each file by its name: the properties of a CloudFormation role, or managed policy, as JSON. Pure."""
    if isinstance(contract, EventContract):
        return describe_event_files(contract, settings)
    return describe_files(contract, settings)


def describe_event_files(contract: EventContract, settings: Settings) -> dict[str, str]:
    """The files of a set of events; a sender has one where requests are signed."""
    roles = {
        f"{EVENTS}api_lambda": describe_api_role(contract, settings),
        f"{EVENTS}firehose": describe_stream_role(contract, settings),
    }
    is_signed = contract.api.authorisation == "iam"
    senders = {f"{EVENTS}sender": describe_sender_policy(contract, settings, "<api-id>")} if is_signed else {}
    return _write(roles, senders)


def describe_files(contract: Contract, settings: Settings) -> dict[str, str]:
    """The files of a pipeline."""
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
    return _write(roles, {f"consumer_{way}": policy for way, policy in consumers.items()})


def compare_files(files: dict[str, str], folder: Path) -> list[str]:
    """What differs between the files and those of their kind in a folder, one line each; none when the folder is current."""
    there = {path.name: path.read_text(encoding="utf-8") for path in _list_there(files, folder)}
    return [
        *(f"{folder / name}: not current" for name, text in files.items() if there.get(name) != text),
        *(f"{folder / name}: no longer written" for name in there if name not in files),
    ]


def write_files(files: dict[str, str], folder: Path) -> None:
    """Make a folder hold these files and no others of their kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in _list_there(files, folder):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _write(roles: Mapping[str, Role], policies: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    documents: dict[str, dict[str, Any]] = {
        **{f"{name}_iam_role.json": role.describe() for name, role in roles.items()},
        **{f"{name}_iam_policy.json": policy for name, policy in policies.items()},
    }
    return {name: json.dumps(document, indent=2) + "\n" for name, document in sorted(documents.items())}


def _list_there(files: Mapping[str, str], folder: Path) -> list[Path]:
    """The files of a set of events, or those of a pipeline, whichever these are."""
    of_events = any(name.startswith(EVENTS) for name in files)
    return sorted(path for path in folder.glob("*.json") if path.name.startswith(EVENTS) == of_events)
