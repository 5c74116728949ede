"""Kafka's access lists: what each party of a pipeline may do, and that nothing more is granted."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline_contract.access_lists import PARTIES, Access, Party, derive_access, write_commands
from pipeline_contract.contract_file import load_contract

FLIGHTS = load_contract(Path("conf/pipelines/flights.toml"))
READERS: tuple[Party, ...] = ("stream", "direct", "s3", "lambda", "reader")


@pytest.mark.parametrize("party", READERS)
def test_who_reads_may_not_write(party: Party) -> None:
    operations = {operation for access in derive_access(FLIGHTS, party) for operation in access.operations}

    assert operations == {"Read", "Describe"}


@pytest.mark.parametrize("party", PARTIES)
def test_nobody_may_delete_alter_or_touch_another_pipeline(party: Party) -> None:
    for access in derive_access(FLIGHTS, party):
        assert not {"Delete", "Alter", "AlterConfigs", "All", "ClusterAction"} & set(access.operations)
        assert "flights" in access.name or access.name == "millrace-reader"
        assert access.kind != "topic" or not access.is_prefix


def test_each_consumer_has_a_group_of_its_own() -> None:
    groups = [access.name for party in ("direct", "s3", "lambda") for access in derive_access(FLIGHTS, party)[2:]]

    assert groups == ["millrace-flights-direct", "millrace-flights-s3", "millrace-flights-lambda"]


def test_the_lines_are_quoted_for_the_shell() -> None:
    [line] = write_commands(
        "User:CN=a b", "h:1", [Access("transactional-id", "x-", ("Write", "Describe"), is_prefix=True)]
    )

    assert line == (
        "kafka-acls.sh --bootstrap-server h:1 --command-config admin.properties --add --allow-principal 'User:CN=a b' "
        "--operation Write --operation Describe --transactional-id x- --resource-pattern-type prefixed"
    )
