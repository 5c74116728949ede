"""All templates as the tests look at them, rendered with every condition on and off."""

from __future__ import annotations

from typing import Any

from cfnlint.decode import decode_str

from aws_integration.event_template import render_events
from aws_integration.function_deployment import Code
from aws_integration.job_runs import JobRuns
from aws_integration.plan import SCAN_LIMIT_BYTES
from aws_integration.templates import Runtime, render_base, render_catalog, render_function, render_kafka, render_stream
from connections.settings import IAM_MECHANISM, InfrastructureSettings, KafkaSettings, Settings, load_settings
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.event_contract_file import find_event_contract, load_event_contract
from pipeline_contract.model import Raw

EVENTS = load_event_contract(find_event_contract("events"))
SIGNED_BY_TYPE = EVENTS.model_copy(
    update={
        "api": EVENTS.api.model_copy(update={"authorisation": "iam"}),
        "delivery": EVENTS.delivery.model_copy(update={"by_type": True, "buffer_mb": 64}),
    }
)
FLIGHTS, READINGS = load_contract(find_contract("flights")), load_contract(find_contract("readings"))
SEALED = FLIGHTS.model_copy(update={"raw": Raw(zone="encrypted")})
BUCKET = "some-lake"
PLAIN = load_settings("aws").model_copy(update={"s3": load_settings("aws").s3.model_copy(update={"bucket": BUCKET})})
FULL = PLAIN.model_copy(
    update={
        "infrastructure": InfrastructureSettings(
            api_log_role=False,
            alarm_email="ops@example.org",
            vpc_id="vpc-0123456789abcdef0",
            subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
            cluster_arn="arn:aws:kafka:us-east-1:123456789012:cluster/millrace/0a1b2c3d-1111-2222-3333-444455556666-2",
            snowflake_user_arn="arn:aws:iam::210987654321:user/abc",
            snowflake_external_id="ACME_SFCRole=2_x=",
        ),
        "function": PLAIN.function.model_copy(update={"reports_failures": True}),
    }
)
RUN = {
    "applicationId": "<application-id>",
    "executionRoleArn": "<role-arn>",
    "mode": "BATCH",
    "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/job.py", "entryPointArguments": ["run", "flights"]}},
    "configurationOverrides": {
        "applicationConfiguration": [{"classification": "spark-defaults", "properties": {"spark.driver.memory": "2g"}}]
    },
}
CLUSTER = FULL.model_copy(
    update={"infrastructure": FULL.infrastructure.model_copy(update={"kafka_image": "ami-0123456789abcdef0"})}
)
TRIAL = CLUSTER.model_copy(update={"infrastructure": CLUSTER.infrastructure.model_copy(update={"kafka_brokers": 1})})
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:millrace/kafka/trigger-a1B2c3"
SELF_MANAGED = FULL.model_copy(
    update={
        "kafka": KafkaSettings(
            bootstrap_servers="broker-1.kafka.millrace.internal:9092, broker-2.kafka.millrace.internal:9092",
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-512",
        ),
        "infrastructure": FULL.infrastructure.model_copy(
            update={
                "cluster_arn": None,
                "trigger_secret_arn": SECRET_ARN,
                "trigger_ca_secret_arn": SECRET_ARN.replace("trigger", "authority"),
            }
        ),
    }
)
OUTSIDE = SELF_MANAGED.model_copy(
    update={
        "infrastructure": SELF_MANAGED.infrastructure.model_copy(
            update={"subnet_ids": (), "trigger_ca_secret_arn": None}
        )
    }
)
IAM = FULL.model_copy(
    update={"kafka": KafkaSettings(security_protocol="SASL_SSL", sasl_mechanism=IAM_MECHANISM, region="us-east-1")}
)
CODE = Code({"S3Bucket": BUCKET, "S3Key": "functions/millrace-flights-kafka/0.zip"}, None, None)
ARM = Runtime("python3.12", "arm64")
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-1111-2222-3333-444455556666"


def render_all(settings: Settings) -> dict[str, str]:
    return {
        "base": render_base([FLIGHTS, READINGS], settings, None),
        "base on a key of before": render_base([FLIGHTS], settings, KEY_ARN),
        "stream": render_stream(FLIGHTS, settings, JobRuns(RUN, RUN)),
        "catalog": render_catalog(FLIGHTS, settings, SCAN_LIMIT_BYTES),
        "lambda": render_function("flights", FLIGHTS, settings, CODE, ARM, {"flights": "abc"}),
    }


TEMPLATES = {
    **{f"{name}, plain": text for name, text in render_all(PLAIN).items()},
    **{f"{name}, full": text for name, text in render_all(FULL).items() if name != "catalog" and "before" not in name},
    "lambda, sealed": render_function("flights", SEALED, FULL, CODE, ARM, {"flights": "abc"}),
    "events": render_events("events", EVENTS, PLAIN, CODE, ARM),
    "events, signed and by type": render_events("events", SIGNED_BY_TYPE, PLAIN, CODE, ARM),
    "lambda, self-managed": render_all(SELF_MANAGED)["lambda"],
    "lambda, self-managed outside of any network": render_all(OUTSIDE)["lambda"],
    "stream, signed in by IAM": render_all(IAM)["stream"],
    "kafka": render_kafka(CLUSTER),
    "kafka for trials": render_kafka(TRIAL),
}


def read_resources(name: str) -> dict[str, Any]:
    template, problems = decode_str(TEMPLATES[name])
    assert not problems
    resources: dict[str, Any] = template["Resources"]
    return resources
