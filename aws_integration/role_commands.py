"""The verb `python -m aws_integration roles`."""

from __future__ import annotations

from typing import Annotated

import typer

from aws_integration import presentation
from aws_integration.role_files import FOLDER, compare_files, describe_subject_files, write_files
from aws_integration.subjects import SubjectArgument, load_subject
from connections.settings import load_settings
from pipeline_contract import command_options as o
from pipeline_contract.command_errors import exit_on_error
from pipeline_contract.errors import CheckFailed


def roles(
    name: SubjectArgument,
    environment: o.EnvironmentOption = "aws",
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file is not current.")] = False,
    quiet: o.QuietOption = False,
) -> None:
    """Write the IAM roles and policies of a pipeline, or of a set of events, to aws_integration/iam/, as the stacks have them.

    Example: python -m aws_integration roles flights --env aws
    """
    with exit_on_error():
        files = describe_subject_files(load_subject(name), load_settings(environment))
        if not check:
            write_files(files, FOLDER)
        elif differences := compare_files(files, FOLDER):
            raise CheckFailed("\n".join([*differences, f"write them: python -m aws_integration roles {name}"]))
    presentation.open_talk(quiet).print(f"{len(files)} files in aws_integration/iam are current")
