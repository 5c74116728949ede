"""`python -m sandbox.aws`: the emulated AWS endpoint as a process of its own, started by `python -m sandbox up`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def main(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")],
    state_dir: Annotated[Path, typer.Option(help="Folder that keeps buckets, objects, queues and messages.")],
    account_id: Annotated[str, typer.Option(help="The emulated account.")] = "000000000000",
) -> None:
    """Serve until SIGTERM, e.g.: python -m sandbox.aws --host 127.0.0.1 --port 15000 --state-dir .sandbox/aws"""
    # moto reads its settings when it is imported. Addresses here are always path style.
    os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"
    os.environ["MOTO_PORT"] = str(port)
    from sandbox.aws.server import serve  # noqa: PLC0415 - see above

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(host, port, state_dir, account_id)


if __name__ == "__main__":
    typer.run(main)
