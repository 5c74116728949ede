"""The policies of the AWS side, and the second step of the trust between the two accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connections.settings import Settings
from connections.warehouse import Connection, Row, run_query
from pipeline_contract.ddl import quote_snowflake
from pipeline_contract.errors import ServiceError
from pipeline_contract.model import Contract
from pipeline_contract.policies import (
    Document,
    deployment_policy,
    error_topic_policy,
    role_arn,
    snowflake_read_policy,
    snowflake_trust_policy,
    streaming_job_policy,
    topic_arn,
)
from snowflake_integration.naming import ERROR_TOPIC, STORAGE_INTEGRATION


def describe_policies(contract: Contract, settings: Settings) -> dict[str, Document]:
    """The policy document of each party, by the party's name."""
    bucket = settings.s3.bucket
    return {
        settings.aws.snowflake_role: snowflake_read_policy(bucket),
        f"millrace-stream-{contract.name}": streaming_job_policy(bucket, contract.name, settings.spark.checkpoints),
        "millrace-deploy": deployment_policy(bucket),
        ERROR_TOPIC: error_topic_policy(topic_arn(settings.s3.region, settings.aws.account_id, ERROR_TOPIC)),
    }


def read_trust(connection: Connection) -> tuple[str, str]:
    """The user and the external id with which Snowflake will take the role, from DESC INTEGRATION (SP26)."""
    return find_trust(run_query(connection, f"DESC INTEGRATION {quote_snowflake(STORAGE_INTEGRATION)}"))


def find_trust(rows: Sequence[Row]) -> tuple[str, str]:
    """The user's address and the external id in the answer of DESC INTEGRATION. Pure."""
    properties: Mapping[str, Any] = {str(row["property"]): row["property_value"] for row in rows}
    try:
        return str(properties["STORAGE_AWS_IAM_USER_ARN"]), str(properties["STORAGE_AWS_EXTERNAL_ID"])
    except KeyError as error:
        raise ServiceError(
            f"DESC INTEGRATION {STORAGE_INTEGRATION} answers no {error.args[0]}: is it a storage integration for S3?"
        ) from None


def describe_trust(connection: Connection, settings: Settings) -> dict[str, Any]:
    """The role that Snowflake takes, and the trust policy that lets this one integration take it."""
    user_arn, external_id = read_trust(connection)
    return {
        "role": role_arn(settings.aws.account_id, settings.aws.snowflake_role),
        "trust_policy": snowflake_trust_policy(user_arn, external_id),
    }
