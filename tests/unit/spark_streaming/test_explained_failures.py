"""What Spark says of a failed query comes back in words of ours, where a user can do something about it."""

from __future__ import annotations

import pytest

from pipeline_contract.errors import ConfigurationError
from spark_streaming.query import explain_failure

CASES = {
    "two drivers log a batch": ("[CONCURRENT_STREAM_LOG_UPDATE] batch 3", "another driver"),
    "two drivers begin a checkpoint": (
        "o1.start.\n: java.lang.RuntimeException: x\nCaused by: org.apache.hadoop.fs.FileAlreadyExistsException: Rename "
        "destination file:/c/ingest/metadata already exists.",
        "another driver",
    ),
    "offsets are gone": ("set failOnDataLoss to false", "offsets that were not yet read are gone"),
    "anything else": ("\nJob aborted\n\tat x.y", "Spark stopped the query: Job aborted"),
}


@pytest.mark.parametrize(("said", "expected"), CASES.values(), ids=CASES)
def test_each_failure_has_its_words(said: str, expected: str) -> None:
    explained = explain_failure("flights/ingest", RuntimeError(said))
    assert str(explained).startswith("flights/ingest: ")
    assert expected in str(explained)


def test_an_error_of_ours_keeps_its_kind_and_its_words() -> None:
    stack = "Traceback:\n  File x\npipeline_contract.errors.ConfigurationError: topic 'a' is not there\n\n\tat y"
    explained = explain_failure("flights/ingest", RuntimeError(stack))
    assert isinstance(explained, ConfigurationError)
    assert str(explained) == "flights/ingest: topic 'a' is not there"
