"""Brokers on EC2: what their script and configuration say; that a real broker takes it is tested in tests/integration."""

from __future__ import annotations

import subprocess

import pytest

from aws_integration.kafka_brokers import RESTART, name_cluster, name_host, render_properties, render_user_data
from aws_integration.templates import render_kafka
from connections.settings import load_settings
from pipeline_contract.errors import ConfigurationError

HOSTS = [name_host(number) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    "script", [render_user_data(2, HOSTS, load_settings("aws")), RESTART], ids=["set-up", "restart"]
)
def test_a_script_is_one_that_bash_reads(script: str) -> None:
    checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")
    # What a machine is handed: docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
    assert len(script.encode()) < 16_384


def test_the_script_goes_on_from_line_to_line_where_it_formats_the_disk() -> None:
    lines = render_user_data(1, HOSTS, load_settings("aws")).splitlines()
    first = next(number for number, line in enumerate(lines) if "kafka-storage.sh format" in line)

    assert [line.endswith("\\") for line in lines[first : first + 4]] == [True, True, True, False]
    assert "name=admin" in lines[first + 1]
    assert "name=job" in lines[first + 2]


def test_three_brokers_keep_three_replicas_of_which_two_must_be_in_step() -> None:
    properties = dict(line.split("=", 1) for line in render_properties(2, HOSTS).splitlines())

    assert (properties["default.replication.factor"], properties["min.insync.replicas"]) == ("3", "2")
    assert properties["controller.quorum.voters"].count("@") == 3
    assert "PLAINTEXT" not in properties["listener.security.protocol.map"]


def test_one_broker_for_trials_needs_nobody_else() -> None:
    properties = dict(line.split("=", 1) for line in render_properties(1, HOSTS[:1]).splitlines())

    assert (properties["default.replication.factor"], properties["min.insync.replicas"]) == ("1", "1")


def test_a_cluster_keeps_its_id() -> None:
    assert name_cluster("123456789012", "us-east-1") == name_cluster("123456789012", "us-east-1")
    assert name_cluster("123456789012", "us-east-1") != name_cluster("123456789012", "eu-west-1")
    assert len(name_cluster("123456789012", "us-east-1")) == 22


def test_without_a_network_there_are_no_brokers() -> None:
    with pytest.raises(ConfigurationError, match="vpc_id, subnet_ids and kafka_image"):
        render_kafka(load_settings("aws"))
