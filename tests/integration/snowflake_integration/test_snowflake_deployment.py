"""Deploying again and again, a changed pipe, and tearing down: what is loaded stays as it is, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from connections.s3 import SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY
from connections.settings import Settings
from connections.warehouse import execute_statement, run_query
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.layout import final_key
from pipeline_contract.model import Contract
from snowflake_integration.copy_statement import pipe_copy
from snowflake_integration.deployment import Done, Site, carry_out, look_around
from snowflake_integration.notifications import find_prefix, read_notifications, remove_wiring, write_notifications
from snowflake_integration.pipes import is_same_copy, read_pipes
from snowflake_integration.plan import Found, Step, plan_deployment, plan_teardown
from snowflake_integration.rendering import choose_scripts, render_scripts
from snowflake_integration.waiting import wait_loaded
from tests.integration.snowflake_integration.lake_files import build_row, write_file

Deploy = Callable[[Contract, Site], list[Done]]
OpenSite = Callable[[Contract], Site]


def put(site: Site, number: int, **extra: Any) -> None:
    """Publish one curated file with one row, whose id is the file's number."""
    output = site.names.targets[1].output
    key = final_key(site.pipeline, "curated", "", "0001-abc-0000000001", number, "parquet")
    site.s3.put_object(Bucket=site.bucket, Key=key, Body=write_file(output, [build_row(output, id=number, **extra)]))


def read_ids(site: Site) -> list[int]:
    """The ids that are in the table, once all is loaded."""
    wait_loaded(site.connection, site.s3, site.names, site.bucket, 30.0, report=lambda states: None)
    rows = run_query(site.connection, f"SELECT ID FROM {site.names.targets[1].table} ORDER BY ID")
    return [row["ID"] for row in rows]


def count_actions(done: list[Done]) -> dict[str, int]:
    """How often each action was carried out."""
    actions = [item.step.action for item in done]
    return {action: actions.count(action) for action in set(actions)}


def test_a_plan_alone_changes_nothing(contract: Contract, open_site: OpenSite, endpoints: Settings) -> None:
    site = open_site(contract)
    before = read_notifications(site.s3, site.bucket)

    steps = plan_deployment(
        render_scripts(contract, endpoints), site.names, look_around(site.connection, site.names), site.bucket
    )

    assert {step.action for step in steps} == {"run", "notify", "refresh"}
    assert look_around(site.connection, site.names) == Found({}, {target.name for target in site.names.targets}, {})
    assert contract.name.upper() not in [row["name"] for row in run_query(site.connection, "SHOW SCHEMAS IN ACCOUNT")]
    assert read_notifications(site.s3, site.bucket) == before


def test_deploying_again_loads_nothing_again_and_files_from_before_are_loaded_once(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    put(site, 1)

    first = deploy(contract, site)
    put(site, 2)
    ids = read_ids(site)
    wired = read_notifications(site.s3, site.bucket)
    second = deploy(contract, site)
    put(site, 3)

    assert ids == [1, 2]
    assert count_actions(first)["refresh"] == 4
    assert count_actions(second)["keep"] == 4
    assert not {"refresh", "replace"} & set(count_actions(second))
    assert read_notifications(site.s3, site.bucket) == wired
    assert read_ids(site) == [1, 2, 3]


def test_a_changed_pipe_is_replaced_and_no_file_is_lost_or_loaded_twice(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    target = site.names.targets[1]
    older = pipe_copy(target).replace("SKIP_FILE", "CONTINUE")
    execute_statement(site.connection, f"CREATE OR REPLACE PIPE {target.pipe} AUTO_INGEST = TRUE AS {older}")
    put(site, 1)
    put(site, 2)

    done = deploy(contract, site)
    put(site, 3)

    assert count_actions(done)["replace"] == 1
    assert count_actions(done)["keep"] == 3
    assert is_same_copy(read_pipes(site.connection, site.names)[target.pipe_name].definition, pipe_copy(target))
    assert read_ids(site) == [1, 2, 3]


def test_a_file_that_was_never_announced_to_the_old_pipe_is_loaded_by_the_new_one(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    target = site.names.targets[1]
    older = pipe_copy(target).replace("SKIP_FILE", "CONTINUE")
    execute_statement(site.connection, f"CREATE OR REPLACE PIPE {target.pipe} AUTO_INGEST = TRUE AS {older}")
    put(site, 1)
    assert read_ids(site) == [1]
    wired = read_notifications(site.s3, site.bucket)
    write_notifications(site.s3, site.bucket, remove_wiring(wired, site.pipeline))
    put(site, 2)

    deploy(contract, site)
    put(site, 3)

    assert read_ids(site) == [1, 2, 3]


def test_a_pipe_that_cannot_be_replaced_goes_on_as_it_was(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    target = site.names.targets[1]
    broken = Step("06_pipes.sql", "replace", f"CREATE OR REPLACE PIPE {target.pipe} AS COPY INTO NOWHERE", target)

    with pytest.raises(ServiceError, match="NOWHERE"):
        carry_out(site, [broken], report=lambda done: None)

    put(site, 1)
    assert read_ids(site) == [1]


def test_a_pipe_that_was_dropped_is_made_again_and_the_table_is_not_loaded_twice(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    put(site, 1)
    assert read_ids(site) == [1]
    execute_statement(site.connection, f"DROP PIPE {site.names.targets[1].pipe}")

    done = deploy(contract, site)
    put(site, 2)

    assert "refresh" not in count_actions(done)
    assert read_ids(site) == [1, 2]


def test_error_notifications_are_set_when_asked_for(
    contract: Contract, open_site: OpenSite, endpoints: Settings
) -> None:
    site = open_site(contract)
    steps = plan_deployment(
        render_scripts(contract, endpoints),
        site.names,
        look_around(site.connection, site.names),
        site.bucket,
        choose_scripts("01", "08"),
    )

    carry_out(site, steps, report=lambda done: None)

    rows = run_query(site.connection, f"SHOW PIPES IN SCHEMA {site.names.schema}")
    assert {row["error_integration"] for row in rows} == {"MILLRACE_PIPE_ERRORS"}


def test_a_rule_of_somebody_else_that_overlaps_stops_the_deployment_and_is_kept(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    before = read_notifications(site.s3, site.bucket)
    queue = create_queue(site)
    theirs = {
        "Id": f"theirs-{contract.name}",
        "QueueArn": queue,
        "Events": ["s3:ObjectCreated:Put"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": f"lake/{contract.name}/raw/"}]}},
    }
    queues = before.get("QueueConfigurations", [])
    write_notifications(site.s3, site.bucket, {**before, "QueueConfigurations": [*queues, theirs]})

    try:
        with pytest.raises(ConfigurationError, match=f"theirs-{contract.name}"):
            deploy(contract, site)
        kept = read_notifications(site.s3, site.bucket)["QueueConfigurations"]
    finally:
        write_notifications(site.s3, site.bucket, before)
    assert [find_prefix(rule) for rule in kept if rule["Id"] == theirs["Id"]] == [f"lake/{contract.name}/raw/"]


def create_queue(site: Site) -> str:
    """The address of a queue of somebody else's."""
    sqs = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=site.s3.meta.endpoint_url,
        aws_access_key_id=SANDBOX_ACCESS_KEY_ID,
        aws_secret_access_key=SANDBOX_SECRET_ACCESS_KEY,
    )
    address = sqs.create_queue(QueueName=f"theirs-{site.pipeline}")["QueueUrl"]
    return sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_a_missing_bucket_is_said_by_its_name(contract: Contract, open_site: OpenSite, deploy: Deploy) -> None:
    site = open_site(contract)._replace(bucket="there-is-no-such-bucket")

    with pytest.raises(ServiceError, match="there-is-no-such-bucket"):
        deploy(contract, site)


def test_a_teardown_leaves_the_files_and_nothing_else_and_can_be_repeated(
    contract: Contract, open_site: OpenSite, deploy: Deploy, endpoints: Settings
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    put(site, 1)
    assert read_ids(site) == [1]
    steps = plan_teardown(render_scripts(contract, endpoints), site.names, site.bucket)

    carry_out(site, steps, report=lambda done: None)
    again = carry_out(site, steps, report=lambda done: None)

    assert again[0].outcome == "nothing was wired"
    for kind in ("TABLES", "VIEWS", "PIPES", "STAGES", "FILE FORMATS"):
        assert run_query(site.connection, f"SHOW {kind} IN SCHEMA {site.names.schema}") == [], kind
    rules = read_notifications(site.s3, site.bucket).get("QueueConfigurations", [])
    assert site.names.stage_prefix not in [find_prefix(rule) for rule in rules]
    assert site.s3.list_objects_v2(Bucket=site.bucket, Prefix=site.names.stage_prefix)["KeyCount"] == 1
