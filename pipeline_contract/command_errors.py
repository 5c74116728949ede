"""How every command ends on an error that a user is meant to read: the message on stderr, the error's exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from pipeline_contract.errors import PipelineError


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Turn a `PipelineError` into its message on stderr and its exit code; anything else passes through."""
    try:
        yield
    except PipelineError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
