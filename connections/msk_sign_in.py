"""How clients sign in to MSK by IAM: with a request that AWS's own signer signs by the credentials of the process."""

from __future__ import annotations

import re
from collections.abc import Callable

import boto3
from botocore.exceptions import BotoCoreError

from connections.settings import IAM_MECHANISM, KafkaSettings
from pipeline_contract.errors import ConfigurationError

# docs.aws.amazon.com/msk/latest/developerguide/msk-get-bootstrap-brokers.html
_MSK_NAME = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com")

Signer = Callable[[str], tuple[str, float]]


def find_region(settings: KafkaSettings) -> str:
    """The region of the cluster: as the settings say, or as the brokers' names do; else `ConfigurationError`."""
    named = _MSK_NAME.search(settings.bootstrap_servers)
    region = settings.region or (named and named[1])
    if not region:
        raise ConfigurationError(
            f"kafka.region: {settings.bootstrap_servers} does not name the region of an MSK cluster: set it, there or in "
            "MILLRACE_KAFKA__REGION"
        )
    return region


def open_signer(region: str) -> Signer:
    """What gives a new token for the brokers of a region, and when it ends in seconds since 1970, each time that it is called.

    `ConfigurationError` where the process has no AWS credentials. What it takes is not used: librdkafka hands it over.
    """
    _check_credentials()
    # Only who signs in by IAM needs it.
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # noqa: PLC0415

    def sign(_: str = "") -> tuple[str, float]:
        token, ends_ms = MSKAuthTokenProvider.generate_auth_token(region)
        return token, ends_ms / 1000

    return sign


def advise_iam(settings: KafkaSettings) -> str:
    """What to look at where brokers refuse a signature."""
    return (
        f"The brokers refuse IAM's signature (kafka.sasl_mechanism {IAM_MECHANISM}): are they those of an MSK cluster with IAM "
        f"access control, at its port 9098, in {find_region(settings)}, and may these AWS credentials do kafka-cluster:Connect? "
        "(docs/kafka-security.md)"
    )


def _check_credentials() -> None:
    """The signer itself would fail with an error that names nothing, and librdkafka would show none of it."""
    try:
        found, reason = boto3.Session().get_credentials(), "there are none"
    except BotoCoreError as error:
        found, reason = None, str(error)
    if found is None:
        raise ConfigurationError(
            f"kafka.sasl_mechanism {IAM_MECHANISM} needs AWS credentials: {reason}. Give the process a role, or set AWS_PROFILE "
            "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
