"""The command-line options that the commands of several packages share."""

from __future__ import annotations

from typing import Annotated

import typer

PipelineArgument = Annotated[str, typer.Argument(help="A pipeline's name, or its contract file.", show_default=False)]
DataSetArgument = Annotated[
    str, typer.Argument(help="A pipeline's name, or that of a set of events, or its contract file.", show_default=False)
]
EnvironmentOption = Annotated[str, typer.Option("--env", help="Settings: a name in conf/environments, or a TOML file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON value on stdout.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the planned list and change nothing.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No talk on stderr.")]
