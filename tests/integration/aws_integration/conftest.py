"""A pipeline with objects of the way `s3`, and the commands of the AWS side on the session's endpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aws_integration.__main__ import app
from connections.s3 import open_s3
from connections.settings import S3Settings, Settings
from tests.integration.aws_integration.way_objects import WayObjects, write_contract

Run = Callable[..., Result]


@pytest.fixture
def objects(
    s3_endpoint: str, unique_name: str, unique_bucket: str, session_settings: Settings, tmp_path: Path
) -> WayObjects:
    """A pipeline of this test's own, with the flights' columns, in a bucket of its own."""
    contract = write_contract(tmp_path, unique_name)
    return WayObjects(open_s3(session_settings.s3), unique_bucket, contract)


@pytest.fixture
def run(objects: WayObjects, session_settings: Settings) -> Run:
    """Runs a command against the session's endpoint and the test's bucket."""
    s3: S3Settings = session_settings.s3
    variables = {"MILLRACE_S3__ENDPOINT_URL": str(s3.endpoint_url), "MILLRACE_S3__BUCKET": objects.bucket}

    def invoke(*arguments: str, **changed: str) -> Result:
        return CliRunner().invoke(app, arguments, env=variables | changed)

    return invoke
