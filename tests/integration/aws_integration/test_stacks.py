"""The stacks on the emulated CloudFormation: change sets are shown, carried out, and change nothing the second time."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, NamedTuple
from zipfile import ZipFile

import boto3
import pytest
from cfnlint.decode import decode_str
from typer.testing import CliRunner, Result

from aws_integration.__main__ import app
from aws_integration.change_sets import carry_out_changes, create_change_set, delete_stack, list_resources
from aws_integration.event_roles import describe_api_role, describe_stream_role
from aws_integration.event_template import render_events
from aws_integration.function_deployment import Code
from aws_integration.job_runs import JobRuns
from aws_integration.roles import describe_function_role, describe_job_role
from aws_integration.shared_names import Stack
from aws_integration.stacks import Contracts, Named, Sources, open_stack_site, wish_stack
from aws_integration.templates import Runtime
from connections.s3 import open_s3, place_client
from connections.settings import Settings
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.event_contract_file import find_event_contract, load_event_contract
from pipeline_contract.event_layout import name_api, name_api_function, name_api_log, name_ids, name_stream_log
from pipeline_contract.policies import function_arn

Run = Callable[..., Result]
EVENTS = load_event_contract(find_event_contract("events"))
FLIGHTS = load_contract(find_contract("flights"))


@pytest.fixture
def settings(session_settings: Settings, s3_endpoint: str, unique_name: str) -> Settings:
    """The session's settings, with a bucket that is not there yet."""
    assert session_settings.s3.endpoint_url == s3_endpoint
    return session_settings.model_copy(
        update={"s3": session_settings.s3.model_copy(update={"bucket": f"lake-{unique_name}"})}
    )


@pytest.fixture
def run(settings: Settings) -> Iterator[Run]:
    """Runs a command against the session's endpoint; at the end the stacks are taken away."""
    variables = {"MILLRACE_S3__ENDPOINT_URL": str(settings.s3.endpoint_url), "MILLRACE_S3__BUCKET": settings.s3.bucket}

    def invoke(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(app, arguments, env=variables | more)

    yield invoke
    invoke("teardown", "flights", "--yes")


def open_client(settings: Settings, service: str) -> Any:
    return boto3.client(service, **place_client(settings.s3))  # type: ignore[call-overload]


def read_policy(settings: Settings, role: str, policy: str) -> Any:
    iam = open_client(settings, "iam")
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    # moto keeps the policies that stand within a role as Python writes them.
    return literal_eval(document) if isinstance(document, str) else document


def test_the_stacks_are_shown_made_left_alone_changed_and_taken_away(run: Run, settings: Settings) -> None:
    shown = json.loads(run("diff", "flights", "--stack", "base", "--json").stdout)
    assert [(stack["stack"], stack["is_new"], len(stack["changes"])) for stack in shown] == [
        ("millrace-base", True, 22)
    ]
    assert open_client(settings, "iam").list_roles()["Roles"] == []

    made = run("deploy", "flights", "--yes", "--json")
    assert (made.exit_code, [stack["stack"] for stack in json.loads(made.stdout)]) == (
        0,
        ["millrace-base", "millrace-flights-stream", "millrace-flights-catalog"],
    )
    check_base(settings)
    job = describe_job_role(FLIGHTS, settings, ())
    assert read_policy(settings, job.name, "job-flights") == job.policies["job-flights"]
    assert read_policy(settings, "millrace-crawler", "crawl-flights")

    again = run("deploy", "flights", "--yes")
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "everything is as it should be; nothing was done")

    dearer = {"MILLRACE_INFRASTRUCTURE__BUDGET_USD": "300"}
    (changed,) = json.loads(run("diff", "flights", "--stack", "base", "--json", **dearer).stdout)
    assert [(change["action"], change["resource"]) for change in changed["changes"]] == [("Modify", "Budget")]

    gone = json.loads(run("teardown", "flights", "--yes", "--json").stdout)
    assert [stack["stack"] for stack in gone] == [
        "millrace-flights-catalog",
        "millrace-flights-stream",
        "millrace-base",
    ]
    assert f"AWS::S3::Bucket {settings.s3.bucket}" in gone[-1]["kept"]
    open_s3(settings.s3).head_bucket(Bucket=settings.s3.bucket)
    assert open_client(settings, "iam").list_roles()["Roles"] == []
    assert run("teardown", "flights", "--yes").stdout.startswith("0 stacks deleted")


def check_base(settings: Settings) -> None:
    """The buckets' key, who is told of alarms, and how long what tells of them is kept."""
    s3, sns, sqs, kms = (open_client(settings, service) for service in ("s3", "sns", "sqs", "kms"))
    (key,) = (a["TargetKeyId"] for a in kms.list_aliases()["Aliases"] if a["AliasName"] == "alias/millrace")
    for bucket in (settings.s3.bucket, f"{settings.s3.bucket}-checkpoints", f"{settings.s3.bucket}-errors"):
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith(key)
    topic = "arn:aws:sns:us-east-1:000000000000:millrace-alarms"
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"].rpartition(":")[2]) == ("sqs", "millrace-alarms")
    url = sqs.get_queue_url(QueueName="millrace-alarms")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["KmsMasterKeyId"], attributes["MessageRetentionPeriod"]) == ("alias/millrace", "1209600")


def test_the_function_has_its_role_dead_letters_and_log(run: Run, settings: Settings) -> None:
    assert run("deploy", "flights", "--yes", "--stack", "base").exit_code == 0
    site, sources = open_stack_site(settings), put_code(settings)
    wish = wish_stack(site, Named(Stack.LAMBDA, "flights"), Contracts({"flights": FLIGHTS}, {}), settings, sources)

    carry_out_changes(site.stacks, create_change_set(site.stacks, wish, 30), 30, print)

    role = describe_function_role(FLIGHTS, settings)
    assert read_policy(settings, "millrace-lambda", "function-flights") == role.policies["function-flights"]
    (log,) = open_client(settings, "logs").describe_log_groups()["logGroups"]
    assert (log["logGroupName"], log["retentionInDays"]) == ("/aws/lambda/millrace-flights-kafka", 30)
    queues = open_client(settings, "sqs").list_queues(QueueNamePrefix="millrace-flights")["QueueUrls"]
    assert [url.rpartition("/")[2] for url in queues] == ["millrace-flights-lambda-dead-letters"]
    assert create_change_set(site.stacks, wish, 30).changes == []


def put_code(settings: Settings) -> Sources:
    """What a function's stack is made from, with a package in its place that does nothing."""
    content = BytesIO()
    with ZipFile(content, "w") as package:
        package.writestr("handler.py", "")
    code = Code({"S3Bucket": settings.s3.bucket, "S3Key": "functions/f.zip"}, content.getvalue(), None)
    open_s3(settings.s3).put_object(Bucket=settings.s3.bucket, Key="functions/f.zip", Body=content.getvalue())
    return Sources(lambda _: JobRuns({}, {}), lambda _: code, lambda _: {}, Runtime("python3.12", "arm64"))


def test_an_api_has_its_roles_logs_and_ids_and_a_teardown_leaves_the_ids(
    run: Run, settings: Settings, unique_name: str
) -> None:
    assert run("deploy", "--yes", "--stack", "base").exit_code == 0
    site, sources = open_stack_site(settings), put_code(settings)
    events = EVENTS.model_copy(update={"name": unique_name})
    contracts = Contracts({}, {unique_name: events})
    wish = wish_stack(site, Named(Stack.EVENTS, unique_name), contracts, settings, sources)
    # The emulated CloudFormation makes an API without its methods of a description, and deploys none without methods.
    described = re.sub(r"  Deployment\w+:\n(    .*\n)+|      DeploymentId: .*\n", "", wish.template)
    wish = wish._replace(template=described)

    carry_out_changes(site.stacks, create_change_set(site.stacks, wish, 30), 30, print)

    for role in (describe_api_role(events, settings), describe_stream_role(events, settings)):
        ((policy, document),) = role.policies.items()
        assert read_policy(settings, role.name, policy) == document
    dynamodb, table = open_client(settings, "dynamodb"), name_ids(unique_name)
    assert dynamodb.describe_table(TableName=table)["Table"]["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    logs = open_client(settings, "logs").describe_log_groups()["logGroups"]
    assert {log["logGroupName"]: log["retentionInDays"] for log in logs if unique_name in log["logGroupName"]} == {
        f"/aws/lambda/{name_api_function(unique_name)}": 30,
        name_api_log(unique_name): 30,
        name_stream_log(unique_name): 30,
    }
    assert create_change_set(site.stacks, wish, 30).changes == []

    deleted, kept = list_resources(site.stacks, wish.name)
    assert kept == [f"AWS::DynamoDB::Table {table}"]
    assert {line.partition(" ")[0] for line in deleted} >= {"AWS::ApiGateway::RestApi", "AWS::Lambda::Function"}

    delete_stack(site.stacks, wish.name, 30, print)

    assert dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"


@pytest.mark.parametrize(
    ("authorisation", "asked"), [("api-key", ("NONE", True)), ("iam", ("AWS_IAM", False))], ids=["api-key", "iam"]
)
def test_the_description_of_a_stacks_api_is_what_the_emulated_api_gateway_imports(
    settings: Settings, authorisation: str, asked: tuple[str, bool]
) -> None:
    events = EVENTS.model_copy(update={"api": EVENTS.api.model_copy(update={"authorisation": authorisation})})
    code = Code({"S3Bucket": settings.s3.bucket, "S3Key": "functions/f.zip"}, None, None)
    template, _ = decode_str(render_events("events", events, settings, code, Runtime("python3.12", "arm64")))
    apis = open_client(settings, "apigateway")

    body = json.dumps(template["Resources"]["Api"]["Properties"]["Body"])
    api = apis.import_rest_api(body=body, failOnWarnings=True, parameters={"endpointConfigurationTypes": "REGIONAL"})

    try:
        resources = apis.get_resources(restApiId=api["id"], embed=["methods"])["items"]
        (method,) = (r["resourceMethods"]["POST"] for r in resources if r["path"] == "/events")
        assert api["name"] == name_api("events")
        assert (method["authorizationType"], method["apiKeyRequired"]) == asked
        function = function_arn(settings.s3.region, settings.aws.account_id, name_api_function("events"))
        assert method["methodIntegration"]["uri"].endswith(f"/functions/{function}/invocations")
    finally:
        apis.delete_rest_api(restApiId=api["id"])


def test_an_api_is_no_stack_of_the_emulated_cloudformation(run: Run) -> None:
    refused = run("deploy", "events", "--yes")

    assert (refused.exit_code, "api deploy" in refused.stderr) == (2, True)


class RefusedName(NamedTuple):
    id: str
    arguments: tuple[str, ...]
    told: str


@pytest.mark.parametrize(
    "case",
    [
        RefusedName("unknown", ("nothing",), "known pipelines: flights"),
        RefusedName("pipeline-as-events", ("flights", "--stack", "events"), "no stack events"),
        RefusedName("events-as-pipeline", ("events", "--stack", "stream"), "no stack stream"),
    ],
    ids=lambda case: case.id,
)
def test_a_stack_that_a_name_has_not_is_refused(run: Run, case: RefusedName) -> None:
    refused = run("diff", *case.arguments)

    assert refused.exit_code == 2
    assert case.told in refused.stderr


def test_brokers_admit_the_group_of_the_job_and_each_other(run: Run, settings: Settings) -> None:
    ec2 = open_client(settings, "ec2")
    subnets = ec2.describe_subnets()["Subnets"]
    variables = {
        "MILLRACE_INFRASTRUCTURE__VPC_ID": subnets[0]["VpcId"],
        "MILLRACE_INFRASTRUCTURE__SUBNET_IDS": json.dumps([subnet["SubnetId"] for subnet in subnets[:3]]),
        "MILLRACE_INFRASTRUCTURE__KAFKA_IMAGE": "ami-0123456789abcdef0",
    }

    made = run("deploy", "--yes", "--json", "--stack", "base", "--stack", "kafka", **variables)

    assert made.exit_code == 0, made.stderr
    groups = {group["Description"]: group for group in ec2.describe_security_groups()["SecurityGroups"]}
    (brokers,) = (group for said, group in groups.items() if said.startswith("Kafka brokers"))
    (job,) = (group for said, group in groups.items() if said.startswith("The Spark job"))
    admitted = {
        (rule["FromPort"], rule["ToPort"], pair["GroupId"])
        for rule in brokers["IpPermissions"]
        for pair in rule["UserIdGroupPairs"]
    }
    assert admitted == {(9092, 9092, job["GroupId"]), (9092, 9094, brokers["GroupId"])}
    assert not any(rule["IpRanges"] for rule in brokers["IpPermissions"])
    found = [i for page in ec2.describe_instances()["Reservations"] for i in page["Instances"]]
    running = [i for i in found if i["State"]["Name"] == "running"]
    assert len(running) == 3
    disks = [volume for volume in ec2.describe_volumes()["Volumes"] if volume["Size"] == 200]
    assert [disk["State"] for disk in disks] == ["in-use"] * 3
    again = run("deploy", "--yes", "--stack", "base", "--stack", "kafka", **variables)
    assert again.stdout.splitlines()[-1] == "everything is as it should be; nothing was done"


def test_credentials_of_another_account_change_nothing(run: Run) -> None:
    refused = run("deploy", "flights", "--yes", MILLRACE_AWS__ACCOUNT_ID="123456789012")

    assert refused.exit_code == 2
    assert "account_id" in refused.stderr


def test_without_an_answer_nothing_is_changed(run: Run, settings: Settings) -> None:
    refused = run("deploy", "flights", "--stack", "base")

    assert (refused.exit_code, "say --yes" in refused.stderr) == (2, True)
    left = open_client(settings, "cloudformation").list_stacks()["StackSummaries"]
    assert {stack["StackStatus"] for stack in left} <= {"DELETE_COMPLETE"}


def test_a_function_without_a_package_is_refused(run: Run) -> None:
    refused = run("diff", "flights", "--stack", "lambda")

    assert (refused.exit_code, "--package" in refused.stderr) == (2, True)
