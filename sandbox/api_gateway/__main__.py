"""`python -m sandbox.api_gateway`: the emulated API Gateway as a process of its own, started by `python -m sandbox up`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from sandbox.api_gateway.server import serve


def main(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")],
    aws_endpoint: Annotated[str, typer.Option(help="URL of the AWS endpoint, which runs the functions.")],
    definitions: Annotated[Path, typer.Option(help="Folder to which the AWS endpoint writes the APIs.")],
    state_dir: Annotated[Path, typer.Option(help="Folder for the access log.")],
    account_id: Annotated[str, typer.Option(help="The emulated account.")] = "000000000000",
) -> None:
    """Serve the account's REST APIs at /<API>/<stage>/<path> until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(host, port, definitions, state_dir, aws_endpoint, account_id)


if __name__ == "__main__":
    typer.run(main)
