"""A pipeline and a set of events have stacks and policies of their own."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from aws_integration.shared_names import Stack
from aws_integration.stacks import Contracts, list_stacks
from aws_integration.way_policies import list_policies
from connections.settings import load_settings
from tests.unit.aws_integration.rendered_templates import EVENTS, FLIGHTS, READINGS, SIGNED_BY_TYPE

CONTRACTS = Contracts({"flights": FLIGHTS, "readings": READINGS}, {"events": EVENTS})


class Listing(NamedTuple):
    id: str
    stacks: tuple[Stack, ...]
    names: tuple[str, ...]
    listed: list[str]


@pytest.mark.parametrize(
    "case",
    [
        Listing("a-pipeline", tuple(Stack), ("flights",), ["-", "flights", "flights", "flights", "-"]),
        Listing("events", tuple(Stack), ("events",), ["-", "events", "-"]),
        Listing("all-there-are", (Stack.STREAM, Stack.EVENTS), (), ["flights", "readings", "events"]),
        Listing("a-contract-that-is-gone", (Stack.STREAM, Stack.EVENTS), ("old",), ["old", "old"]),
        Listing("what-a-pipeline-has-not", (Stack.EVENTS,), ("flights",), []),
    ],
    ids=lambda case: case.id,
)
def test_a_name_stands_for_the_stacks_that_it_can_have(case: Listing) -> None:
    assert [named.subject or "-" for named in list_stacks(case.stacks, case.names, CONTRACTS)] == case.listed


def test_a_sender_has_a_policy_where_requests_are_signed() -> None:
    settings = load_settings("aws")

    assert list(list_policies(EVENTS, settings)) == ["millrace-events-api", "millrace-events-firehose"]
    (statement,) = list_policies(SIGNED_BY_TYPE, settings)["millrace-sender-events"]["Statement"]
    assert statement["Resource"] == ["arn:aws:execute-api:us-east-1:123456789012:<api-id>/v1/POST/events"]


def test_the_function_behind_an_api_cannot_read_the_secret_of_the_warehouse() -> None:
    settings = load_settings("aws")
    settings = settings.model_copy(update={"function": settings.function.model_copy(update={"secret": "warehouse"})})
    statements = list_policies(EVENTS, settings)["millrace-events-api"]["Statement"]

    (secrets,) = (s["Resource"] for s in statements if s["Action"] == ["secretsmanager:GetSecretValue"])
    assert secrets == ["arn:aws:secretsmanager:us-east-1:123456789012:secret:millrace/events/api-??????"]
