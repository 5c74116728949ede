"""The command-line options that several commands share, beside those of every package."""

from __future__ import annotations

from typing import Annotated

import typer

TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait at most.")]
