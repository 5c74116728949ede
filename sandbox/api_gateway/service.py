"""The emulated API Gateway as one of the sandbox's services."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import requests

from pipeline_contract.errors import ServiceError
from sandbox.services import Service

# Below the AWS endpoint's own folder.
DEFINITIONS = "api_gateway"
_HEALTH_MARK = "emulated API Gateway"


def probe_gateway(url: str) -> None:
    """Raise unless the gateway answers, and is this one."""
    if _HEALTH_MARK not in requests.get(f"{url}/_sandbox/health", timeout=5).text:
        raise ServiceError(f"{url} answers, but is not the sandbox's API Gateway")


def describe_api_gateway(host: str, port: int, account_id: str, aws: Service, state_dir: Path) -> Service:
    """The sandbox's API Gateway as a service beside its AWS endpoint."""
    folder = state_dir / "api_gateway"
    command = [sys.executable, "-m", "sandbox.api_gateway", "--host", host, "--port", str(port)]
    command += ["--aws-endpoint", f"http://{aws.address}", "--definitions", str(aws.state_dir / DEFINITIONS)]
    command += ["--state-dir", str(folder), "--account-id", account_id]
    return Service(
        name="api_gateway",
        title="API Gateway",
        nature="emulated",
        host=host,
        port=port,
        setting="api.endpoint_url",
        needs=("aws",),
        state_dir=folder,
        run_dir=state_dir / "run",
        folder=aws.folder,
        build_command=partial(list, command),
        probe=partial(probe_gateway, f"http://{host}:{port}"),
    )
