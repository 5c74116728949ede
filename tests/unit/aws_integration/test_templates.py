"""The CloudFormation templates: valid by cfn-lint, and with the roles, names and settings that other commands use."""

from __future__ import annotations

import json
import re

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from aws_integration.event_roles import describe_api_role, describe_stream_role
from aws_integration.kafka_triggers import describe_triggers
from aws_integration.roles import describe_crawler_role, describe_function_role, describe_job_role
from aws_integration.shared_names import KEPT
from connections.settings import IAM_MECHANISM, KafkaSettings
from pipeline_contract.errors import ConfigurationError
from tests.unit.aws_integration.rendered_templates import (
    BUCKET,
    EVENTS,
    FLIGHTS,
    FULL,
    IAM,
    KEY_ARN,
    OUTSIDE,
    PLAIN,
    SECRET_ARN,
    SELF_MANAGED,
    TEMPLATES,
    read_resources,
)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_what_cloudformation_takes(name: str) -> None:
    matches = lint(TEMPLATES[name], config=ManualArgs(regions=["us-east-1"]))

    assert [f"{match.rule.id} {match.message} {match.path}" for match in matches] == []
    # Most that a call takes as the template's body.
    assert len(TEMPLATES[name].encode()) < 51_200


def test_what_cloudformation_would_refuse_is_found() -> None:
    broken = TEMPLATES["catalog, plain"].replace("RecursiveDeleteOption: true", "RecursiveDeleteOption: perhaps")

    assert [match.rule.id for match in lint(broken, config=ManualArgs(regions=["us-east-1"]))] == ["E3012"]


def test_a_policy_is_that_of_the_roles() -> None:
    place = PLAIN
    roles = {
        "stream, plain": describe_job_role(FLIGHTS, place, ()),
        "catalog, plain": describe_crawler_role(FLIGHTS, place),
        "lambda, plain": describe_function_role(FLIGHTS, place),
    }

    roles_of_events = [describe_api_role(EVENTS, place), describe_stream_role(EVENTS, place)]
    for name, role in [*roles.items(), *(("events", role) for role in roles_of_events)]:
        resources = read_resources(name).values()
        properties = [r["Properties"] for r in resources if r["Type"] in ("AWS::IAM::Role", "AWS::IAM::Policy")]
        assert role.describe() in properties or role.describe_policies()[0] in properties, name


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("base")])
def test_every_bucket_is_encrypted_versioned_closed_and_kept(name: str) -> None:
    resources = read_resources(name)
    buckets = {id_: found for id_, found in resources.items() if found["Type"] == "AWS::S3::Bucket"}

    assert {found["Properties"]["BucketName"] for found in buckets.values()} == {
        BUCKET,
        f"{BUCKET}-checkpoints",
        f"{BUCKET}-errors",
    }
    for id_, found in buckets.items():
        properties = found["Properties"]
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == ("Retain", "Retain")
        (denied,) = resources[f"{id_}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_teardown_keeps_what_it_says(name: str) -> None:
    for found in read_resources(name).values():
        assert (found.get("DeletionPolicy") == "Retain") is (found["Type"] in KEPT), found["Type"]
        assert (found.get("UpdateReplacePolicy") == "Retain") is (found["Type"] in KEPT), found["Type"]


def test_a_key_of_before_is_used_again() -> None:
    resources = read_resources("base on a key of before, plain")

    assert "Key" not in resources
    assert KEY_ARN in json.dumps(resources["LakeBucket"])


def test_every_queue_and_topic_is_encrypted() -> None:
    for name in TEMPLATES:
        for found in read_resources(name).values():
            if found["Type"] in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
                assert found["Properties"]["KmsMasterKeyId"] == "alias/millrace"


def test_a_schedule_asks_for_what_the_service_takes() -> None:
    drain = read_resources("stream, plain")["Drain"]["Properties"]["Target"]
    request = json.loads(drain["Input"]["Fn::Sub"])

    assert (request["ApplicationId"], request["ClientToken"]) == ("${Application}", "<aws.scheduler.execution-id>")
    assert request["JobDriver"]["SparkSubmit"]["EntryPointArguments"] == ["run", "flights"]
    (configuration,) = request["ConfigurationOverrides"]["ApplicationConfiguration"]
    assert configuration["Properties"] == {"spark.driver.memory": "2g"}
    assert request["ExecutionRoleArn"] == "arn:aws:iam::123456789012:role/millrace-flights-job"


def test_a_function_has_dead_letters_a_kept_log_alarms_and_a_trigger_for_each_topic() -> None:
    plain, full = read_resources("lambda, plain"), read_resources("lambda, full")
    triggers = [r["Properties"] for r in full.values() if r["Type"] == "AWS::Lambda::EventSourceMapping"]

    assert plain["Function"]["Properties"]["DeadLetterConfig"] == {"TargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
    assert plain["Log"]["Properties"]["RetentionInDays"] == 30
    assert sum(r["Type"] == "AWS::CloudWatch::Alarm" for r in plain.values()) == 4
    assert not any(r["Type"] == "AWS::Lambda::EventSourceMapping" for r in plain.values())
    assert [trigger["Topics"] for trigger in triggers] == [["flights"], ["flights.rejected"]]
    assert all(trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for trigger in triggers)
    assert len({trigger["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"] for trigger in triggers}) == 2


def test_a_trigger_on_any_other_cluster_reads_it_as_its_user_from_inside_the_network() -> None:
    inside, outside = (
        read_resources("lambda, self-managed"),
        read_resources("lambda, self-managed outside of any network"),
    )
    first, second = (r["Properties"] for r in inside.values() if r["Type"] == "AWS::Lambda::EventSourceMapping")
    access = [(one["Type"], one["URI"]) for one in first["SourceAccessConfigurations"]]

    assert first["SelfManagedEventSource"]["Endpoints"]["KafkaBootstrapServers"] == [
        "broker-1.kafka.millrace.internal:9092",
        "broker-2.kafka.millrace.internal:9092",
    ]
    assert access == [
        ("SASL_SCRAM_512_AUTH", SECRET_ARN),
        ("SERVER_ROOT_CA_CERTIFICATE", SECRET_ARN.replace("trigger", "authority")),
        ("VPC_SUBNET", "subnet:subnet-0123456789abcdef0"),
        ("VPC_SUBNET", "subnet:subnet-0123456789abcdef1"),
        ("VPC_SECURITY_GROUP", {"Fn::Sub": "security_group:${JobGroup}"}),
    ]
    groups = {trigger["SelfManagedKafkaEventSourceConfig"]["ConsumerGroupId"] for trigger in (first, second)}
    assert groups == {"millrace-flights-lambda", "millrace-flights-lambda-rejected"}
    (trigger, _) = (r["Properties"] for r in outside.values() if r["Type"] == "AWS::Lambda::EventSourceMapping")
    assert trigger["SourceAccessConfigurations"] == [{"Type": "SASL_SCRAM_512_AUTH", "URI": SECRET_ARN}]


def test_a_trigger_may_read_its_own_secrets_and_no_other() -> None:
    statements = {
        name: {
            statement["Sid"]: statement["Resource"]
            for policy in describe_function_role(FLIGHTS, settings).policies.values()
            for statement in policy["Statement"]
        }
        for name, settings in (("inside", SELF_MANAGED), ("outside", OUTSIDE))
    }

    assert statements["inside"]["ReadTriggerSecrets"] == [SECRET_ARN, SECRET_ARN.replace("trigger", "authority")]
    assert statements["outside"]["ReadTriggerSecrets"] == [SECRET_ARN]
    assert "ReachBrokers" in statements["inside"]
    assert "ReachBrokers" not in statements["outside"]


@pytest.mark.parametrize(
    ("kafka", "cluster", "words"),
    [
        (SELF_MANAGED.kafka, FULL.infrastructure.cluster_arn, "leave out one of them"),
        (KafkaSettings(), None, "SCRAM-SHA-512 or SCRAM-SHA-256.*PLAINTEXT"),
        (IAM.kafka, None, f"SASL_SSL and {IAM_MECHANISM}"),
    ],
    ids=["msk as well", "in the clear", "by IAM"],
)
def test_a_trigger_that_cannot_be_is_refused(kafka: KafkaSettings, cluster: str | None, words: str) -> None:
    infrastructure = SELF_MANAGED.infrastructure.model_copy(update={"cluster_arn": cluster})

    with pytest.raises(ConfigurationError, match=f"(?s){words}"):
        describe_triggers(FLIGHTS, SELF_MANAGED.model_copy(update={"kafka": kafka, "infrastructure": infrastructure}))


def test_the_job_may_read_from_a_cluster_that_it_signs_in_to_by_iam() -> None:
    signed, plain = (
        json.dumps(read_resources(name)["JobRole"]) for name in ("stream, signed in by IAM", "stream, full")
    )

    assert "kafka-cluster:ReadData" in signed
    assert "kafka-cluster:WriteData" not in signed
    assert "kafka-cluster" not in plain
    nameless = IAM.model_copy(update={"infrastructure": PLAIN.infrastructure})
    with pytest.raises(ConfigurationError, match="cluster_arn"):
        describe_job_role(FLIGHTS, nameless, ())


def test_messages_that_a_trigger_gives_up_are_kept_in_the_clear_only_where_the_raw_zone_is() -> None:
    kept = {
        name: [
            "DestinationConfig" in found["Properties"]
            for found in read_resources(name).values()
            if found["Type"] == "AWS::Lambda::EventSourceMapping"
        ]
        for name in ("lambda, full", "lambda, sealed")
    }

    assert kept == {"lambda, full": [True, True], "lambda, sealed": [False, False]}


def test_every_broker_has_an_encrypted_disk_and_a_role_of_its_own() -> None:
    found = read_resources("kafka").values()
    disks = [one["Properties"] for one in found if one["Type"] == "AWS::EC2::Volume"]
    machines = [one["Properties"] for one in found if one["Type"] == "AWS::EC2::Instance"]
    roles = {one["Properties"]["RoleName"] for one in found if one["Type"] == "AWS::IAM::Role"}

    assert [disk["Encrypted"] for disk in disks] == [True] * 3
    assert [machine["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] for machine in machines] == [True] * 3
    assert roles == {"millrace-kafka-1", "millrace-kafka-2", "millrace-kafka-3"}
    assert len([one for one in read_resources("kafka for trials").values() if one["Type"] == "AWS::EC2::Instance"]) == 1


def test_no_template_holds_a_secret() -> None:
    for name, text in TEMPLATES.items():
        assert not re.search(r"\bSecretString:", text.replace("--query SecretString", "")), name
