"""The emulated schema registry as one of the sandbox's services."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import requests

from pipeline_contract.errors import ServiceError
from sandbox.services import Service

_HEALTH_MARK = "emulated schema registry"


def probe_registry(url: str) -> None:
    """Raise unless the registry answers, and is this one."""
    if _HEALTH_MARK not in requests.get(f"{url}/_sandbox/health", timeout=5).text:
        raise ServiceError(f"{url} answers, but is not the sandbox's schema registry")


def describe_registry(host: str, port: int, state_dir: Path, project: Path) -> Service:
    """The sandbox's schema registry as a service; `project` is the folder that holds the package `sandbox`."""
    folder = state_dir / "registry"
    command = [sys.executable, "-m", "sandbox.registry", "--host", host, "--port", str(port)]
    command += ["--state-dir", str(folder)]
    return Service(
        name="registry",
        title="schema registry",
        nature="emulated",
        host=host,
        port=port,
        setting="kafka.schema_registry_url",
        needs=(),
        state_dir=folder,
        run_dir=state_dir / "run",
        folder=project,
        build_command=partial(list, command),
        probe=partial(probe_registry, f"http://{host}:{port}"),
    )
