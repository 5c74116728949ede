"""What the documents say exists: commands with their options, make targets, settings, links, programs."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from connections.settings import ENV_PREFIX, Settings, load_settings
from demo.guide import write_guide
from pipeline_contract.contract_file import find_contract, load_contract
from tests.documents import DOCUMENTS, SHELLS, Command, list_commands, read_blocks, read_commands

OURS = list_commands(re.compile(r"(python -m|millrace-)"))
MAKES = list_commands(re.compile(r"make "))
# Programs of others that a document may call; what they do needs an account, or makes a key of the reader's own.
OTHER_PROGRAMS = {"aws", "curl", "openssl", "mkdir"}
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(#[^)\s]+)?\)")
INLINE_MODULE = re.compile(r"`python -m ([a-z_]+)(?: ([a-z-]+))?")


def find_app(module: str) -> Any:
    """A module's command; Typer brings its own copy of click, so that the type is not click's."""
    return typer.main.get_command(importlib.import_module(f"{module}.__main__").app)


def parse(command: Any, arguments: list[str]) -> None:
    """Take the arguments as the command would, without carrying it out; an error is one of click's."""
    context = command.make_context("documented", arguments)
    while hasattr(command, "resolve_command"):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None, name
        command, context = found, found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("command", OURS, ids=lambda command: f"{command.place} {command.line[:60]}")
def test_a_documented_command_takes_its_arguments(command: Command) -> None:
    module, *arguments = command.words[2:]
    if module == "sandbox.snowflake":  # a service that the sandbox starts by itself, with argparse
        assert importlib.util.find_spec("sandbox.snowflake.__main__") is not None
        return
    parse(find_app(module), arguments)


@pytest.mark.parametrize("command", MAKES, ids=lambda command: f"{command.place} {command.line}")
def test_a_documented_target_exists(command: Command) -> None:
    answer = subprocess.run(
        ["make", "-n", "-o", ".venv/.set-up", *command.words[1:]], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


def test_no_other_program_stands_in_a_document_without_being_known_here() -> None:
    blocks = [block for path in DOCUMENTS for block in read_blocks(path) if block.language in SHELLS]
    known = ("python -m ", "make ", "source .venv/bin/activate", "'{")
    lines = [c for block in blocks for c in read_commands(block) if not c.line.startswith(known)]
    assert {c.words[0] for c in lines} <= OTHER_PROGRAMS


def test_modules_that_are_named_in_a_sentence_exist() -> None:
    for path in DOCUMENTS:
        for module, verb in INLINE_MODULE.findall(path.read_text(encoding="utf-8")):
            command = find_app(module)
            assert not verb or verb in command.commands, f"{path}: {module} {verb}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        file = path.parent / target if target else path
        assert file.exists(), f"{path}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}, anchor


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_settings_that_are_named_exist(path: Path) -> None:
    for section, key in re.findall(r"MILLRACE_([A-Z0-9]+)__([A-Z0-9_]+)", path.read_text(encoding="utf-8")):
        assert key.lower() in Settings.model_fields[section.lower()].annotation.model_fields  # type: ignore[union-attr]


def test_the_readme_shows_the_same_programs_as_the_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
        monkeypatch.delenv(variable)
    guide = write_guide(load_settings("local"), load_contract(find_contract("flights")))

    shown = [block.text for block in read_blocks(Path("README.md")) if block.language == "python"]

    assert shown == [program.rstrip("\n") for program in guide.values()]


def test_make_help_names_every_target_of_the_runbook() -> None:
    printed = subprocess.run(["make", "help"], capture_output=True, text=True, check=True).stdout

    wanted = "help setup demo up down status topics produce stream snowpipe query verify test chaos lint clean"
    assert set(wanted.split()) <= {line.split()[0] for line in printed.splitlines()[1:]}
