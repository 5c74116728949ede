"""Starts the emulated Snowflake: `python -m sandbox.snowflake --port 15001 --state-dir DIR --aws-endpoint URL`."""

from __future__ import annotations

import ipaddress
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import duckdb
import typer
from rich.console import Console

from sandbox.snowpipe.object_store import AwsEndpoint

EXAMPLE = (
    "Example: python -m sandbox.snowflake --port 15001 --state-dir .sandbox/snowflake "
    "--aws-endpoint http://127.0.0.1:15000"
)
app = typer.Typer(add_completion=False)
console = Console(stderr=True, soft_wrap=True)


@contextmanager
def hide_pandas() -> Iterator[None]:
    """Let nothing import pandas meanwhile: the connector does where it can, a third of each start, and nothing uses it."""
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]  # an import of it is then an ImportError
    try:
        yield
    finally:
        del sys.modules["pandas"]


def bind_loopback(host: str, port: int) -> socket.socket:
    """Return a socket bound to a loopback address, or leave with exit code 2 and the reason."""
    name = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.ip_address(name).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        console.print(f"--host {host}: the emulated Snowflake listens on loopback only, use 127.0.0.1")
        raise typer.Exit(2)
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it each answer waits for a delayed ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((name, port))
    except OSError as error:
        console.print(f"--port {port}: {error.strerror}; stop what listens there or choose another port")
        raise typer.Exit(2) from None
    return listener


@app.command(epilog=EXAMPLE)
def serve(
    port: Annotated[int, typer.Option(help="TCP port to listen on.")],
    state_dir: Annotated[Path, typer.Option(help="Folder that holds databases, load histories and pending files.")],
    aws_endpoint: Annotated[str, typer.Option(help="URL of the AWS endpoint that serves S3 and SQS.")],
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    region: Annotated[str, typer.Option(help="AWS region of buckets and queue.")] = "us-east-1",
) -> None:
    """Serve an emulated Snowflake, with the local Snowpipe, to the real Snowflake connector."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    listener = bind_loopback(host, port)
    with hide_pandas():
        from sandbox.snowflake.endpoint import run_endpoint  # noqa: PLC0415
    try:
        run_endpoint(listener, state_dir, AwsEndpoint(aws_endpoint, region))
    except duckdb.IOException as error:
        console.print(f"--state-dir {state_dir}: {error}; is another emulated Snowflake using this folder?")
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app(prog_name="python -m sandbox.snowflake")
