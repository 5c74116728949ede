"""The IAM policies: what each party may do, and that nothing more is granted."""

from __future__ import annotations

import fnmatch
from typing import Any, NamedTuple

import pytest

from pipeline_contract.policies import (
    catalog_read_policy,
    deployment_policy,
    error_topic_policy,
    function_caller_policy,
    function_policy,
    s3_consumer_policy,
    snowflake_read_policy,
    snowflake_trust_policy,
    streaming_job_policy,
)

BUCKET = "the-lake"
READ = snowflake_read_policy(BUCKET)
JOB = streaming_job_policy(BUCKET, "flights", f"s3a://{BUCKET}/_checkpoints")
DEPLOY = deployment_policy(BUCKET)
CONSUMER = s3_consumer_policy(BUCKET, "flights")
CATALOG = catalog_read_policy(BUCKET, "flights")


def allows(policy: dict[str, Any], action: str, key: str) -> bool:
    """Whether a policy lets an action on an object; enough of IAM for these documents."""
    arn = f"arn:aws:s3:::{BUCKET}/{key}"
    return any(
        action in statement["Action"] and any(fnmatch.fnmatchcase(arn, pattern) for pattern in statement["Resource"])
        for statement in policy["Statement"]
    )


class AccessCase(NamedTuple):
    id: str
    policy: dict[str, Any]
    action: str
    key: str
    allowed: bool


ACCESS = (
    AccessCase("snowflake-reads-published", READ, "s3:GetObject", "lake/flights/curated/a.parquet", True),
    AccessCase("snowflake-reads-versions", READ, "s3:GetObjectVersion", "lake/flights/raw/a.parquet", True),
    AccessCase("snowflake-reads-backfills", READ, "s3:GetObject", "operations/flights/1/curated/a.parquet", True),
    AccessCase("job-sweeps-attempts", JOB, "s3:DeleteObject", "operations/flights/1/curated/a.parquet", True),
    AccessCase("snowflake-reads-no-staging", READ, "s3:GetObject", "_staging/flights/a.parquet", False),
    AccessCase("snowflake-reads-no-ledger", READ, "s3:GetObject", "_ledger/flights/1.json", False),
    AccessCase("snowflake-reads-no-longer-name", READ, "s3:GetObject", "lake_archive/a.parquet", False),
    AccessCase("snowflake-writes-nothing", READ, "s3:PutObject", "lake/flights/curated/a.parquet", False),
    AccessCase("job-publishes", JOB, "s3:PutObject", "lake/flights/curated/a.parquet", True),
    AccessCase("job-never-deletes-published", JOB, "s3:DeleteObject", "lake/flights/curated/a.parquet", False),
    AccessCase("job-never-deletes-manifests", JOB, "s3:DeleteObject", "_ledger/flights/ingest/1.json", False),
    AccessCase("job-sweeps-staging", JOB, "s3:DeleteObject", "_staging/flights/ingest/a.parquet", True),
    AccessCase("job-keeps-its-checkpoint", JOB, "s3:PutObject", "_checkpoints/flights/offsets/1", True),
    AccessCase("job-leaves-other-pipelines", JOB, "s3:PutObject", "lake/readings/curated/a.csv.gz", False),
    AccessCase("job-leaves-longer-names", JOB, "s3:PutObject", "lake/flights_old/a.parquet", False),
    AccessCase("consumer-puts-objects", CONSUMER, "s3:PutObject", "ways/s3/flights/curated/month=1/a.parquet", True),
    AccessCase("consumer-claims", CONSUMER, "s3:PutObject", "_ledger/flights/s3/flights/0/0.json", True),
    AccessCase("consumer-leaves-the-main-ledger", CONSUMER, "s3:PutObject", "_ledger/flights/ingest/1.json", False),
    AccessCase("consumer-never-deletes", CONSUMER, "s3:DeleteObject", "ways/s3/flights/curated/a.parquet", False),
    AccessCase("crawler-reads-objects", CATALOG, "s3:GetObject", "ways/s3/flights/rejected/a.parquet", True),
    AccessCase("crawler-reads-no-claims", CATALOG, "s3:GetObject", "_ledger/flights/s3/flights/0/0.json", False),
    AccessCase("deployer-reads-no-object", DEPLOY, "s3:GetObject", "lake/flights/curated/a.parquet", False),
)


@pytest.mark.parametrize("case", ACCESS, ids=lambda case: case.id)
def test_a_party_may_do_what_it_needs_and_no_more(case: AccessCase) -> None:
    assert allows(case.policy, case.action, case.key) is case.allowed


@pytest.mark.parametrize(
    "policy", [READ, JOB, DEPLOY, CONSUMER, CATALOG], ids=["read", "job", "deploy", "consumer", "catalog"]
)
def test_listing_is_limited_to_prefixes_and_nothing_has_a_wildcard_action(policy: dict[str, Any]) -> None:
    for statement in policy["Statement"]:
        assert not [action for action in statement["Action"] if "*" in action]
        if "s3:ListBucket" in statement["Action"]:
            assert all(prefix.endswith("/*") for prefix in statement["Condition"]["StringLike"]["s3:prefix"])


@pytest.mark.parametrize(
    "checkpoints",
    [".checkpoints", "s3a://another-bucket/_checkpoints"],
    ids=["local-folder", "another-bucket"],
)
def test_a_checkpoint_elsewhere_is_not_granted_here(checkpoints: str) -> None:
    assert "checkpoints" not in str(streaming_job_policy(BUCKET, "flights", checkpoints))


def test_the_trust_is_for_one_user_with_one_external_id() -> None:
    (statement,) = snowflake_trust_policy("arn:aws:iam::1:user/abc", "ACME_SFCRole=2_x=")["Statement"]

    assert statement["Principal"] == {"AWS": "arn:aws:iam::1:user/abc"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "ACME_SFCRole=2_x="}}


FUNCTION = ("eu-west-1", "123456789012", "millrace-flights-kafka")
LOG = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/millrace-flights-kafka"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"


@pytest.mark.parametrize(
    ("secret", "granted"),
    [
        ("millrace/snowflake", f"{SECRET}millrace/snowflake-??????"),
        (f"{SECRET}millrace/snowflake-Ab12Cd", f"{SECRET}millrace/snowflake-Ab12Cd"),
    ],
    ids=["by name", "by address"],
)
def test_a_function_writes_its_own_log_and_reads_its_own_secret(secret: str, granted: str) -> None:
    log, trace, read = function_policy(*FUNCTION, secret)["Statement"]

    assert (log["Resource"], read["Resource"]) == ([LOG, f"{LOG}:*"], [granted])
    assert read["Action"] == ["secretsmanager:GetSecretValue"]
    assert all(action.startswith("xray:Put") for action in trace["Action"])
    assert len(function_policy(*FUNCTION, None)["Statement"]) == 2


def test_who_calls_a_function_may_do_nothing_else() -> None:
    (statement,) = function_caller_policy(*FUNCTION)["Statement"]

    assert statement["Action"] == ["lambda:InvokeFunction"]
    assert statement["Resource"] == ["arn:aws:lambda:eu-west-1:123456789012:function:millrace-flights-kafka"]


def test_the_error_role_publishes_to_one_topic() -> None:
    (statement,) = error_topic_policy("arn:aws:sns:us-east-1:1:errors")["Statement"]

    assert (statement["Action"], statement["Resource"]) == (["sns:Publish"], ["arn:aws:sns:us-east-1:1:errors"])
