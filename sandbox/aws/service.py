"""The emulated AWS endpoint as one of the sandbox's services."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import requests

from pipeline_contract.errors import ServiceError
from sandbox.services import Service

HEALTH_MARK = "millrace sandbox, emulated AWS"


def probe_endpoint(url: str) -> None:
    """Raise unless the endpoint answers, and is this one."""
    answer = requests.get(f"{url}/_sandbox/health", timeout=5)
    if HEALTH_MARK not in answer.text:
        raise ServiceError(f"{url} answers, but is not the sandbox's AWS endpoint")


def describe_aws(host: str, port: int, account_id: str, state_dir: Path, project: Path) -> Service:
    """The sandbox's AWS endpoint as a service; `project` is the folder that holds the package `sandbox`."""
    folder = state_dir / "aws"
    command = [sys.executable, "-m", "sandbox.aws", "--host", host, "--port", str(port)]
    command += ["--state-dir", str(folder), "--account-id", account_id]
    return Service(
        name="aws",
        title="AWS endpoint",
        nature="emulated",
        host=host,
        port=port,
        setting="s3.endpoint_url",
        needs=(),
        state_dir=folder,
        run_dir=state_dir / "run",
        folder=project,
        build_command=partial(list, command),
        probe=partial(probe_endpoint, f"http://{host}:{port}"),
    )
