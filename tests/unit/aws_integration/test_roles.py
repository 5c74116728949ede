"""The IAM documents: the committed files are current, and each grants as little as AWS's own reference allows."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from policy_sentry.querying.actions import get_action_data

from aws_integration.role_files import FOLDER, compare_files, describe_subject_files, write_files
from aws_integration.way_policies import list_policies as list_way_policies
from connections.settings import InfrastructureSettings, load_settings
from pipeline_contract.access_lists import PARTIES
from pipeline_contract.cluster_policies import list_cluster_policies
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.data_sets import load_data_set
from pipeline_contract.event_policies import sender_policy
from pipeline_contract.policies import join_documents
from pipeline_contract.resource_policies import bucket_policy, key_policy, queue_policy, topic_policy
from pipeline_contract.service_policies import (
    checkpoint_policy,
    cluster_trigger_policy,
    network_policy,
    secret_trigger_policy,
    service_trust_policy,
)

CLUSTER = "arn:aws:kafka:us-east-1:123456789012:cluster/millrace/0a1b-2"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:millrace/kafka/trigger-a1B2c3"
PLACE = "us-east-1", "123456789012"
# Every wildcard that is meant, by statement and what it stands for, with the reason.
REASONS = {
    ("Trace", "*"): "traces have no resource that could be named",
    ("FindBrokers", "*"): "AWS limits this call to no resource",
    ("ReachBrokers", "*"): "network interfaces are made in the trigger's name; describing a network has no resource",
    ("EncryptAndDecrypt", "key/*"): "a key's id is AWS's choice: the condition names its alias",
    ("Decrypt", "key/*"): "a key's id is AWS's choice: the condition names its alias",
    ("StartRuns", "/applications/*"): "an application's id is AWS's choice: the condition names its tag",
    ("WriteLog", "log-group:*:*"): "the streams of the one log group",
    ("TransactionalIdWriteDescribe", "/millrace-flights-*"): "the producer's own ids, one a source, begin so",
    ("WriteCatalog", "table/*/*"): "the tables of the one database",
}
# Where a wildcard stands for an id, one of these conditions must say which is meant.
NAMING_CONDITIONS = {"kms:ResourceAliases", "aws:ResourceTag/millrace:pipeline"}


def read_files(subject: str) -> dict[str, str]:
    return describe_subject_files(load_data_set(subject), load_settings("aws"))


def list_policies() -> dict[str, dict[str, Any]]:
    files = read_files("flights") | read_files("events")
    documents = {name: json.loads(text) for name, text in files.items()}
    inline = {
        f"{name}:{policy['PolicyName']}": policy["PolicyDocument"]
        for name, document in documents.items()
        for policy in document.get("Policies", [])
    }
    managed = {name: document["PolicyDocument"] for name, document in documents.items() if "Policies" not in document}
    elsewhere = checkpoint_policy("lake", "s3a://lake-checkpoints/_checkpoints")
    assert elsewhere is not None
    trigger = cluster_trigger_policy(CLUSTER, ["flights"], ["millrace-flights-lambda"])
    sender = sender_policy(*PLACE, "a1b2c3d4e5", "/events")
    other = join_documents(secret_trigger_policy([SECRET]), network_policy())
    parties = list_cluster_policies(load_contract(find_contract("flights")), CLUSTER)
    rest = {"checkpoints elsewhere": elsewhere, "trigger": trigger, "another trigger": other, "sender": sender}
    return {**inline, **managed, **rest, **parties}


POLICIES = list_policies()
STATEMENTS = [
    pytest.param(statement, id=f"{name} {statement['Sid']}")
    for name, policy in POLICIES.items()
    for statement in policy["Statement"]
]


def read_reference(action: str) -> list[dict[str, Any]]:
    """What AWS's service authorization reference says of an action, one entry for each kind of resource."""
    service, _, name = action.partition(":")
    found = get_action_data(service, name)
    assert found, f"AWS knows no action {action}"
    entries: list[dict[str, Any]] = found[service]
    return entries


def fits(resource: str, form: str) -> bool:
    """Whether a resource, wildcards included, is of the form of an address such as arn:${Partition}:s3:::${BucketName}."""
    pattern = re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(form))
    # What ends in `:*` after a log group covers its streams.
    covered = {resource, re.sub(r"(:log-group:[^:]+):\*$", r"\1:log-stream:*", resource)}
    return any(re.fullmatch(pattern, one) for one in covered)


@pytest.mark.parametrize(
    ("subject", "file"), [("flights", "lambda_iam_role.json"), ("events", "events_api_lambda_iam_role.json")]
)
def test_the_committed_files_are_current(subject: str, file: str) -> None:
    files = read_files(subject)

    assert compare_files(files, FOLDER) == []
    assert file in files


def test_files_of_events_and_of_pipelines_leave_each_other_alone(tmp_path: Path) -> None:
    for subject in ("flights", "events"):
        write_files(read_files(subject), tmp_path)
    write_files({"events_other.json": "{}"}, tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {*read_files("flights"), "events_other.json"}


def test_policies_for_an_msk_cluster_are_printed_where_it_is_named() -> None:
    named = load_settings("aws").model_copy(update={"infrastructure": InfrastructureSettings(cluster_arn=CLUSTER)})
    flights = load_contract(find_contract("flights"))

    added = set(list_way_policies(flights, named)) - set(list_way_policies(flights, load_settings("aws")))

    assert added == {f"millrace-flights-kafka-{party}" for party in PARTIES}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_action_is_one_that_takes_one_of_its_resources(statement: dict[str, Any]) -> None:
    """As AWS has it: an action that can be limited to a resource is, and to one of its own kind."""
    for action in statement["Action"]:
        assert "*" not in action
        forms = {entry["resource_arn_format"] for entry in read_reference(action)}
        limits = forms - {"*"}
        if statement["Resource"] == ["*"]:
            assert not limits or (statement["Sid"], "*") in REASONS, f"{action} could be limited to {limits}"
        else:
            assert any(fits(resource, form) for resource in statement["Resource"] for form in limits), action


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_condition_is_one_that_its_actions_know(statement: dict[str, Any]) -> None:
    keys = {key for operator in statement.get("Condition", {}).values() for key in operator}
    for action in statement["Action"]:
        known = {key for entry in read_reference(action) for key in entry["condition_keys"]}
        patterns = [re.sub(r"\$\{\w+\}", "*", key) for key in known]
        unknown = {key for key in keys if not any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)}
        assert not unknown, f"{action}: {unknown}"


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_wildcard_has_a_written_reason(statement: dict[str, Any]) -> None:
    for resource in statement["Resource"]:
        # Objects below a prefix are what S3 has in place of folders.
        if "*" not in resource or (resource.startswith("arn:aws:s3:::") and re.fullmatch(r"[^*]+/\*", resource)):
            continue
        reasons = [shape for sid, shape in REASONS if sid == statement["Sid"]]
        assert any(fnmatch.fnmatchcase(resource, f"*{shape}") for shape in reasons), resource
        if resource.endswith(("key/*", "applications/*")):
            keys = {key for operator in statement["Condition"].values() for key in operator}
            assert keys & NAMING_CONDITIONS


def test_no_reason_is_left_over() -> None:
    used = {statement["Sid"] for policy in POLICIES.values() for statement in policy["Statement"]}

    assert {sid for sid, _ in REASONS} <= used


class TrustCase(NamedTuple):
    service: Any
    limited: bool


@pytest.mark.parametrize(
    "case",
    [TrustCase("emr-serverless", True), TrustCase("scheduler", True), TrustCase("glue", True), TrustCase("ec2", False)],
    ids=lambda case: case.service,
)
def test_a_service_takes_a_role_for_this_account_alone(case: TrustCase) -> None:
    (statement,) = service_trust_policy(case.service, "123456789012")["Statement"]

    assert statement["Principal"] == {"Service": f"{case.service}.amazonaws.com"}
    assert (statement.get("Condition") == {"StringEquals": {"aws:SourceAccount": "123456789012"}}) is case.limited


def test_firehose_shows_the_account_as_its_external_id() -> None:
    (statement,) = service_trust_policy("firehose", "123456789012")["Statement"]

    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "123456789012"}}


@pytest.mark.parametrize(
    "policy",
    [
        bucket_policy("lake"),
        key_policy(PLACE[1]),
        topic_policy(*PLACE, "alarms"),
        queue_policy(*PLACE, "alarms", "alarms"),
    ],
    ids=["bucket", "key", "topic", "queue"],
)
def test_what_hangs_on_a_resource_admits_services_of_this_account_alone(policy: dict[str, Any]) -> None:
    for statement in policy["Statement"]:
        if statement["Effect"] == "Deny":
            assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        elif "Service" in statement["Principal"]:
            assert "123456789012" in json.dumps(statement["Condition"])
        else:
            assert statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


@pytest.mark.parametrize("checkpoints", [".checkpoints", "s3a://lake/_checkpoints"], ids=["folder", "in-the-lake"])
def test_checkpoints_in_the_lake_need_no_grant_of_their_own(checkpoints: str) -> None:
    assert checkpoint_policy("lake", checkpoints) is None
