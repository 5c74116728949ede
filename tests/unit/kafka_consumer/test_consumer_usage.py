"""Wrong use of the command, before anything is asked of a service."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from kafka_consumer.__main__ import app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("readings", "--to", "nowhere"), "--to: found 'nowhere'"),
        (("readings", "--to", "snowflake", "--env", "nowhere"), "no environment 'nowhere'"),
        (("nothing", "--to", "snowflake"), "'nothing'"),
    ],
    ids=["destination", "environment", "pipeline"],
)
def test_wrong_use_ends_with_exit_code_2_and_what_is_allowed(arguments: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, ["run", *arguments])

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
