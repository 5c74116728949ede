"""`python -m sandbox.registry`: the emulated schema registry as a process of its own, started by `python -m sandbox up`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from sandbox.registry.endpoint import Registry
from sandbox.registry.store import SchemaStore


def main(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")],
    state_dir: Annotated[Path, typer.Option(help="Folder that keeps the schemas.")],
) -> None:
    """Serve until SIGTERM, e.g.: python -m sandbox.registry --host 127.0.0.1 --port 18085 --state-dir .sandbox/registry"""
    store = SchemaStore(state_dir / "schemas.json")
    store.load()
    uvicorn.run(Registry(store).make_app(), host=host, port=port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    typer.run(main)
