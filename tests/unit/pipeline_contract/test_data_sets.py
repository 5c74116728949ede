"""A name is that of a pipeline or of a set of events."""

from __future__ import annotations

import pytest

from pipeline_contract.data_sets import load_data_set
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_model import EventContract
from pipeline_contract.model import Contract


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("flights", Contract),
        ("events", EventContract),
        ("conf/pipelines/flights.toml", Contract),
        ("conf/events/events.toml", EventContract),
    ],
)
def test_a_name_or_a_file_is_that_of_a_pipeline_or_of_a_set_of_events(name: str, kind: type) -> None:
    assert isinstance(load_data_set(name), kind)


def test_a_name_that_nobody_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"'nothing' \(known pipelines: flights, readings; events: events\)"):
        load_data_set("nothing")
