"""Pipelines' functions on the emulated Lambda, as `function deploy` creates them."""

from __future__ import annotations

from aws_integration.function_deployment import (
    Code,
    change_function,
    choose_code,
    describe_function,
    find_function,
    open_function_site,
    plan_function,
)
from aws_integration.function_package import KAFKA
from aws_integration.plan import Step
from connections.kafka import describe_topic_ids
from connections.settings import Settings
from pipeline_contract.kafka_event import name_function
from sandbox.stack import PROJECT
from tests.integration.kafka_consumer.pipelines import Pipeline


def local_settings(settings: Settings) -> Settings:
    """Settings of the name that a function can load."""
    return settings.model_copy(update={"environment": "local"})


def deploy_function(pipeline: Pipeline, settings: Settings | None = None, code: Code | None = None) -> list[Step]:
    """Create the pipeline's function, or bring it up to date, and return what was done; `settings` stand for its own."""
    contract, settings = pipeline.contract, settings or pipeline.settings
    code = code or choose_code(name_function(contract.name), KAFKA, settings, None, PROJECT)
    ids = describe_topic_ids(settings.kafka, (contract.topic.name, contract.topic.rejected))
    wanted = describe_function(str(pipeline.path), contract, local_settings(settings), ids)
    site = open_function_site(settings)
    steps = plan_function(wanted, code, "python3.11", "x86_64", find_function(site, wanted["FunctionName"], code))
    change_function(site, steps, code, lambda _: None)
    return steps
